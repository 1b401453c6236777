"""What is done with parts of files: extended attributes, extents, copies on the server."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver import inway
from shareserver.breaking import after_breaks, break_all
from shareserver.handles import Handle
from shareserver.leases import Break
from shareserver.service.files import require_readable, require_writable, with_access
from shareserver.state import Peer, State
from shareserver.store import StoreFile

Answer = Message | Awaitable[Message]
T = TypeVar("T")


def get_xattr(state: State, peer: Peer, request: m.GetXattr) -> Message:
    """Read an extended attribute."""
    with _target(state, peer, request.tree, request.target) as file:
        return m.XattrFound(file.xattr(request.name))


def list_xattrs(state: State, peer: Peer, request: m.ListXattrs) -> Message:
    """List the names of extended attributes."""
    with _target(state, peer, request.tree, request.target) as file:
        return m.XattrsFound(tuple(file.xattrs()))


def set_xattr(state: State, peer: Peer, request: m.SetXattr) -> Answer:
    """Set an extended attribute."""
    _require_changes(state, peer, request.tree, request.target)
    with _target(state, peer, request.tree, request.target) as file:
        breaks = _in_way(state, peer, request, file)
        if not breaks:
            file.set_xattr(request.name, request.value, request.must)
            return m.XattrSet()
    return after_breaks(state, peer.lessee, breaks, partial(set_xattr, state, peer, request))


def remove_xattr(state: State, peer: Peer, request: m.RemoveXattr) -> Answer:
    """Remove an extended attribute."""
    _require_changes(state, peer, request.tree, request.target)
    with _target(state, peer, request.tree, request.target) as file:
        breaks = _in_way(state, peer, request, file)
        if not breaks:
            file.remove_xattr(request.name)
            return m.XattrRemoved()
    return after_breaks(state, peer.lessee, breaks, partial(remove_xattr, state, peer, request))


def _in_way(
    state: State, peer: Peer, request: m.SetXattr | m.RemoveXattr, file: StoreFile
) -> list[Break]:
    """Which leases stand in the way of a change to what a handle or a path means."""
    target = request.target
    if isinstance(target, int):
        return inway.of_change(state, state.handle(peer, request.tree, target))
    share, lessee = state.tree(peer, request.tree).share, peer.lessee
    breaks = inway.of_file(state, lessee, file.identity, f.LEASE_R | f.LEASE_W)
    return breaks + inway.of_attributes(state, lessee, share, target, file)


def _require_changes(state: State, peer: Peer, tree: int, target: int | str) -> None:
    if state.share_of(state.tree(peer, tree)).read_only:
        raise Refused(Status.STATUS_MEDIA_WRITE_PROTECTED, str(target))


@contextmanager
def _target(state: State, peer: Peer, tree: int, target: int | str) -> Iterator[StoreFile]:
    """Give the file that a handle or a path means; a symlink at the path is meant itself."""
    if isinstance(target, int):
        yield state.handle(peer, tree, target).file
        return
    file = state.stores[state.tree(peer, tree).share].look(target, follow=False)
    try:
        yield file
    finally:
        file.close()


async def allocate(state: State, peer: Peer, request: m.Allocate) -> Message:
    """Give space to a part of a file, or take it away."""
    handle = with_access(state, peer, request.tree, request.handle, f.FILE_WRITE_DATA)
    change = (request.how, request.offset, request.length)

    def allowed() -> None:
        if request.how & (f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_ZERO_RANGE):
            require_writable(state, handle, request.offset, request.length)

    await _changing(state, handle, allowed, partial(handle.file.allocate, *change))
    return m.Allocated(handle.file.info())


def seek(state: State, peer: Peer, request: m.Seek) -> Message:
    """Find data or a hole."""
    access = f.FILE_READ_DATA | f.FILE_WRITE_DATA
    handle = with_access(state, peer, request.tree, request.handle, access)
    return m.Sought(handle.file.seek(request.offset, request.hole))


async def copy_range(state: State, peer: Peer, request: m.CopyRange) -> Message:
    """Copy from one open file to another; nothing of it goes over the wire."""
    source = with_access(state, peer, request.tree, request.source, f.FILE_READ_DATA)
    handle = with_access(state, peer, request.tree, request.handle, f.FILE_WRITE_DATA)
    where = (source.file, request.source_offset, request.offset, request.length)

    def allowed() -> None:
        length = min(request.length, source.file.info().size - request.source_offset)
        require_readable(state, source, request.source_offset, length)
        require_writable(state, handle, request.offset, length)

    count = await _changing(state, handle, allowed, partial(handle.file.copy_from, *where))
    return m.RangeCopied(count, handle.file.info())


async def _changing(
    state: State, handle: Handle, allowed: Callable[[], None], change: Callable[[], T]
) -> T:
    """Change a file in a thread: what others learned of it meanwhile is taken back too.

    `allowed` refuses what somebody's lock forbids, in the turn in which the change begins. From
    then on it goes on though its link is lost: it is done, and its answer is that.
    """
    await _break_known(state, handle)
    allowed()
    with trio.CancelScope(shield=True):
        try:
            changed = await state.world.run_blocking(change)
        finally:
            await _break_known(state, handle)
    return changed


async def _break_known(state: State, handle: Handle) -> None:
    while breaks := inway.of_change(state, handle):
        await break_all(state, handle.lessee, breaks)
