"""Leases against a plain dictionary, held as Create, LeaseBreak and Close hold them."""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shareserver.leases import LeaseTable

NONE, R, H, W = 0, 1, 2, 4
RH, RW, RWH = R | H, R | W, R | W | H
FOLDER = (1, 20)
FILES = [(1, 10), (2, 10), FOLDER]  # (device, inode)
LESSEES = ["ts1", "ts2", "ts3"]

files, lessees = st.sampled_from(FILES), st.sampled_from(LESSEES)


@dataclass(eq=False)
class Promise:
    """What the model knows of one lease."""

    state: int
    breaking_to: int | None = None
    breaks: int = 0


class Promises(RuleBasedStateMachine):
    """The model: who has a file open how often, and what each was promised.

    An open waits while somebody else holds W; breaks of one lease may overlap, and may end
    after the lease itself has.
    """

    def __init__(self):
        super().__init__()
        self.table = LeaseTable()
        self.opens: dict[tuple, int] = {}
        self.promised: dict[tuple, Promise] = {}
        self.breaks: list[tuple] = []  # (the table's lease, the model's, what is to be left)
        self.granted = self.broken = self.expired = 0

    def others(self, identity, lessee):
        return [
            one for one in LESSEES if one != lessee and self.opens.get((identity, one), 0) > 0
        ]

    def holders(self, identity, lessee, bits):
        """Who else holds any of `bits`, in the order in which they were promised."""
        return [
            whose
            for (where, whose), promise in self.promised.items()
            if where == identity and whose != lessee and promise.state & bits
        ]

    @rule(identity=files, lessee=lessees, wanted=st.sampled_from([NONE, R, RH, RW, RWH]))
    def open(self, identity, lessee, wanted):
        in_way = self.table.to_break(identity, lessee, W)
        assert self.holders(identity, lessee, W) == [lease.lessee for lease in in_way]
        if in_way:
            self.start(in_way, W)
            return
        sole = not self.others(identity, lessee)
        self.opens[identity, lessee] = self.opens.get((identity, lessee), 0) + 1
        folder = identity == FOLDER
        granted = self.table.grant(identity, 17, lessee, wanted, sole=sole, directory=folder)

        assert self.promise(identity, lessee, wanted, sole and not folder) == granted
        assert not granted & W or (sole and not folder)

    def promise(self, identity, lessee, wanted, sole):
        key, allowed = (identity, lessee), wanted if sole else wanted & RH
        held = self.promised.get(key)
        if held is None:
            if allowed:
                self.promised[key] = Promise(allowed)
                self.granted += 1
            return allowed
        if held.breaking_to is not None:
            return held.state & held.breaking_to
        held.state = (held.state | allowed) & (RWH if sole else RH)
        return held.state

    @rule(identity=files, lessee=lessees, bits=st.sampled_from([W, H, H | W, R | W, RWH]))
    def break_others(self, identity, lessee, bits):
        """As a rename, a deletion or a conflicting open does."""
        in_way = self.table.to_break(identity, lessee, bits)

        assert self.holders(identity, lessee, bits) == [lease.lessee for lease in in_way]
        self.start(in_way, bits)

    def start(self, leases, bits):
        for lease in leases:
            promise = self.promised[lease.identity, lease.lessee]
            expected = promise.state & ~bits & (~W if bits & RH else RWH)
            if promise.breaking_to is not None:
                expected &= promise.breaking_to
            promise.breaking_to = expected
            promise.breaks += 1

            assert expected == self.table.start_break(lease, bits)
            self.breaks.append((lease, promise, expected))

    @precondition(lambda self: self.breaks)
    @rule(data=st.data(), answered=st.booleans())
    def finish(self, data, answered):
        at = data.draw(st.integers(0, len(self.breaks) - 1))
        lease, promise, left = self.breaks.pop(at)
        self.table.finish_break(lease, left, answered=answered)
        promise.state &= left
        self.broken += 1
        self.expired += not answered
        self.ended(promise)

        assert promise.state == lease.state

    @precondition(lambda self: self.breaks)
    @rule(data=st.data())
    def abandon(self, data):
        """Whoever wanted the break has left: what the lessee has it keeps."""
        at = data.draw(st.integers(0, len(self.breaks) - 1))
        lease, promise, _ = self.breaks.pop(at)
        self.table.abandon_break(lease)
        self.ended(promise)

        assert promise.state == lease.state

    def ended(self, promise):
        promise.breaks -= 1
        if not promise.breaks:
            promise.breaking_to = None

    @precondition(lambda self: any(self.opens.values()))
    @rule(data=st.data())
    def close(self, data):
        """The last close answers a break too: the lease goes."""
        key = data.draw(st.sampled_from([key for key, count in self.opens.items() if count]))
        self.opens[key] -= 1
        if not self.opens[key]:
            known = self.promised.pop(key, None)
            dropped = self.table.drop(*key)

            assert (known is None) is (dropped is None)

    @invariant()
    def everybody_holds_what_was_promised(self):
        for identity in FILES:
            for lessee in LESSEES:
                promise = self.promised.get((identity, lessee))
                expected = promise.state if promise else NONE
                assert expected == self.table.state(identity, lessee)

    @invariant()
    def nobody_may_write_unseen_beside_another(self):
        for identity in FILES:
            present = [one for one in LESSEES if self.opens.get((identity, one), 0) > 0]
            states = [self.table.state(identity, lessee) for lessee in present]
            assert len(present) < 2 or not any(state & W for state in states)

    @invariant()
    def what_others_hold_is_found_by_number(self):
        for lessee in LESSEES:
            unseen = self.keys(lessee, FILES, W)
            folders = self.keys(lessee, [FOLDER], R)
            assert bool(unseen) is self.table.others_write_unseen(lessee)
            assert bool(folders) is self.table.others_know_folders(lessee)
            assert unseen == found(self.table.unseen(lessee, {10}))
            assert set() == found(self.table.unseen(lessee, {20, 21}))
            assert (
                folders
                == found(self.table.folders(lessee))
                == found(self.table.folders(lessee, [20]))
            )
        self.table.validate()

    def keys(self, lessee, identities, bits):
        return {
            key
            for key, promise in self.promised.items()
            if key[0] in identities and key[1] != lessee and promise.state & bits
        }

    @invariant()
    def the_counters_agree(self):
        expected = {
            "leases": len(self.promised),
            "leases_granted": self.granted,
            "lease_breaks": self.broken,
            "lease_breaks_expired": self.expired,
        }
        assert expected == self.table.statistics()


TestPromises = Promises.TestCase
TestPromises.settings = settings(stateful_step_count=25)


def found(leases):
    return {(lease.identity, lease.lessee) for lease in leases}


# --- by hand ----------------------------------------------------------------------------------

FILE = FILES[0]


def grant(table, lessee="ts1", wanted=RWH, *, sole=True):
    return table.grant(FILE, 17, lessee, wanted, sole=sole)


@pytest.mark.parametrize("wanted", [NONE, R, RH, RW, RWH])
def test_a_sole_lessee_gets_what_it_asks_and_others_never_w(wanted):
    assert wanted == grant(LeaseTable(), wanted=wanted)
    assert wanted & RH == grant(LeaseTable(), wanted=wanted, sole=False)


def test_nobody_breaks_its_own_lease():
    table = LeaseTable()
    grant(table)

    assert [] == table.to_break(FILE, "ts1", RWH)
    assert ["ts1"] == [lease.lessee for lease in table.to_break(FILE, "ts2", W)]
    assert [] == table.to_break(FILES[1], "ts2", W)


@pytest.mark.parametrize(
    ("bits", "left"), [(W, RH), (H, R), (R, H), (H | W, R), (R | W, H), (RWH, NONE)]
)
def test_a_break_leaves_the_rest_and_w_goes_with_any_other(bits, left):
    table = LeaseTable()
    grant(table)
    (lease,) = table.to_break(FILE, "ts2", bits)

    assert left == table.start_break(lease, bits)
    assert RWH == table.state(FILE, "ts1")  # until it is answered
    table.finish_break(lease, left, answered=True)
    assert left == table.state(FILE, "ts1")


def test_a_lease_that_is_being_broken_does_not_grow():
    table = LeaseTable()
    grant(table)
    (lease,) = table.to_break(FILE, "ts2", W)
    table.start_break(lease, W)

    assert RH == grant(table, wanted=RWH)


def test_the_second_break_takes_more_with_its_own_answer():
    table = LeaseTable()
    grant(table)
    (lease,) = table.to_break(FILE, "ts2", W)
    assert RH == table.start_break(lease, W)
    assert R == table.start_break(lease, H)
    table.finish_break(lease, RH, answered=False)
    assert RH == table.state(FILE, "ts1")  # it may not have heard of the second yet
    table.finish_break(lease, R, answered=True)

    assert R == table.state(FILE, "ts1")
    assert (2, 1) == (
        table.statistics()["lease_breaks"],
        table.statistics()["lease_breaks_expired"],
    )


def test_an_answer_that_comes_after_the_close_changes_no_new_lease():
    table = LeaseTable()
    grant(table)
    (lease,) = table.to_break(FILE, "ts2", W)
    table.start_break(lease, W)
    assert table.is_held(lease)
    assert lease is table.drop(FILE, "ts1")
    grant(table)
    table.finish_break(lease, RH, answered=True)

    assert not table.is_held(lease)
    assert RWH == table.state(FILE, "ts1")


def test_dropping_what_is_not_there_is_nothing():
    assert LeaseTable().drop(FILE, "ts1") is None


def test_a_folder_is_never_written_unseen():
    table = LeaseTable()

    assert RH == table.grant(FOLDER, 17, "ts1", RWH, sole=True, directory=True)


def test_what_is_being_broken_is_given_to_nobody_else_meanwhile():
    table = LeaseTable()
    grant(table, wanted=RH)
    (lease,) = table.to_break(FILE, "ts2", R)
    with table.withholding("ts2", [(lease, R)]):
        assert H == grant(table, "ts3", RH, sole=False)
        assert RH == grant(table, "ts2", RH, sole=False)
    assert RH == grant(table, "ts3", RH, sole=False)
    table.validate()
