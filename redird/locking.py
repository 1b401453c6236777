"""What sessions ask about byte-range locks: one function per request, named as the request.

The server decides. With an nt lock on a file every read and write of it goes there, so that the
lock is seen. Whoever waits is asked for again and again, in slices: if it leaves, the server
waits for it no longer than one slice, and what is granted then is given up at once.
"""

from dataclasses import replace

import trio

from redird.finding import link_of, opened_file
from redird.leased.flushing import flush
from redird.leased.promises import call_back
from redird.locks import Claim
from redird.peers import Peer
from redird.ranges import END, NT, POSIX
from redird.state import State
from redird.unlocking import unlock as unlock_claim
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status

SLICE_S = 5.0


async def lock(state: State, peer: Peer, request: m.Lock) -> Message:
    """Lock a range, waiting for others if that is asked for."""
    opened = opened_file(state, peer, request.tree, request.handle)
    whose = (peer.number, request.owner)
    where = (request.offset, request.length, request.exclusive)
    claim = state.locks.claim(opened, request.kind, whose, *where)
    try:
        if request.kind == NT:  # nothing is deferred or kept from here on
            await flush(state, opened.handle.file)
            await call_back(state, [opened.handle.file])
        await _wait(state, claim, request)
    except BaseException:
        state.locks.drop(claim)
        raise
    return m.Locked()


async def _wait(state: State, claim: Claim, request: m.Lock) -> None:
    """Ask until it is granted or the time is over; raises Refused."""
    wait_s = min(max(request.wait_s, 0.0), state.config.lock_wait_max_s)
    deadline = trio.current_time() + wait_s
    while True:
        began = trio.current_time()
        slice_s = min(max(deadline - began, 0.0), SLICE_S)
        try:
            await _ask(state, claim, replace(request, wait_s=slice_s))
        except Refused as no:
            now = trio.current_time()
            cut_short = now - began < 0.9 * slice_s  # the server's own bound is lower
            if no.status is not Status.STATUS_LOCK_NOT_GRANTED or cut_short or now >= deadline:
                raise
        else:
            return


async def _ask(state: State, claim: Claim, request: m.Lock) -> None:
    opened, handle = claim.opened, claim.handle
    waiting = True

    def granted(_: m.Locked) -> None:
        if waiting and opened.number in opened.connection.opens:
            state.locks.granted(claim)
        else:  # nobody would give it up
            state.spawn(unlock_claim, state, claim, claim.offset, claim.length)

    asked = replace(request, tree=handle.tree, handle=handle.server_handle, owner=claim.owner)
    try:
        await link_of(state, opened).ask(asked, m.Locked, granted)
    finally:
        waiting = False
    if opened.number not in opened.connection.opens:
        raise Refused(Status.STATUS_FILE_CLOSED, handle.path)


async def unlock(state: State, peer: Peer, request: m.Unlock) -> Message:
    """Give a range up; a posix owner that holds nothing of a file has nothing to ask."""
    opened = opened_file(state, peer, request.tree, request.handle)
    handle, kind = opened.handle, request.kind
    owner = state.locks.owner(opened, kind, (peer.number, request.owner))
    held = [one for one in state.locks.of_owner(handle.file, kind, owner) if one.held]
    if kind == POSIX and not held:
        return m.Unlocked()
    gone = _given_up(held, request)

    def unlocked(_: m.Unlocked) -> None:  # in the order in which the server did it
        state.locks.unlocked(handle, kind, owner, request.offset, request.length)
        for claim in gone:
            state.locks.drop(claim)

    asked = replace(request, tree=handle.tree, handle=handle.server_handle, owner=owner)
    return await link_of(state, opened).ask(asked, m.Unlocked, unlocked)


def _given_up(held: list[Claim], request: m.Unlock) -> list[Claim]:
    """Return the claims of which nothing is left; parts of posix ranges are not counted."""
    end = request.offset + request.length if request.length else END
    if request.kind == NT:
        return [one for one in held if (one.offset, one.end) == (request.offset, end)][:1]
    whole = request.kind != POSIX or (request.offset == 0 and end >= END)
    return held if whole else []


async def test_lock(state: State, peer: Peer, request: m.TestLock) -> Message:
    """Ask who would be in the way; only posix owners of this peer have names for it."""
    opened = opened_file(state, peer, request.tree, request.handle)
    handle = opened.handle
    owner = state.locks.owner(opened, request.kind, (peer.number, request.owner))
    asked = replace(request, tree=handle.tree, handle=handle.server_handle, owner=owner)
    found = (await link_of(state, opened).ask(asked, m.LockTested)).conflict
    if found is None:
        return m.LockTested(None)
    name = state.locks.name(found.owner, peer.number) if request.kind == POSIX else 0
    return m.LockTested(replace(found, owner=name))
