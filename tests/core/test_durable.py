"""Handles that are kept, against a list of what a reader would write down."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shareserver.durable import DurableTable, Owner

AGE_S = 10.0
OWNERS = [Owner("ts1 k", "u1", "docs"), Owner("ts1 k", "u2", "docs"), Owner("ts2 k", "u1", "x")]


@dataclass
class One:
    """What the model knows of one handle."""

    tree: int
    number: int
    owner: Owner
    until: float


class Kept(RuleBasedStateMachine):
    """The model: one list, oldest first."""

    def __init__(self):
        super().__init__()
        self.table = DurableTable(AGE_S)
        self.now = 100.0
        self.trees = self.numbers = 0
        self.kept: list[One] = []
        self.expired = self.reclaimed = 0

    @rule(owner=st.sampled_from(OWNERS), count=st.integers(0, 4))
    def lose(self, owner, count):
        self.trees += 1
        numbers = range(self.numbers + 1, self.numbers + count + 1)
        self.numbers += count
        self.table.keep(self.trees, owner, numbers, self.now)
        self.kept += [One(self.trees, n, owner, self.now + AGE_S) for n in numbers]

    @rule(seconds=st.floats(0, 8))
    def wait(self, seconds):
        self.now += seconds

    @rule(count_max=st.integers(1, 5))
    def expire(self, count_max):
        due = [one for one in self.kept if one.until <= self.now][:count_max]
        assert [(one.tree, one.number) for one in due] == self.table.due(self.now, count_max)
        self.kept = [one for one in self.kept if one not in due]
        self.expired += len(due)

    @precondition(lambda self: self.kept)
    @rule(data=st.data(), comes_back=st.booleans())
    def take(self, data, comes_back):
        one = data.draw(st.sampled_from(self.kept))
        if comes_back:
            self.table.reclaim(one.tree, one.number)
            self.reclaimed += 1
        else:
            assert self.table.drop(one.tree, one.number)
        self.kept.remove(one)

    @rule(tree=st.integers(0, 5), number=st.integers(0, 10))
    def drop_another(self, tree, number):
        known = [one for one in self.kept if (one.tree, one.number) == (tree, number)]
        assert bool(known) == self.table.drop(tree, number)
        self.kept = [one for one in self.kept if one not in known]

    @rule(tree=st.integers(0, 8), owner=st.sampled_from(OWNERS))
    def ask(self, tree, owner):
        theirs = [one.number for one in self.kept if (one.tree, one.owner) == (tree, owner)]
        assert theirs == self.table.of(tree, owner)

    @invariant()
    def agrees(self):
        self.table.validate()
        assert len(self.kept) == len(self.table)
        first = self.kept[0] if self.kept else None
        assert (first and first.until) == self.table.next_due()
        assert (first and (first.tree, first.number)) == self.table.oldest()
        for one in self.kept:
            assert one.until == self.table.until(one.tree, one.number)
            assert one.owner == self.table.owner(one.tree, one.number)
            assert self.table.owner(one.tree + 1, one.number) is None
        counters = self.table.statistics()
        assert self.expired == counters["handles_expired"]
        assert self.reclaimed == counters["handles_reclaimed"]
        assert self.numbers == counters["handles_kept"]


TestKept = Kept.TestCase
TestKept.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_expiry_looks_at_what_is_due_only():
    """A thousand trees kept later than the one that is due are not walked through."""
    table = DurableTable(AGE_S)
    table.keep(1, OWNERS[0], [1], 0.0)
    for tree in range(2, 1000):
        table.keep(tree, OWNERS[0], [tree], 5.0)
    looked_at = []

    class Trees(dict):
        def items(self):
            for tree, kept in super().items():
                looked_at.append(tree)
                yield tree, kept

    table._trees = Trees(table._trees)
    assert [(1, 1)] == table.due(AGE_S, 256)
    assert [1, 2] == looked_at
