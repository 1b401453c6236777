"""Breaking leases: ask the lessee, wait until it answered or closed, take it after a bounded
time.

Two who want the same lease broken both ask; the lessee answers both when it has closed.
"""

import trio

from redird.wire.errors import LinkLost, Refused
from redird.wire.files import LEASE_H, LEASE_W
from redird.wire.messages import LeaseBreak
from shareserver.handles import Identity, OpenEntry
from shareserver.leases import Lease
from shareserver.state import State


async def break_leases(state: State, identity: Identity, lessee: str, bits: int) -> None:
    """Take `bits` from every lease on the file that is not `lessee`'s own."""
    async with trio.open_nursery() as nursery:
        for lease in state.leases.to_break(identity, lessee, bits):
            nursery.start_soon(_break_one, state, lease, bits)


def break_for_deletion(state: State, entry: OpenEntry) -> None:
    """A file that goes at its last close is kept by nobody who does not use it.

    Not even by whoever deletes it: what others have open through it goes the same way.
    """
    state.spawn(break_leases, state, entry.identity, "", LEASE_H | LEASE_W)


async def _break_one(state: State, lease: Lease, bits: int) -> None:
    """Closing the last handle answers too (MS-CIFS 3.2.5.42): the lease is dropped."""
    left = state.leases.start_break(lease, bits)
    with trio.move_on_after(state.config.lease_break_wait_s) as bound:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ask, state, lease, left, nursery.cancel_scope)
            while state.leases.is_held(lease):
                await state.lease_dropped.park()
            nursery.cancel_scope.cancel()
    state.leases.finish_break(lease, answered=not bound.cancelled_caught)


async def _ask(state: State, lease: Lease, left: int, answered: trio.CancelScope) -> None:
    """A lessee that will not is as good as one that did; one that is gone drops the lease."""
    link = next(
        (peer.link for peer in state.peers.values() if peer.lessee == lease.lessee), None
    )
    try:
        if link is not None:
            await link.request(LeaseBreak(lease.file, left))
    except LinkLost:
        return  # what it had open is about to be closed
    except Refused:
        pass
    answered.cancel()
