"""Byte-range locks: asked for at once, or waited for in line, for a bounded time.

An nt lock must be seen by everybody's reads and writes. Nobody else may know the file's data,
nor write to it unseen, from before it is granted; while there is one, or somebody waits for
one, no such lease is granted (`opening`).
"""

from collections.abc import Awaitable
from functools import partial

import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.framing import INT_MAX
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver import inway
from shareserver.breaking import after_breaks
from shareserver.handles import Handle
from shareserver.locks import END, FLOCK, NT, Claim
from shareserver.service.files import with_access
from shareserver.state import Peer, State

Answer = Message | Awaitable[Message]


def lock(state: State, peer: Peer, request: m.Lock) -> Answer:
    """Lock a range, waiting for others if that is asked for."""
    handle = _handle(state, peer, request)
    claim = _claim(handle, request, request.exclusive)
    if request.kind == NT:
        identity, bits = handle.entry.identity, f.LEASE_R | f.LEASE_W
        breaks = inway.of_file(state, peer.lessee, identity, bits)
        if breaks:
            return after_breaks(state, peer.lessee, breaks, partial(lock, state, peer, request))
    if _is_held_since_restart(state, handle, claim):
        return m.Locked()
    in_way = state.locks.lock(handle.entry.identity, claim)
    _note(state, handle)
    if in_way is None:
        return m.Locked()
    if request.wait_s <= 0:
        raise _not_granted(handle, in_way)
    wait_s = min(request.wait_s, state.config.lock_wait_max_s)
    return _wait(state, handle, claim, wait_s)


def _is_held_since_restart(state: State, handle: Handle, claim: Claim) -> bool:
    """Its redirector does not know that this server, started anew, still knows of it."""
    if claim not in state.restored_locks:
        return False
    state.restored_locks.remove(claim)
    return claim in state.locks.held(handle.entry.identity)


def _note(state: State, handle: Handle) -> None:
    identity = handle.entry.identity
    state.journal.locked(identity, state.locks.held(identity))


async def _wait(state: State, handle: Handle, claim: Claim, wait_s: float) -> Message:
    """Stand in line; whoever is cancelled here has lost its link, and its handle with it."""
    identity, called = handle.entry.identity, trio.Event()
    waiter = state.locks.wait(identity, claim, called.set)
    try:
        with trio.move_on_after(wait_s):
            await called.wait()
    finally:
        state.locks.leave(waiter)
    _note(state, handle)
    if waiter.granted:
        return m.Locked()
    in_way = state.locks.test(identity, claim)
    if state.handles.find(handle.tree, handle.number) is None:
        raise Refused(Status.STATUS_FILE_CLOSED, handle.entry.subject)
    raise _not_granted(handle, in_way)


def _not_granted(handle: Handle, in_way: Claim | None) -> Refused:
    """Say what is in the way; None is somebody who came before and waits."""
    subject = handle.entry.subject
    if in_way is None:
        return Refused(Status.STATUS_LOCK_NOT_GRANTED, f"{subject}: others wait for it")
    until = "the end" if in_way.end == END else str(in_way.end)
    where = f"{subject}: {in_way.kind} lock on bytes {in_way.start} to {until}"
    return Refused(Status.STATUS_LOCK_NOT_GRANTED, where)


def unlock(state: State, peer: Peer, request: m.Unlock) -> Message:
    """Give a range up."""
    handle = _handle(state, peer, request)
    state.locks.unlock(handle.entry.identity, _claim(handle, request, False))
    _forget_restored(state, handle)
    _note(state, handle)
    return m.Unlocked()


def _forget_restored(state: State, handle: Handle) -> None:
    """What it gives up and takes again is asked for anew."""
    if state.restored_locks:
        held = state.locks.held(handle.entry.identity)
        gone = {
            one
            for one in state.restored_locks
            if one.handle == handle.number and one not in held
        }
        state.restored_locks -= gone


def test_lock(state: State, peer: Peer, request: m.TestLock) -> Message:
    """Say who would be in the way of a lock; owners of other lessees have no number here."""
    handle = _handle(state, peer, request)
    claim = _claim(handle, request, request.exclusive)
    found = state.locks.test(handle.entry.identity, claim)
    if found is None:
        return m.LockTested(None)
    length = 0 if found.end == END else found.end - found.start
    owner = found.owner[1] if found.owner[0] in (claim.owner[0], peer.lessee) else 0
    return m.LockTested(m.LockRange(found.start, length, found.exclusive, owner))


def _handle(state: State, peer: Peer, request: m.Lock | m.Unlock | m.TestLock) -> Handle:
    access = f.READS | f.WRITES
    return with_access(state, peer, request.tree, request.handle, access)


def _claim(handle: Handle, request: m.Lock | m.Unlock | m.TestLock, exclusive: bool) -> Claim:
    """Return what is asked for, as the table has it; refuses what is no range."""
    if request.kind not in f.LOCK_KINDS:
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"lock kind {request.kind!r:.20}")
    offset, length = request.offset, request.length
    if not (offset >= 0 and 0 <= length <= INT_MAX and offset + length <= END):
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"{length} bytes at offset {offset}")
    end = offset + length if length else END
    if request.kind == FLOCK:
        offset, end = 0, END
    whose = handle.number if request.kind == NT else handle.lessee
    owner = (whose, request.owner)
    return Claim(request.kind, owner, handle.number, offset, end, exclusive)
