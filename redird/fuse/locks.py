"""What the kernel asks about locks: GETLK, SETLK, SETLKW, of fcntl(2) and of flock(2)."""

import errno
import fcntl
from contextlib import suppress

import trio

from redird.fuse import bodies, replies
from redird.fuse.errnos import NotDone
from redird.fuse.kernel import LOCK_FLOCK, OFFSET_MAX
from redird.fuse.mount import Mount, Opened
from redird.fuse.requests import Request
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status

WAIT_S = 1.0  # one question to the server; between two the waiting may end


async def test(mount: Mount, request: Request, body: bodies.Lock) -> bytes:
    """Say who is in the way of a lock."""
    opened = mount.open_file(body.handle)
    kind, offset, length = _range(body)
    exclusive = body.kind == fcntl.F_WRLCK
    ask = m.TestLock(
        opened.caller.tree, body.handle, kind, body.owner, offset, length, exclusive
    )
    found = (await mount.ask(ask, m.LockTested)).conflict
    if found is None:
        return replies.lock(0, 0, fcntl.F_UNLCK)
    end = found.offset + found.length - 1 if found.length else OFFSET_MAX
    return replies.lock(found.offset, end, fcntl.F_WRLCK if found.exclusive else fcntl.F_RDLCK)


async def set_now(mount: Mount, request: Request, body: bodies.Lock) -> bytes:
    """Lock or unlock without waiting."""
    await _set(mount, body, 0.0)
    return b""


async def set_waiting(mount: Mount, request: Request, body: bodies.Lock) -> bytes:
    """Wait for a lock. Whether it was given is known before the waiting ends, for whatever
    reason: each question to the server is waited out.
    """
    while True:
        try:
            with trio.CancelScope(shield=True):
                await _set(mount, body, WAIT_S)
        except Refused as no:
            if no.status != Status.STATUS_LOCK_NOT_GRANTED:
                raise
            await trio.lowlevel.checkpoint()
        else:
            return b""


def _range(body: bodies.Lock) -> tuple[str, int, int]:
    if body.flags & LOCK_FLOCK:
        return "flock", 0, 0
    if body.start > body.end or body.start > OFFSET_MAX:
        raise NotDone(errno.EINVAL)
    return "posix", body.start, 0 if body.end >= OFFSET_MAX else body.end - body.start + 1


async def _set(mount: Mount, body: bodies.Lock, wait_s: float) -> None:
    opened = mount.open_file(body.handle)
    kind, offset, length = _range(body)
    tree, handle, owner = opened.caller.tree, body.handle, body.owner
    if body.kind == fcntl.F_UNLCK:
        unlock = m.Unlock(tree, handle, kind, owner, offset, length)
        await mount.ask(unlock, m.Unlocked)
        return
    exclusive = body.kind == fcntl.F_WRLCK
    opened.locked.add((kind, owner))
    ask = m.Lock(tree, handle, kind, owner, offset, length, exclusive, wait_s)
    await mount.ask(ask, m.Locked)


async def give_up(mount: Mount, opened: Opened, kind: str, owner: int) -> None:
    """An owner has closed the file: all its locks go, through whichever open they came."""
    for number in list(opened.node.handles):
        one = mount.opened.get(number)
        if one is not None and (kind, owner) in one.locked:
            one.locked.discard((kind, owner))
            unlock = m.Unlock(one.caller.tree, one.handle, kind, owner, 0, 0)
            with suppress(Refused):  # the file was closed under us, and its locks with it
                await mount.ask(unlock, m.Unlocked)
