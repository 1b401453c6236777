"""The dormant table: a handle is in use, DORMANT, CLOSING or gone, and exactly one of these."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from redird.dormant import DormantTable
from redird.holdings import Handle
from tests.core.dormancy import AGE_S, DELETE, PATHS, READ, WRITE, connection, handle

IN_USE, DORMANT, CLOSING, GONE = "in use", "dormant", "closing", "gone"

paths = st.sampled_from(PATHS)
accesses = st.sampled_from([READ, READ | WRITE, DELETE])
shares = st.sampled_from([0, 1, 3, 7])


def refuses(access, share):
    return bool(
        (access & READ and not share & 1)
        or (access & WRITE and not share & 2)
        or (access & DELETE and not share & 4)
    )


class Dormancy(RuleBasedStateMachine):
    """The model: the state of every handle, and the dormant ones in the order of parking."""

    def __init__(self):
        super().__init__()
        self.connections = [connection(1), connection(2), connection(3, "mail")]
        self.where: dict[Handle, str] = {}
        self.dormant: list[Handle] = []
        self.now = 1000.0
        self.counted = {"files_parked": 0, "files_revived": 0, "files_evicted": 0}
        self.closed = 0
        self.sent: set[Handle] = set()

    @initialize(files_max=st.sampled_from([0, 1, 2, None]), shared=st.booleans())
    def make(self, files_max, shared):
        self.files_max, self.shared = files_max, shared
        self.table = DormantTable(AGE_S, files_max, shared=shared)

    def some(self, data, *states):
        """A few handles in these states."""
        those = {one.number: one for one, state in self.where.items() if state in states}
        if not those:
            return []
        drawn = data.draw(st.lists(st.sampled_from(list(those)), max_size=3, unique=True))
        return [those[number] for number in drawn]

    def expect_taken(self, expected, taken):
        assert expected == taken
        for one in taken:
            self.dormant.remove(one)
            self.where[one] = CLOSING

    # --- coming and going ---

    @rule(at=st.integers(0, 2), path=paths, access=accesses, share=shares)
    def open(self, at, path, access, share):
        number = len(self.where)
        made = handle(self.connections[at], path, number, access, share)
        made.opens.add(number)
        self.where[made] = IN_USE

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, AGE_S]))
    def wait(self, seconds):
        self.now += seconds

    @rule(data=st.data())
    def park(self, data):
        for one in self.some(data, IN_USE):
            one.opens.clear()
            self.dormant.append(one)
            self.where[one] = DORMANT
            self.counted["files_parked"] += 1
            held = [other for other in self.dormant if other.connection is one.connection]
            over = self.files_max is not None and len(held) > self.files_max
            self.counted["files_evicted"] += over
            self.expect_taken(held[:1] if over else [], self.table.park(one, self.now))
            assert (self.now, self.now + AGE_S) == (one.parked_at, one.due_at)

    @rule(at=st.integers(0, 2), path=paths, access=accesses, share=shares)
    def revive(self, at, path, access, share):
        mine = self.connections[at]
        expected = [
            one
            for one in self.dormant
            if (one.connection.share, one.path) == (mine.share, path)
            and (one.access, one.share) == (access, share)
            and (self.shared or one.connection is mine)
        ]
        revived = self.table.revive(mine, path, access, share)
        assert revived is (expected[0] if expected else None)
        if revived is not None:
            self.dormant.remove(revived)
            self.where[revived] = IN_USE
            revived.opens.add(1)
            self.counted["files_revived"] += 1

    @rule(data=st.data())
    def start_closing(self, data):
        chosen = self.some(data, IN_USE, DORMANT, CLOSING)
        expected = [one for one in chosen if self.where[one] == IN_USE]

        assert expected == self.table.start_closing(chosen)
        for one in expected:
            one.opens.clear()
            self.where[one] = CLOSING

    @rule(data=st.data())
    def mark_sent(self, data):
        chosen = self.some(data, CLOSING)
        self.table.mark_sent(chosen)
        self.sent.update(chosen)

    @invariant()
    def whoever_closes_is_unsent_until_the_server_was_asked(self):
        closing = {one for one, state in self.where.items() if state == CLOSING}
        assert closing - self.sent == set(self.table.unsent())

    @rule(data=st.data())
    def confirm(self, data):
        chosen = self.some(data, IN_USE, DORMANT, CLOSING, GONE)
        self.table.confirm_closed(chosen)
        for one in chosen:
            if self.where[one] in (DORMANT, CLOSING):
                self.dormant = [other for other in self.dormant if other is not one]
                self.where[one] = GONE
                self.closed += 1

    # --- taking ---

    @rule()
    def take_due(self):
        due = [one for one in self.dormant if one.due_at <= self.now]
        self.expect_taken(due, self.table.take_due(self.now))

    @rule(at=st.integers(0, 2))
    def take_connection(self, at):
        mine = self.connections[at]
        held = [one for one in self.dormant if one.connection is mine]
        assert held == self.table.of_connection(mine)
        self.expect_taken(held, self.table.take_connection(mine))

    def on(self, share, path):
        return [
            one for one in self.dormant if (one.connection.share, one.path) == (share, path)
        ]

    @rule(share=st.sampled_from(["docs", "mail"]), path=paths)
    def take_path(self, share, path):
        taken = self.table.take_path("files", share, path)
        self.expect_taken(self.on(share, path), taken)

    @rule(share=st.sampled_from(["docs", "mail"]), path=paths)
    def take_below(self, share, path):
        below = {
            one
            for one in self.dormant
            if one.connection.share == share
            and one.path.split("/")[: path.count("/") + 1] == path.split("/")
            and one.path != path
        }
        taken = self.table.take_below("files", share, path)
        assert len(below) == len(taken)
        self.expect_taken(sorted(below, key=taken.index), taken)

    @rule(share=st.sampled_from(["docs", "mail"]), path=paths, access=accesses, mode=shares)
    def take_in_conflict(self, share, path, access, mode):
        in_way = [
            one
            for one in self.on(share, path)
            if refuses(access, one.share) or refuses(one.access, mode)
        ]
        self.expect_taken(
            in_way, self.table.take_in_conflict("files", share, path, access, mode)
        )

    @rule(data=st.data())
    def take(self, data):
        chosen = self.some(data, IN_USE, DORMANT, CLOSING, GONE)
        dormant = [one for one in chosen if self.where[one] == DORMANT]
        self.expect_taken(dormant, self.table.take(chosen))

    # --- always ---

    @invariant()
    def the_table_agrees(self):
        self.table.validate()
        assert self.dormant == self.table.all()
        assert len(self.dormant) == len(self.table)
        for one, state in self.where.items():
            assert (state == CLOSING) is self.table.is_closing(one)
        closing = sum(state == CLOSING for state in self.where.values())
        expected = self.counted | {"dormant": len(self.dormant), "closing": closing}
        assert expected | {"files_closed": self.closed} == self.table.statistics()

    @invariant()
    def the_oldest_is_due_first(self):
        due = [one.due_at for one in self.dormant]
        assert due == sorted(due)
        assert min(due, default=math.inf) == self.table.next_due()


TestDormancy = Dormancy.TestCase
TestDormancy.settings = settings(stateful_step_count=25)
