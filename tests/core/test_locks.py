"""Byte-range locks against an array of bytes, and against everybody who waits for them."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.locks import END, FLOCK, NT, POSIX, Claim, LockTable

FILE = (1, 10)
BYTES = 6  # the last of them stands for all up to the end
HANDLES = [1, 2, 3]
OWNERS = [("ts1", 1), ("ts1", 2), ("ts2", 1)]
KINDS = [NT, POSIX, FLOCK]


def claim(kind, handle, owner, start, end, exclusive):
    """As the server makes it: an nt lock belongs to its handle, an flock has the whole file."""
    if kind == FLOCK:
        start, end = 0, BYTES
    whose = (handle, owner[1]) if kind == NT else owner
    return Claim(kind, whose, handle, start, END if end == BYTES else end, exclusive)


@st.composite
def claims(draw):
    start = draw(st.integers(0, BYTES - 1))
    return claim(
        draw(st.sampled_from(KINDS)),
        draw(st.sampled_from(HANDLES)),
        draw(st.sampled_from(OWNERS)),
        start,
        draw(st.integers(start + 1, BYTES)),
        draw(st.booleans()),
    )


def touched(one):
    return range(one.start, min(one.end, BYTES))


@dataclass
class Byte:
    """Who has it: nt locks one by one, of each other owner one at most."""

    nt: list = field(default_factory=list)
    own: dict = field(default_factory=dict)  # (kind, owner): (exclusive, handle)

    def in_way_of(self, one):
        others = [(NT, None, lock.exclusive) for lock in self.nt]
        others += [(*key, exclusive) for key, (exclusive, _) in self.own.items()]
        return any(
            (exclusive or one.exclusive)
            and (FLOCK in (kind, one.kind)) is (kind == one.kind == FLOCK)
            and (one.kind == NT or (kind, owner) != (one.kind, one.owner))
            for kind, owner, exclusive in others
        )


@dataclass(eq=False)
class Waiting:
    """One in line: the model's side, and what the table made of it."""

    claim: Claim
    wakes: list = field(default_factory=list)
    waiter: Any = None
    granted: bool = False


class Locks(RuleBasedStateMachine):
    """One small file, a few handles, and a line of those who wait."""

    def __init__(self):
        super().__init__()
        self.table = LockTable(1000)
        self.bytes = [Byte() for _ in range(BYTES)]
        self.line: list[Waiting] = []
        self.all: list[Waiting] = []

    # --- the model ---

    def in_way(self, one):
        return any(self.bytes[at].in_way_of(one) for at in touched(one))

    def holds(self, one):
        if one.kind == NT:
            return any(lock.owner == one.owner for byte in self.bytes for lock in byte.nt)
        return any((one.kind, one.owner) in byte.own for byte in self.bytes)

    def put(self, one):
        for at in touched(one):
            byte = self.bytes[at]
            if one.kind == NT:
                byte.nt.append(one)
            else:
                byte.own[one.kind, one.owner] = (one.exclusive, one.handle)

    def take(self, one):
        for at in touched(one):
            self.bytes[at].own.pop((one.kind, one.owner), None)

    def give_up_other(self, one):
        """What an flock is to replace."""
        held = self.bytes[0].own.get((FLOCK, one.owner))
        if one.kind == FLOCK and held and held[0] != one.exclusive:
            self.take(one)

    def serve(self):
        """Grant whoever is first to have nobody in its way, until there is none."""
        again = True
        while again:
            again = False
            for number, waiting in enumerate(self.line):
                one = waiting.claim
                ahead = [other.claim for other in self.line[:number]]
                held_up = any(collide(one, other) for other in ahead) and not self.holds(one)
                if not self.in_way(one) and not held_up:
                    self.line.remove(waiting)
                    self.put(one)
                    waiting.granted = again = True
                    break

    # --- what is done ---

    @rule(one=claims(), waits=st.booleans())
    def lock(self, one, waits):
        self.give_up_other(one)
        self.serve()
        if not self.in_way(one):
            self.put(one)
            self.serve()
            assert self.table.lock(FILE, one) is None
            return
        in_way = self.table.lock(FILE, one)
        assert in_way is not None
        assert collide(one, in_way)
        if waits:
            waiting = Waiting(one)
            waiting.waiter = self.table.wait(FILE, one, lambda: waiting.wakes.append(1))
            self.line.append(waiting)
            self.all.append(waiting)
            self.serve()

    @rule(one=claims())
    def unlock(self, one):
        held = [
            lock
            for lock in self.bytes[one.start].nt
            if (lock.owner, lock.start, lock.end) == (one.owner, one.start, one.end)
        ]
        if one.kind == NT and not held:
            with pytest.raises(Refused, match="STATUS_RANGE_NOT_LOCKED"):
                self.table.unlock(FILE, one)
            return
        if one.kind == NT:
            for at in touched(one):
                self.bytes[at].nt.remove(held[0])
        else:
            self.take(one)
        self.serve()
        self.table.unlock(FILE, one)

    @precondition(lambda self: any(byte.nt for byte in self.bytes))
    @rule(data=st.data())
    def unlock_what_is_locked(self, data):
        held = [lock for byte in self.bytes for lock in byte.nt]
        self.unlock(data.draw(st.sampled_from(held)))

    @rule(handle=st.sampled_from(HANDLES))
    def close(self, handle):
        for byte in self.bytes:
            byte.nt = [one for one in byte.nt if one.handle != handle]
            byte.own = {key: what for key, what in byte.own.items() if what[1] != handle}
        ended = [one for one in self.line if one.claim.handle == handle]
        self.line = [one for one in self.line if one.claim.handle != handle]
        self.serve()
        self.table.close(FILE, handle)
        for one in ended:
            assert [1] == one.wakes
            assert not one.waiter.granted
            self.all.remove(one)

    @precondition(lambda self: self.all)
    @rule(data=st.data())
    def leave(self, data):
        """Also after it was granted, which changes nothing."""
        waiting = data.draw(st.sampled_from(self.all))
        if waiting in self.line:
            self.line.remove(waiting)
            self.serve()
        self.all.remove(waiting)
        self.table.leave(waiting.waiter)

    # --- what is seen ---

    @invariant()
    def who_waited_was_granted_in_order(self):
        for waiting in self.all:
            assert waiting.granted is waiting.waiter.granted
            assert [1] * waiting.granted == waiting.wakes

    @invariant()
    def every_byte_is_locked_by_whom_the_model_says(self):
        for at, byte in enumerate(self.bytes):
            for one in probes(at):
                assert byte.in_way_of(one) is (self.table.test(FILE, one) is not None)

    @invariant()
    def nt_locks_are_seen_by_reads_and_writes(self):
        for at, byte in enumerate(self.bytes):
            for handle in HANDLES:
                others = [one for one in byte.nt if one.handle != handle]
                shared = [one for one in byte.nt if not one.exclusive]
                readable = not any(one.exclusive for one in others)
                assert readable is self.table.may_read(FILE, handle, at, 1)
                assert (not others and not shared) is self.table.may_write(FILE, handle, at, 1)
                assert self.table.may_write(FILE, handle, at, 0)

    @invariant()
    def the_table_is_no_larger_than_it_must_be(self):
        self.table.validate()
        held = any(byte.nt or byte.own for byte in self.bytes)
        assert (held or bool(self.line)) is self.table.is_locked(FILE)
        waits = any(one.claim.kind == NT for one in self.line)
        mandatory = waits or any(byte.nt for byte in self.bytes)
        assert mandatory is self.table.is_mandatory(FILE)
        assert len(self.line) == self.table.statistics()["locks_waited_for"]


def collide(one, other):
    """Whether two who ask would be in each other's way."""
    byte = Byte()
    if other.kind == NT:
        byte.nt.append(other)
    else:
        byte.own[other.kind, other.owner] = (other.exclusive, other.handle)
    return byte.in_way_of(one) and bool(set(touched(one)) & set(touched(other)))


def probes(at):
    """Locks on one byte by everybody, in every way; of flock there are only whole ones."""
    for exclusive in (False, True):
        for owner in OWNERS:
            yield claim(POSIX, 1, owner, at, at + 1, exclusive)
            yield claim(FLOCK, 1, owner, at, at + 1, exclusive)
        yield claim(NT, 1, OWNERS[0], at, at + 1, exclusive)


TestLocks = Locks.TestCase
TestLocks.settings = settings(stateful_step_count=20)


# --- by example -------------------------------------------------------------------------------


def posix(start, end, owner=OWNERS[0], *, exclusive=True, handle=1):
    return claim(POSIX, handle, owner, start, end, exclusive)


def count(table):
    return table.statistics()["locks"]


def test_posix_ranges_merge_and_split():
    table = LockTable(10)
    for start in (0, 4, 2):
        table.lock(FILE, posix(start, start + 2))
    assert 1 == count(table)
    table.unlock(FILE, posix(2, 3))
    assert 2 == count(table)
    table.lock(FILE, posix(1, 5, exclusive=False))
    assert 3 == count(table)
    table.unlock(FILE, posix(0, BYTES))
    assert 0 == count(table)


def test_a_downgrade_serves_those_who_wait():
    table = LockTable(10)
    table.lock(FILE, posix(0, 2))
    waiter = table.wait(FILE, posix(0, 2, OWNERS[1], exclusive=False), lambda: None)
    table.lock(FILE, posix(0, 2, exclusive=False))
    assert waiter.granted


def test_ranges_of_two_handles_stay_two():
    table = LockTable(10)
    table.lock(FILE, posix(0, 2))
    table.lock(FILE, posix(2, 4, handle=2))
    assert 2 == count(table)
    table.close(FILE, 2)
    assert table.test(FILE, posix(0, 2, OWNERS[1])) is not None
    assert table.test(FILE, posix(2, 4, OWNERS[1])) is None


def test_a_file_has_no_more_locks_than_the_bound():
    table = LockTable(2)
    table.lock(FILE, posix(0, 5))
    table.lock(FILE, claim(NT, 1, OWNERS[0], 5, 6, True))
    for too_many in (
        lambda: table.lock(FILE, posix(2, 3, exclusive=False)),
        lambda: table.unlock(FILE, posix(2, 3)),
    ):
        with pytest.raises(Refused) as no:
            too_many()
        assert Status.STATUS_INSUFFICIENT_RESOURCES is no.value.status
    assert 2 == count(table)
    table.lock(FILE, posix(0, 5, exclusive=False))  # no more than before
    table.validate()


def test_who_waits_is_not_granted_beyond_the_bound():
    table = LockTable(2)
    table.lock(FILE, posix(0, 1))
    table.lock(FILE, posix(3, 4))
    waiters = [table.wait(FILE, posix(3, 4, one), lambda: None) for one in OWNERS[1:]]
    last = table.wait(FILE, posix(4, 5, OWNERS[0], exclusive=False), lambda: None)
    table.unlock(FILE, posix(3, 4))
    assert [True, False, False] == [one.granted for one in (*waiters, last)]
    table.unlock(FILE, posix(0, 1))
    assert last.granted


def test_a_waiter_holds_up_only_whom_it_collides_with():
    table = LockTable(10)
    reader = posix(0, 2, OWNERS[0], exclusive=False)
    writer = posix(0, 2, OWNERS[1])
    table.lock(FILE, reader)
    table.lock(FILE, posix(2, 4, OWNERS[1]))
    waits = [
        table.wait(FILE, one, lambda: None)
        for one in (
            writer,
            posix(1, 3, OWNERS[2], exclusive=False),
            posix(2, 4, ("ts3", 1), exclusive=False),
            posix(1, 3, OWNERS[0], exclusive=False),
        )
    ]
    table.unlock(FILE, posix(2, 4, OWNERS[1]))
    assert [False, False, True, True] == [one.granted for one in waits]


class Counted(dict):
    """A dictionary that counts what it is asked."""

    asked = 0

    def get(self, key, default=None):
        self.asked += 1
        return super().get(key, default)


def test_without_locks_a_read_costs_one_look():
    table = LockTable(10)
    table._files = Counted()
    table.may_read(FILE, 1, 0, 1)
    assert 1 == table._files.asked
    table.may_write(FILE, 1, 0, 1)
    assert 2 == table._files.asked
