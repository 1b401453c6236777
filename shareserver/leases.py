"""The server's promises: what a lessee may keep of a file without asking (MS-SMB2 3.3.1.4).

A lease belongs to (lessee, file): all handles of one redirector on a file share it, and never
break it. A sole lessee gets what it asks; beside others it gets R and H at most. H is broken
before an open, a rename or a delete that the lessee's handles would refuse; W before any open
of somebody else. A break that is not answered in time is taken.
"""

from dataclasses import dataclass

from redird.wire.files import LEASE_H, LEASE_NONE, LEASE_RH, LEASE_W
from shareserver.handles import Identity


@dataclass(slots=True)
class Lease:
    """One promise, and what it is being broken to, if it is."""

    lessee: str
    identity: Identity
    file: int
    state: int
    breaking_to: int | None = None


class LeaseTable:
    """All leases granted."""

    def __init__(self) -> None:
        self._leases: dict[Identity, dict[str, Lease]] = {}
        self._granted = self._broken = self._expired = 0

    def grant(
        self, identity: Identity, file: int, lessee: str, wanted: int, *, sole: bool
    ) -> int:
        """Grant `wanted` as far as may be and return what this lessee holds on the file now."""
        held = self._leases.get(identity, {}).get(lessee)
        allowed = wanted if sole else wanted & LEASE_RH
        if held is not None and held.breaking_to is not None:
            return held.state & held.breaking_to
        if held is not None:
            held.state = (held.state | allowed) if sole else (held.state | allowed) & LEASE_RH
            return held.state
        if allowed != LEASE_NONE:
            lease = Lease(lessee, identity, file, allowed)
            self._leases.setdefault(identity, {})[lessee] = lease
            self._granted += 1
        return allowed

    def to_break(self, identity: Identity, lessee: str, bits: int) -> list[Lease]:
        """Return the leases of others on the file that include any of `bits`."""
        return [
            lease
            for lease in self._leases.get(identity, {}).values()
            if lease.lessee != lessee and lease.state & bits
        ]

    def start_break(self, lease: Lease, bits: int) -> int:
        """Begin to take `bits` away; returns what will be left. H goes with W for caching."""
        left = lease.state & ~bits
        if not left & LEASE_H and bits & LEASE_H:
            left &= ~LEASE_W
        lease.breaking_to = left if lease.breaking_to is None else lease.breaking_to & left
        return lease.breaking_to

    def finish_break(self, lease: Lease, *, answered: bool) -> None:
        """The lessee answered, or its time is over: what was to be taken is taken."""
        if lease.breaking_to is None:
            return
        lease.state, lease.breaking_to = lease.breaking_to, None
        self._broken += 1
        self._expired += not answered

    def drop(self, identity: Identity, lessee: str) -> Lease | None:
        """The lessee closed its last handle on the file."""
        leases = self._leases.get(identity)
        if leases is None:
            return None
        lease = leases.pop(lessee, None)
        if not leases:
            del self._leases[identity]
        return lease

    def is_held(self, lease: Lease) -> bool:
        """Whether the lessee still has the file open under this lease."""
        return self._leases.get(lease.identity, {}).get(lease.lessee) is lease

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
