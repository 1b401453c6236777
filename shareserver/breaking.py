"""Breaking leases: ask the lessee, wait until it answered or closed, take it after a bounded
time.

Two who want the same lease broken both ask; the lessee answers both when it has closed.
"""

from collections.abc import Awaitable, Callable, Sequence

import trio

from redird.wire.errors import LinkLost, Refused
from redird.wire.files import LEASE_H, LEASE_W
from redird.wire.messages import LeaseBreak, Message
from shareserver.handles import OpenEntry
from shareserver.leases import Break, Lease
from shareserver.state import State


async def after_breaks(
    state: State,
    lessee: str,
    breaks: Sequence[Break],
    again: Callable[[], Message | Awaitable[Message]],
) -> Message:
    """Take what stands in the way of a request, then serve it `again` from its beginning.

    Everything may have changed meanwhile. What was taken nobody else was given before `again`
    is called, in the turn in which the last break ends.
    """
    await break_all(state, lessee, breaks)
    answer = again()
    return answer if isinstance(answer, Message) else await answer


async def break_all(state: State, lessee: str, breaks: Sequence[Break]) -> None:
    """Take bits from leases, for `lessee`."""
    with state.leases.withholding(lessee, breaks):
        async with trio.open_nursery() as nursery:
            for lease, bits in breaks:
                nursery.start_soon(_break_one, state, lease, bits)


def break_for_deletion(state: State, entry: OpenEntry) -> None:
    """A file that goes at its last close is kept by nobody who does not use it.

    Not even by whoever deletes it: what others have open through it goes the same way.
    """
    bits = LEASE_H | LEASE_W
    leases = state.leases.to_break(entry.identity, "", bits)
    state.spawn(break_all, state, "", [(lease, bits) for lease in leases])


async def _break_one(state: State, lease: Lease, bits: int) -> None:
    """Closing the last handle answers too (MS-CIFS 3.2.5.42): the lease is dropped."""
    left = state.leases.start_break(lease, bits)
    try:
        with trio.move_on_after(state.config.lease_break_wait_s) as bound:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_ask, state, lease, left, nursery.cancel_scope)
                while state.leases.is_held(lease):
                    await state.lease_dropped.park()
                nursery.cancel_scope.cancel()
    except BaseException:
        state.leases.abandon_break(lease)
        raise
    state.leases.finish_break(lease, left, answered=not bound.cancelled_caught)


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
