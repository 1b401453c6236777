"""What the redirector remembers of locks, against a plain list of claims."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redird.holdings import File, Open
from redird.locks import ClaimTable
from redird.wire.errors import Refused
from tests.core.dormancy import INFO, connection, handle

KINDS = ["nt", "posix", "flock"]
WHOSE = [(1, 7), (1, 8), (2, 7)]  # a peer, and what it calls an owner


class Claims(RuleBasedStateMachine):
    """Two handles on one file, one on another, two opens on each."""

    def __init__(self):
        super().__init__()
        self.table = ClaimTable()
        where = connection(1)
        self.handles = [handle(where, number=number) for number in (1, 2, 3)]
        self.handles[1].file = self.handles[0].file
        for one in self.handles:
            one.file.handles[one] = None
        self.opens = [Open(10 + at, where, self.handles[at // 2]) for at in range(6)]
        self.claims: list[Any] = []  # (the table's, whose)
        self.numbers: dict[int, tuple] = {}  # every number ever given, and to whom

    def of(self, test):
        return [claim for claim, _ in self.claims if test(claim)]

    def same(self, found, test):
        assert set(map(id, found)) == set(map(id, self.of(test)))

    @rule(
        at=st.integers(0, 5),
        kind=st.sampled_from(KINDS),
        whose=st.sampled_from(WHOSE),
        offset=st.integers(0, 3),
        length=st.integers(0, 3),
        exclusive=st.booleans(),
    )
    def claim(self, at, kind, whose, offset, length, exclusive):
        opened = self.opens[at]
        claim = self.table.claim(opened, kind, whose, offset, length, exclusive)
        if kind == "posix":
            known = [
                one.owner for one, other in self.claims if (one.kind, other) == (kind, whose)
            ]
            assert {claim.owner} == set(known) or (
                not known and claim.owner not in self.numbers
            )
            self.numbers[claim.owner] = whose
        else:
            assert opened.number == claim.owner
        self.claims.append((claim, whose))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), held=st.booleans())
    def answer(self, data, held):
        """The server has granted it, or not; or it is given up."""
        claim, whose = data.draw(st.sampled_from(self.claims))
        sign = claim.kind != "nt" and self.of(
            lambda one: (
                one is not claim
                and one.held
                and (one.kind, one.opened, one.owner) == (claim.kind, claim.opened, claim.owner)
            )
        )
        if held:
            self.table.granted(claim)
            assert claim.held
        else:
            self.table.drop(claim)
            self.table.drop(claim)
        if sign or not held:
            self.claims.remove((claim, whose))

    @rule(at=st.integers(0, 2))
    def close(self, at):
        self.table.forget(self.handles[at])
        self.claims = [one for one in self.claims if one[0].handle is not self.handles[at]]

    @invariant()
    def everybody_has_what_it_claimed(self):
        for opened in self.opens:
            self.same(self.table.of_open(opened), lambda one, o=opened: one.opened is o)
        for one in self.handles:
            claims = self.of(lambda claim, h=one: claim.handle is h)
            assert bool(claims) is (one in self.table)
            assert any(c.kind == "nt" for c in claims) is self.table.holds_nt(one)
        for file in {one.file for one in self.handles}:
            nt = self.of(lambda c, f=file: c.handle.file is f and c.kind == "nt")
            assert bool(nt) is self.table.is_mandatory(file)
        self.table.validate()
        assert len(self.claims) == self.table.statistics()["lock_claims"]

    @invariant()
    def owners_have_numbers_while_they_claim(self):
        for whose in WHOSE:
            theirs = [c for c, other in self.claims if c.kind == "posix" and other == whose]
            number = self.table.owner(self.opens[0], "posix", whose)
            assert {number} == {one.owner for one in theirs} or (not theirs and number == 0)
            assert (whose[1] if theirs else 0) == self.table.name(number, whose[0])
            assert 0 == self.table.name(number, 3)
            for file in {one.file for one in self.handles}:
                found = self.table.of_owner(file, "posix", number)
                self.same(
                    found,
                    lambda c, f=file, n=number: (
                        (c.kind, c.owner, c.handle.file) == ("posix", n, f)
                    ),
                )

    @invariant()
    def other_opens_of_a_handle_respect_its_nt_locks(self):
        for opened in self.opens:
            for at in range(5):
                for writing in (False, True):
                    in_way = self.of(
                        lambda c, o=opened, at=at, writing=writing: (
                            c.held
                            and c.kind == "nt"
                            and c.handle is o.handle
                            and c.opened is not o
                            and (c.exclusive or writing)
                            and c.offset <= at
                            and (c.length == 0 or at < c.offset + c.length)
                        )
                    )
                    assert bool(in_way) is self.refuses(opened, at, 1, writing)
            assert not self.refuses(opened, 1, 0, True)

    def refuses(self, opened, offset, length, writing):
        try:
            self.table.require_unlocked(opened, offset, length, writing=writing)
        except Refused:
            return True
        return False


TestClaims = Claims.TestCase
TestClaims.settings = settings(stateful_step_count=20)


def test_a_file_that_nobody_locked_is_looked_up_once():
    class Asked(dict):
        asked = 0

        def __contains__(self, key):
            self.asked += 1
            return super().__contains__(key)

    table = ClaimTable()
    table._nt = Asked()
    opened = Open(1, connection(1), handle(connection(1)))
    table.require_unlocked(opened, 0, 1, writing=True)
    assert 1 == table._nt.asked
    assert not table.is_mandatory(File(("files", 1), INFO))
