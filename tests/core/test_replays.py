"""Replies that are kept, against a dictionary of what each number was answered with."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver import replays as module
from shareserver.replays import ReplayTable

AGE_S = 10.0
LESSEES = ["ts1", "ts2"]
INFO = m.FileInfo(1, "file", 0, 1, 0o644, 0, 0, 0)
lessees = st.sampled_from(LESSEES)


def made(handle):
    return m.Created(handle, 2, 0, 1, INFO)


class Replies(RuleBasedStateMachine):
    """The model: what each number of each lessee was answered with, None while it is served."""

    def __init__(self):
        super().__init__()
        self.table = ReplayTable(AGE_S)
        self.now = 0.0
        self.handles = self.done = 0
        self.answered = dict.fromkeys(LESSEES, 0)
        self.asked = {one: dict[int, m.Message | None]() for one in LESSEES}
        self.passed = {one: dict[int, None]() for one in LESSEES}
        self.away = dict[str, float]()

    @rule(lessee=lessees, number=st.integers(1, 12))
    def ask(self, lessee, number):
        known = self.asked[lessee]
        if number <= self.answered[lessee]:
            with pytest.raises(Refused) as no:
                self.table.find(lessee, number, "Create")
            assert Status.STATUS_INVALID_PARAMETER is no.value.status
            return
        found = self.table.find(lessee, number, "Create")
        assert (number in known) is (found is not None)
        if found is not None:
            assert known[number] == found.reply
            return
        self.table.begin(lessee, number, "Create")
        known[number] = None

    @precondition(lambda self: any(None in one.values() for one in self.asked.values()))
    @rule(data=st.data(), how=st.sampled_from(["made", "else", "nothing"]))
    def end(self, data, how):
        under_way = [
            (lessee, number)
            for lessee, known in self.asked.items()
            for number, reply in known.items()
            if reply is None
        ]
        lessee, number = data.draw(st.sampled_from(under_way))
        if how == "nothing":
            self.table.abandon(lessee, number)
            del self.asked[lessee][number]
            return
        self.handles += 1
        reply = made(self.handles) if how == "made" else m.Unlinked()
        assert self.table.finish(lessee, number, reply)
        self.asked[lessee][number] = reply
        self.done += 1

    @rule(lessee=lessees, answered=st.integers(0, 12))
    def acknowledge(self, lessee, answered):
        self.table.acknowledge(lessee, answered)
        self.answered[lessee] = most = max(answered, self.answered[lessee])
        known = self.asked[lessee]
        self.asked[lessee] = {n: reply for n, reply in known.items() if n > most}
        unwanted = [one for one in self.passed[lessee] if one not in self.unanswered(lessee)]
        assert unwanted == self.table.take_unwanted(lessee)
        for handle in unwanted:
            del self.passed[lessee][handle]

    def unanswered(self, lessee):
        replies = self.asked[lessee].values()
        return [one.handle for one in replies if isinstance(one, m.Created)]

    @precondition(lambda self: any(map(self.unanswered, LESSEES)))
    @rule(data=st.data(), wanted=st.booleans())
    def come_for_it_or_not(self, data, wanted):
        lessee = data.draw(st.sampled_from([*filter(self.unanswered, LESSEES)]))
        handle = data.draw(st.sampled_from(self.unanswered(lessee)))
        if wanted:
            self.table.take_up(lessee, handle)
            self.passed[lessee].pop(handle, None)
        else:
            self.table.pass_over(lessee, handle)
            self.passed[lessee][handle] = None

    @rule(lessee=lessees)
    def leave(self, lessee):
        self.table.leave(lessee, self.now)
        self.away.pop(lessee, None)
        if self.asked[lessee]:
            self.away[lessee] = self.now + AGE_S
        else:
            self.answered[lessee], self.passed[lessee] = 0, {}

    @rule(lessee=lessees)
    def come(self, lessee):
        self.table.come(lessee)
        self.away.pop(lessee, None)

    @rule(seconds=st.floats(0, 8))
    def wait(self, seconds):
        self.now += seconds
        due = [one for one, until in self.away.items() if until <= self.now]
        assert due == self.table.expire(self.now)
        for one in due:
            del self.away[one]
            self.asked[one], self.answered[one], self.passed[one] = {}, 0, {}

    @rule(lessee=lessees, number=st.integers(13, 20))
    def finish_what_nobody_asked(self, lessee, number):
        assert not self.table.finish(lessee, number, m.Unlinked())
        self.table.abandon(lessee, number)

    @invariant()
    def agrees(self):
        self.table.validate()
        counters = self.table.statistics()
        assert sum(map(len, self.asked.values())) == counters["replies_kept"]
        assert self.done == counters["once_done"]
        assert next(iter(self.away.values()), None) == self.table.next_due()
        for lessee in LESSEES:
            unanswered = self.unanswered(lessee)
            for handle in range(1, self.handles + 1):
                assert (handle in unanswered) is self.table.is_unanswered(lessee, handle)


TestReplies = Replies.TestCase
TestReplies.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_a_number_belongs_to_one_request():
    table = ReplayTable(AGE_S)
    table.begin("ts1", 1, "Create")
    with pytest.raises(Refused, match="was a Create") as no:
        table.find("ts1", 1, "Unlink")
    assert Status.STATUS_INVALID_PARAMETER is no.value.status


def test_a_lessee_has_so_many_replies_and_no_more(monkeypatch):
    monkeypatch.setattr(module, "ONCE_MAX", 3)
    table = ReplayTable(AGE_S)
    for number in range(1, 4):
        table.begin("ts1", number, "Unlink")
    with pytest.raises(Refused) as no:
        table.begin("ts1", 4, "Unlink")
    assert Status.STATUS_INSUFFICIENT_RESOURCES is no.value.status
    table.acknowledge("ts1", 1)
    table.begin("ts1", 4, "Unlink")
    table.validate()


def test_who_is_away_makes_room_for_who_is_there(monkeypatch):
    monkeypatch.setattr(module, "REPLAYS_MAX", 3)
    table = ReplayTable(AGE_S)
    for number, lessee in enumerate(["ts1", "ts2", "ts2"], 1):
        table.begin(lessee, number, "Unlink")
    table.leave("ts1", 0.0)
    table.begin("ts2", 4, "Unlink")
    assert table.find("ts1", 1, "Unlink") is None
    with pytest.raises(Refused) as no:
        table.begin("ts2", 5, "Unlink")
    assert Status.STATUS_INSUFFICIENT_RESOURCES is no.value.status
    table.validate()
