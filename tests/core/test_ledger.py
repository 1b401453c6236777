"""The ledger against a plain list of who holds what."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shareserver import ledger as module
from shareserver.ledger import ConnectionLedger, Use

SHARES = ["docs", "mail"]
limits = st.none() | st.integers(0, 4)


def admit(ledger, share="docs", uses_max=None, session=1, peer=1, user="ann", now_ns=0):
    return ledger.admit(share, uses_max, session, peer, user, now_ns)


class Slots(RuleBasedStateMachine):
    """The model: the uses held, in order, and every fact that there should be."""

    def __init__(self):
        super().__init__()
        self.ledger = ConnectionLedger()
        self.held: list[Use] = []
        self.given: list[int] = []
        self.facts: list[tuple] = []
        self.refused = self.now_ns = 0

    def count(self, share):
        return len([use for use in self.held if use.share == share])

    def expect_fact(self, kind, use):
        count = self.count(use.share)
        self.facts.append((kind, use.number, use.share, use.user, count, self.now_ns))

    @rule(share=st.sampled_from(SHARES), uses_max=limits, user=st.sampled_from(["ann", "bob"]))
    def admit(self, share, uses_max, user):
        self.now_ns += 1
        full = uses_max is not None and self.count(share) >= uses_max
        use = self.ledger.admit(share, uses_max, 7, 8, user, self.now_ns)
        if use is None or full:
            assert full
            assert use is None
            return
        assert use == Use(use.number, share, 7, 8, user, self.now_ns)
        assert use.number > max(self.given, default=0)
        self.held.append(use)
        self.given.append(use.number)
        self.expect_fact("use_admitted", use)

    @rule(data=st.data())
    def release(self, data):
        """Any number at all: held, given back before, or never given."""
        self.now_ns += 1
        number = data.draw(st.sampled_from([*self.given, 0, 10**6]))
        expected = next((use for use in self.held if use.number == number), None)

        assert expected == self.ledger.release(number, self.now_ns)
        if expected is not None:
            self.held.remove(expected)
            self.expect_fact("use_released", expected)

    @rule()
    def refuse(self):
        self.ledger.note_refusal()
        self.refused += 1

    @rule(data=st.data())
    def ask_for_facts(self, data):
        since = data.draw(st.integers(0, len(self.facts)))
        told = self.ledger.facts(since)
        keys = ("kind", "tree", "share", "user", "uses", "at_ns")

        assert self.facts[since:] == [tuple(fact[key] for key in keys) for fact in told]
        numbers = [fact["number"] for fact in told]
        assert numbers == list(range(since + 1, len(self.facts) + 1))

    @invariant()
    def the_ledger_agrees(self):
        self.ledger.validate()
        assert self.held == self.ledger.all()
        for share in SHARES:
            assert self.count(share) == self.ledger.uses(share)
            assert self.ledger.holders(share) == [u for u in self.held if u.share == share]
        for number in self.given:
            known = next((use for use in self.held if use.number == number), None)
            assert known == self.ledger.find(number)

    @invariant()
    def the_counters_equal_the_records(self):
        admitted = len(self.given)
        expected = {
            "uses": len(self.held),
            "uses_admitted": admitted,
            "uses_refused": self.refused,
            "uses_released": admitted - len(self.held),
        }

        assert expected == self.ledger.statistics()


TestSlots = Slots.TestCase
TestSlots.settings = settings(stateful_step_count=25)


@pytest.mark.parametrize("uses_max", [0, 1, 10])
def test_there_are_never_more_uses_than_the_limit(uses_max):
    ledger = ConnectionLedger()
    given = [admit(ledger, uses_max=uses_max) for _ in range(40)]

    assert uses_max == sum(use is not None for use in given)
    assert uses_max == ledger.uses("docs")


def test_one_release_makes_room_for_one():
    ledger = ConnectionLedger()
    first = admit(ledger, uses_max=1)
    ledger.release(first.number, 0)
    second = admit(ledger, uses_max=1)

    assert second.number > first.number
    assert admit(ledger, uses_max=1) is None
    assert ledger.release(first.number, 0) is None  # an old number frees no new slot
    assert [second] == ledger.all()


def test_a_share_nobody_uses_has_no_uses():
    assert (0, []) == (ConnectionLedger().uses("docs"), ConnectionLedger().holders("docs"))


def test_facts_are_bounded_and_the_oldest_go(monkeypatch):
    monkeypatch.setattr(module, "FACTS_MAX", 3)
    ledger = ConnectionLedger()
    for _ in range(5):
        admit(ledger)

    assert [3, 4, 5] == [fact["number"] for fact in ledger.facts(0)]
    assert [5] == [fact["number"] for fact in ledger.facts(4)]
