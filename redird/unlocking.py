"""How the server hears that an open gives its locks up."""

from collections.abc import Iterable

import trio

from redird.locks import Claim
from redird.ranges import NT
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status


async def give_up(state: State, claims: Iterable[Claim]) -> None:
    """An open is closed: everything that its owners hold through it goes.

    A claim whose unlocking failed stays, and with it the handle cannot be kept.
    """
    async with trio.open_nursery() as nursery:
        for claim in claims:
            if claim.held:
                nursery.start_soon(_give_up, state, claim)


async def _give_up(state: State, claim: Claim) -> None:
    whole = (0, 0) if claim.kind != NT else (claim.offset, claim.length)
    await unlock(state, claim, *whole)


async def unlock(state: State, claim: Claim, offset: int, length: int) -> None:
    """Give up a range of a claim's owner, and the claim."""
    handle = claim.handle
    if handle.dead:  # the server has done it
        return
    request = m.Unlock(
        handle.tree, handle.server_handle, claim.kind, claim.owner, offset, length
    )

    def unlocked(_: m.Unlocked) -> None:
        state.locks.unlocked(handle, claim.kind, claim.owner, offset, length)
        state.locks.drop(claim)

    try:
        await state.links[handle.connection.link].ask(request, m.Unlocked, unlocked)
    except Refused as no:
        if no.status is Status.STATUS_RANGE_NOT_LOCKED:
            state.locks.drop(claim)
