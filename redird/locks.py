"""The one writer of which opens hold byte-range locks, or have asked for them.

The server decides about locks; it knows handles and the owners that we name to it. An open is
an owner of its own for nt and flock; for posix, where one owner may use many opens, each pair
of a peer and what it calls an owner is given a number for as long as it holds anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from redird.holdings import File, Handle, Open
from redird.ranges import END, NT, POSIX, RangeTable, asked
from redird.wire.errors import Refused
from redird.wire.status import Status

Whose = tuple[int, int]  # a peer, and what it calls the owner


@dataclass(slots=True, eq=False)
class Claim:
    """What an open holds or asks for: for nt one lock, else a sign that there may be some.

    `owner` is the number that the server knows. Until it is `held` it was only asked for.
    """

    opened: Open
    kind: str
    owner: int
    offset: int
    length: int
    exclusive: bool
    held: bool = False

    @property
    def end(self) -> int:
        """Where it ends; `END` is behind everything."""
        return self.offset + self.length if self.length else END

    @property
    def handle(self) -> Handle:
        """The handle it is locked through."""
        return self.opened.handle

    def overlaps(self, offset: int, length: int) -> bool:
        """Whether it touches any byte of a range."""
        return length > 0 and offset < self.end and self.offset < offset + length


class ClaimTable:
    """Claims by handle; a handle without any is not in the table."""

    def __init__(self) -> None:
        self._by_handle: dict[Handle, list[Claim]] = {}
        self._nt: dict[File, int] = {}  # how many nt claims
        self._numbers: dict[Whose, int] = {}
        self._posix: dict[int, tuple[Whose, int]] = {}  # number: whose, how many claims
        self._last = 0
        self.ranges = RangeTable()

    def claim(
        self, opened: Open, kind: str, whose: Whose, offset: int, length: int, exclusive: bool
    ) -> Claim:
        """An open asks for a lock: from now on it counts as if it were held."""
        owner = self._acquire(whose) if kind == POSIX else opened.number
        claim = Claim(opened, kind, owner, offset, length, exclusive)
        handle = opened.handle
        self._by_handle.setdefault(handle, []).append(claim)
        if kind == NT:
            self._nt[handle.file] = self._nt.get(handle.file, 0) + 1
        return claim

    def drop(self, claim: Claim) -> None:
        """It was not granted, or given up; nothing happens if it is gone already."""
        claims = self._by_handle.get(claim.handle, [])
        if claim not in claims:
            return
        claims.remove(claim)
        if not claims:
            del self._by_handle[claim.handle]
        self._forget(claim)

    def granted(self, claim: Claim) -> None:
        """It is held; one sign is enough that there may be more."""
        claim.held = True
        where = (claim.offset, claim.length)
        locked = asked(claim.kind, claim.owner, *where, exclusive=claim.exclusive)
        self.ranges.lock(claim.handle, locked)
        if claim.kind != NT and any(
            one is not claim and one.opened is claim.opened and one.owner == claim.owner
            for one in self._by_handle.get(claim.handle, ())
            if one.held and one.kind == claim.kind
        ):
            self.drop(claim)

    def unlocked(self, handle: Handle, kind: str, owner: int, offset: int, length: int) -> None:
        """The server has given a range up."""
        self.ranges.unlock(handle, asked(kind, owner, offset, length))

    def forget(self, handle: Handle) -> None:
        """The handle is closed, and its locks are gone with it."""
        self.ranges.forget(handle)
        for claim in self._by_handle.pop(handle, ()):
            self._forget(claim)

    def owner(self, opened: Open, kind: str, whose: Whose) -> int:
        """Return the number that the server knows; 0 of a posix owner that has nothing."""
        return self._numbers.get(whose, 0) if kind == POSIX else opened.number

    def name(self, owner: int, peer: int) -> int:
        """Return what this peer calls a posix owner of that number; 0 if it is not its own."""
        whose, _ = self._posix.get(owner, ((0, 0), 0))
        return whose[1] if whose[0] == peer else 0

    def of_open(self, opened: Open) -> list[Claim]:
        """Return the claims of one open."""
        claims = self._by_handle.get(opened.handle, ())
        return [one for one in claims if one.opened is opened]

    def of_owner(self, file: File, kind: str, owner: int) -> list[Claim]:
        """Return an owner's claims on a file, through whichever opens."""
        return [
            one
            for handle in file.handles
            for one in self._by_handle.get(handle, ())
            if one.kind == kind and one.owner == owner
        ]

    def holds_nt(self, handle: Handle) -> bool:
        """Whether an open on this handle has an nt lock, or asks for one."""
        return any(one.kind == NT for one in self._by_handle.get(handle, ()))

    def is_mandatory(self, file: File) -> bool:
        """Whether any open of ours has an nt lock on the file, or asks for one."""
        return file in self._nt

    def require_unlocked(
        self, opened: Open, offset: int, length: int, *, writing: bool
    ) -> None:
        """Refuse what the server would, if it knew by which open of a handle we ask."""
        if opened.handle.file not in self._nt:
            return
        for one in self._by_handle.get(opened.handle, ()):
            other = one.opened is not opened and one.held and one.kind == NT
            if other and (one.exclusive or writing) and one.overlaps(offset, length):
                raise Refused(Status.STATUS_FILE_LOCK_CONFLICT, opened.handle.path)

    def __contains__(self, handle: Handle) -> bool:
        return handle in self._by_handle

    def _acquire(self, whose: Whose) -> int:
        number = self._numbers.get(whose)
        if number is None:
            self._last += 1
            number = self._numbers[whose] = self._last
        self._posix[number] = (whose, self._posix.get(number, (whose, 0))[1] + 1)
        return number

    def _forget(self, claim: Claim) -> None:
        file = claim.handle.file
        if claim.kind == NT:
            self._nt[file] -= 1
            if not self._nt[file]:
                del self._nt[file]
        if claim.kind == POSIX:
            whose, count = self._posix[claim.owner]
            self._posix[claim.owner] = (whose, count - 1)
            if count == 1:
                del self._posix[claim.owner], self._numbers[whose]

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {"lock_claims": sum(map(len, self._by_handle.values()))}

    def validate(self) -> None:
        """Assert that the views agree."""
        claims = list(self._all())
        assert all(one.handle in self._by_handle for one in claims)
        assert all(self._by_handle.values())
        nt = [one.handle.file for one in claims if one.kind == NT]
        assert self._nt == {file: nt.count(file) for file in nt}
        posix = [one.owner for one in claims if one.kind == POSIX]
        counts = {number: count for number, (_, count) in self._posix.items()}
        assert counts == {number: posix.count(number) for number in posix}
        assert self._numbers == {whose: n for n, (whose, _) in self._posix.items()}

    def _all(self) -> Iterable[Claim]:
        return (claim for claims in self._by_handle.values() for claim in claims)
