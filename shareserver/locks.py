"""Byte-range locks: who holds which parts of an open file, and who waits for them.

Three kinds. "nt" locks are mandatory, each is a range of its own and belongs to a handle.
"posix" ranges of one owner merge and split as fcntl(2) has it; "flock" is one lock on the whole
file, as flock(2). nt and posix exclude each other and themselves, flock only itself.

A lock goes with the handle it came through. Who waits is served first come first served; who
holds a lock on the file already does not stand behind those who wait, as they may wait for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.handles import Identity

NT, POSIX, FLOCK = "nt", "posix", "flock"
END = 2**63  # behind the last byte that any file can have
Owner = tuple[str | int, int]  # a lessee or a handle, and what it calls its own


@dataclass(frozen=True, slots=True)
class Claim:
    """A lock on the bytes from `start` up to `end`, held or asked for."""

    kind: str
    owner: Owner
    handle: int
    start: int
    end: int
    exclusive: bool

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it touches any byte of a range."""
        return self.start < end and start < self.end and start < end

    def excludes(self, other: "Claim") -> bool:
        """Whether the two cannot be held together."""
        return (
            (self.exclusive or other.exclusive)
            and (self.kind == FLOCK) == (other.kind == FLOCK)
            and self.overlaps(other.start, other.end)
            and (self.kind == NT or not self.is_owned_as(other))
        )

    def is_owned_as(self, other: "Claim") -> bool:
        """Whether both are locks of one kind and one owner."""
        return self.kind == other.kind and self.owner == other.owner


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody in line; `wake` is called once, when it is `granted` or its handle is closed."""

    identity: Identity
    claim: Claim
    wake: Callable[[], None]
    granted: bool = False


@dataclass(slots=True)
class _FileLocks:
    held: list[Claim] = field(default_factory=list)
    waiting: list[Waiter] = field(default_factory=list)


class LockTable:
    """Locks by file; a file without any is not in the table."""

    def __init__(self, locks_max: int) -> None:
        self._locks_max = locks_max
        self._files: dict[Identity, _FileLocks] = {}
        self._granted = self._refused = 0

    # --- locking ---

    def lock(self, identity: Identity, claim: Claim) -> Claim | None:
        """Grant at once, or return the first one in the way.

        What an flock is to replace goes first, granted or not, as flock(2) has it. Raises
        Refused if the file has too many locks.
        """
        if claim.kind == FLOCK:
            self._give_up_other(identity, claim)
        in_way = self.test(identity, claim)
        if in_way is None:
            locks = self._files.setdefault(identity, _FileLocks())
            self._replace(locks, _with(locks.held, claim))
            self._granted += 1
            self._serve(identity)  # those who waited for what it replaced
        else:
            self._refused += 1
        return in_way

    def test(self, identity: Identity, claim: Claim) -> Claim | None:
        """Return the first lock held that is in the way of another one."""
        return _first(self.held(identity), claim)

    def wait(self, identity: Identity, claim: Claim, wake: Callable[[], None]) -> Waiter:
        """Stand in line for what was not granted at once, in this very turn."""
        waiter = Waiter(identity, claim, wake)
        self._files[identity].waiting.append(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer; those behind move up."""
        locks = self._files.get(waiter.identity)
        if locks is not None and waiter in locks.waiting:
            locks.waiting.remove(waiter)
            self._serve(waiter.identity)

    def unlock(self, identity: Identity, claim: Claim) -> None:
        """Give a range up: for nt exactly this lock, else all that the owner has of it.

        Raises Refused: STATUS_RANGE_NOT_LOCKED, or too many locks are left by splitting one.
        """
        locks = self._files.get(identity, _FileLocks())
        if claim.kind == NT:
            held = _without_one(locks.held, claim)
        else:
            held = _cut_out(locks.held, claim)
        self._replace(locks, held)
        self._serve(identity)

    def close(self, identity: Identity, handle: int) -> None:
        """A handle is closed: its locks go, and it waits for none."""
        locks = self._files.get(identity)
        if locks is None:
            return
        locks.held = [one for one in locks.held if one.handle != handle]
        ended = [one for one in locks.waiting if one.claim.handle == handle]
        locks.waiting = [one for one in locks.waiting if one.claim.handle != handle]
        for waiter in ended:
            waiter.wake()
        self._serve(identity)

    # --- what nt locks forbid ---

    def may_read(self, identity: Identity, handle: int, offset: int, length: int) -> bool:
        """Whether a handle may read there: no other has an exclusive nt lock on it."""
        return not any(
            one.exclusive and one.handle != handle
            for one in _nt_in(self.held(identity), offset, offset + length)
        )

    def may_write(self, identity: Identity, handle: int, offset: int, length: int) -> bool:
        """Whether a handle may write there: nobody has an nt lock on it but itself alone."""
        return all(
            one.exclusive and one.handle == handle
            for one in _nt_in(self.held(identity), offset, offset + length)
        )

    def is_mandatory(self, identity: Identity) -> bool:
        """Whether somebody holds an nt lock on a file, or waits for one."""
        locks = self._files.get(identity)
        claims = [] if locks is None else [*locks.held, *(one.claim for one in locks.waiting)]
        return any(one.kind == NT for one in claims)

    def held(self, identity: Identity) -> list[Claim]:
        """Return the locks that are held on a file."""
        locks = self._files.get(identity)
        return [] if locks is None else locks.held

    def is_locked(self, identity: Identity) -> bool:
        """Whether there is anything of a file here."""
        return identity in self._files

    # --- how ---

    def _has_room(self, locks: _FileLocks, held: list[Claim]) -> bool:
        return len(held) <= max(self._locks_max, len(locks.held))

    def _replace(self, locks: _FileLocks, held: list[Claim]) -> None:
        if not self._has_room(locks, held):
            raise Refused(
                Status.STATUS_INSUFFICIENT_RESOURCES,
                f"more than {self._locks_max} locks on one file",
            )
        locks.held = held

    def _give_up_other(self, identity: Identity, claim: Claim) -> None:
        locks = self._files.get(identity)
        if locks is None:
            return
        held = [
            one
            for one in locks.held
            if not one.is_owned_as(claim) or one.exclusive == claim.exclusive
        ]
        if len(held) < len(locks.held):
            locks.held = held
            self._serve(identity)

    def _serve(self, identity: Identity) -> None:
        """Grant what can be granted, in order; forget a file of which nothing is left."""
        locks = self._files.get(identity)
        if locks is None:
            return
        while (waiter := self._next(locks)) is not None:
            locks.waiting.remove(waiter)
            locks.held = _with(locks.held, waiter.claim)
            self._granted += 1
            waiter.granted = True
            waiter.wake()
        if not locks.held and not locks.waiting:
            del self._files[identity]

    def _next(self, locks: _FileLocks) -> Waiter | None:
        """Return the first one in line with nobody in its way who holds or came before."""
        held, ahead = locks.held, list[Claim]()
        for waiter in locks.waiting:
            claim = waiter.claim
            if _first(held, claim) is None and self._has_room(locks, _with(held, claim)):
                holds = any(one.is_owned_as(claim) for one in held)
                if holds or _first(ahead, claim) is None:
                    return waiter
            ahead.append(claim)
        return None

    # --- what is seen ---

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        files = self._files.values()
        return {
            "locks": sum(len(one.held) for one in files),
            "locks_waited_for": sum(len(one.waiting) for one in files),
            "locks_granted": self._granted,
            "locks_refused": self._refused,
        }

    def validate(self) -> None:
        """Assert that nobody is in anybody's way, and that nobody waits for nothing."""
        for locks in self._files.values():
            assert locks.held or locks.waiting
            assert not any(one.granted for one in locks.waiting)
            assert all(0 <= one.start < one.end <= END for one in locks.held)
            assert self._next(locks) is None
            for at, one in enumerate(locks.held):
                for other in locks.held[:at]:
                    assert not one.excludes(other)
                    own = one.kind != NT and one.is_owned_as(other)
                    assert not (own and one.overlaps(other.start, other.end))


def _first(held: Iterable[Claim], claim: Claim) -> Claim | None:
    return next((one for one in held if one.excludes(claim)), None)


def _nt_in(held: list[Claim], start: int, end: int) -> list[Claim]:
    if start >= end:
        return []
    return [one for one in held if one.start < end and start < one.end and one.kind == NT]


def _without_one(held: list[Claim], claim: Claim) -> list[Claim]:
    """Take one nt lock away, whichever way it was locked."""
    for at, one in enumerate(held):
        if one.is_owned_as(claim) and (one.start, one.end) == (claim.start, claim.end):
            return held[:at] + held[at + 1 :]
    raise Refused(
        Status.STATUS_RANGE_NOT_LOCKED, f"{claim.end - claim.start} bytes at {claim.start}"
    )


def _with(held: list[Claim], claim: Claim) -> list[Claim]:
    """Add a lock that nobody is in the way of."""
    if claim.kind != NT:
        held, claim = _merged(_cut_out(held, claim), claim)
    return [*held, claim]


def _cut_out(held: list[Claim], claim: Claim) -> list[Claim]:
    """Take a range from all that its owner holds."""
    kept: list[Claim] = []
    for one in held:
        if not one.is_owned_as(claim) or not one.overlaps(claim.start, claim.end):
            kept.append(one)
            continue
        if one.start < claim.start:
            kept.append(replace(one, end=claim.start))
        if claim.end < one.end:
            kept.append(replace(one, start=claim.end))
    return kept


def _merged(held: list[Claim], claim: Claim) -> tuple[list[Claim], Claim]:
    """Make one of a claim and what it continues; ranges of two handles stay two."""
    kept, start, end = [], claim.start, claim.end
    for one in held:
        like = replace(one, start=claim.start, end=claim.end) == claim
        if like and one.end == claim.start:
            start = one.start
        elif like and one.start == claim.end:
            end = one.end
        else:
            kept.append(one)
    return kept, replace(claim, start=start, end=end)
