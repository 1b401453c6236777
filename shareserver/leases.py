"""The server's promises: what a lessee may keep of a file without asking (MS-SMB2 3.3.1.4).

A lease belongs to (lessee, file): all handles of one redirector on a file share it, and never
break it. R licenses knowing data and attributes, W changing them unseen, H keeping handles that
nobody uses. On a folder R licenses knowing its names, the missing ones too, and the attributes
of what in it has one link; there is no W. A sole lessee gets what it asks; beside others it
gets R and H at most. A break that is not answered in time is taken.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from redird.wire.files import LEASE_NONE, LEASE_R, LEASE_RH, LEASE_W
from redird.wire.framing import INT_MAX
from shareserver.handles import Identity


@dataclass(slots=True, eq=False)
class Lease:
    """One promise; `breaking_to` is what will be left once its `breaks` are answered."""

    lessee: str
    identity: Identity
    file: int
    state: int
    directory: bool = False
    breaking_to: int | None = None
    breaks: int = 0

    @property
    def number(self) -> int:
        """What a FileInfo calls the file."""
        return self.identity[1] & INT_MAX


Break = tuple[Lease, int]  # which bits of it are to go


class _Index:
    """The leases that have something in common, by lessee and by the number of their file."""

    def __init__(self) -> None:
        self._lessees: dict[str, int] = {}
        self._numbered: dict[int, dict[Lease, None]] = {}

    def put(self, lease: Lease, belongs: bool) -> None:
        number, lessee = lease.number, lease.lessee
        numbered = self._numbered.get(number, {})
        if belongs is (lease in numbered):
            return
        if belongs:
            self._numbered.setdefault(number, numbered)[lease] = None
            self._lessees[lessee] = self._lessees.get(lessee, 0) + 1
            return
        del numbered[lease]
        if not numbered:
            del self._numbered[number]
        self._lessees[lessee] -= 1
        if not self._lessees[lessee]:
            del self._lessees[lessee]

    def has_others(self, lessee: str) -> bool:
        return len(self._lessees) > (lessee in self._lessees)

    def of_others(self, lessee: str, numbers: Iterable[int] | None = None) -> list[Lease]:
        found = self._numbered if numbers is None else numbers
        return [
            lease
            for number in found
            for lease in self._numbered.get(number, ())
            if lease.lessee != lessee
        ]

    def all(self) -> set[Lease]:
        return {lease for leases in self._numbered.values() for lease in leases}

    def lessees(self) -> dict[str, int]:
        return dict(self._lessees)


class LeaseTable:
    """All leases granted; `on_change` hears of one that was given or taken in part."""

    def __init__(self) -> None:
        self._leases: dict[Identity, dict[str, Lease]] = {}
        self._unseen = _Index()  # W
        self._folders = _Index()  # R on a folder
        self._withheld: dict[Identity, list[tuple[str, int]]] = {}
        self.on_change: Callable[[Lease], None] = lambda lease: None
        self._granted = self._broken = self._expired = 0

    # --- granting ---

    def grant(
        self,
        identity: Identity,
        file: int,
        lessee: str,
        wanted: int,
        *,
        sole: bool,
        directory: bool = False,
    ) -> int:
        """Grant `wanted` as far as may be and return what this lessee holds on the file now."""
        held = self._leases.get(identity, {}).get(lessee)
        most = LEASE_RH | LEASE_W if sole and not directory else LEASE_RH
        allowed = wanted & most
        for whose, bits in self._withheld.get(identity, ()):
            allowed &= ~(0 if whose == lessee else bits)
        if not allowed & LEASE_R:
            allowed &= ~LEASE_W
        if held is not None and held.breaking_to is not None:
            return held.state & held.breaking_to
        if held is not None:
            self._become(held, (held.state | allowed) & most)
            return held.state
        if allowed != LEASE_NONE:
            lease = Lease(lessee, identity, file, LEASE_NONE, directory)
            self._leases.setdefault(identity, {})[lessee] = lease
            self._become(lease, allowed)
            self._granted += 1
        return allowed

    def restore(
        self, identity: Identity, file: int, lessee: str, state: int, *, directory: bool
    ) -> None:
        """A lease that stood before the server was started anew stands again."""
        if state != LEASE_NONE and lessee not in self._leases.get(identity, {}):
            lease = Lease(lessee, identity, file, LEASE_NONE, directory)
            self._leases.setdefault(identity, {})[lessee] = lease
            self._become(lease, state)

    @contextmanager
    def withholding(self, lessee: str, breaks: Sequence[Break]) -> Iterator[None]:
        """What is being broken for `lessee` is granted to nobody else meanwhile."""
        held_back = [(lease.identity, (lessee, bits)) for lease, bits in breaks]
        for identity, what in held_back:
            self._withheld.setdefault(identity, []).append(what)
        try:
            yield
        finally:
            for identity, what in held_back:
                self._withheld[identity].remove(what)
                if not self._withheld[identity]:
                    del self._withheld[identity]

    # --- who stands in the way ---

    def to_break(self, identity: Identity, lessee: str, bits: int) -> list[Lease]:
        """Return the leases of others on the file that include any of `bits`."""
        leases = self._leases.get(identity)
        if leases is None:
            return []
        return [
            lease for lease in leases.values() if lease.lessee != lessee and lease.state & bits
        ]

    def others_write_unseen(self, lessee: str) -> bool:
        """Whether anybody else holds W on any file."""
        return self._unseen.has_others(lessee)

    def unseen(self, lessee: str, numbers: Iterable[int] | None = None) -> list[Lease]:
        """Return the leases with W of others on the files of these numbers, or on any."""
        return self._unseen.of_others(lessee, numbers)

    def others_know_folders(self, lessee: str) -> bool:
        """Whether anybody else holds R on any folder."""
        return self._folders.has_others(lessee)

    def folders(self, lessee: str, numbers: Iterable[int] | None = None) -> list[Lease]:
        """Return the leases with R of others on the folders of these numbers, or on any."""
        return self._folders.of_others(lessee, numbers)

    # --- breaking ---

    def start_break(self, lease: Lease, bits: int) -> int:
        """Begin to take `bits` away; returns what will be left. W goes with R and with H."""
        left = lease.state if lease.breaking_to is None else lease.breaking_to
        left &= ~bits
        if bits & LEASE_RH:
            left &= ~LEASE_W
        lease.breaking_to = left
        lease.breaks += 1
        return left

    def finish_break(self, lease: Lease, left: int, *, answered: bool) -> None:
        """The lessee answered that it has `left`, or its time is over: the rest is taken.

        What another break asked of it meanwhile goes when that one is answered.
        """
        self.abandon_break(lease)
        self._become(lease, lease.state & left)
        self._broken += 1
        self._expired += not answered

    def abandon_break(self, lease: Lease) -> None:
        """Whoever wanted it broken is gone; what the lessee was asked, it is still held to."""
        lease.breaks -= 1
        if not lease.breaks:
            lease.breaking_to = None

    def drop(self, identity: Identity, lessee: str) -> Lease | None:
        """The lessee closed its last handle on the file."""
        leases = self._leases.get(identity)
        if leases is None:
            return None
        lease = leases.pop(lessee, None)
        if not leases:
            del self._leases[identity]
        if lease is not None:
            self._unlist(lease)
        return lease

    def _become(self, lease: Lease, state: int) -> None:
        changed, lease.state = lease.state != state, state
        if self.is_held(lease):
            self._unseen.put(lease, bool(state & LEASE_W))
            self._folders.put(lease, lease.directory and bool(state & LEASE_R))
            if changed:
                self.on_change(lease)

    def _unlist(self, lease: Lease) -> None:
        self._unseen.put(lease, False)
        self._folders.put(lease, False)

    # --- what there is ---

    def is_held(self, lease: Lease) -> bool:
        """Whether the lessee still has the file open under this lease."""
        return self._leases.get(lease.identity, {}).get(lease.lessee) is lease

    def is_breaking(self, identity: Identity, lessee: str) -> bool:
        """Whether somebody waits for what a lessee holds on a file."""
        lease = self._leases.get(identity, {}).get(lessee)
        return lease is not None and lease.breaking_to is not None

    def state(self, identity: Identity, lessee: str) -> int:
        """Return what a lessee holds on a file."""
        lease = self._leases.get(identity, {}).get(lessee)
        return LEASE_NONE if lease is None else lease.state

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "leases": sum(map(len, self._leases.values())),
            "leases_granted": self._granted,
            "lease_breaks": self._broken,
            "lease_breaks_expired": self._expired,
        }

    def validate(self) -> None:
        """Assert that the views of the table agree, and that W has no company."""
        leases = [one for some in self._leases.values() for one in some.values()]
        unseen = {one for one in leases if one.state & LEASE_W}
        folders = {one for one in leases if one.directory and one.state & LEASE_R}
        for index, expected in ((self._unseen, unseen), (self._folders, folders)):
            assert index.all() == expected
            assert sum(index.lessees().values()) == len(expected)
            assert set(index.lessees()) == {one.lessee for one in expected}
        assert all(len(self._leases[one.identity]) == 1 for one in unseen)
        assert not any(one.directory for one in unseen)
        assert all((one.breaks > 0) is (one.breaking_to is not None) for one in leases)
        assert all(self._leases.values())
        assert all(self._withheld.values())
