"""What is done with parts of files: extended attributes, extents, copies on the server."""

from collections.abc import Iterator
from contextlib import contextmanager

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver.service.files import with_access
from shareserver.state import Peer, State
from shareserver.store import StoreFile


def get_xattr(state: State, peer: Peer, request: m.GetXattr) -> Message:
    """Read an extended attribute."""
    with _target(state, peer, request.tree, request.target) as file:
        return m.XattrFound(file.xattr(request.name))


def list_xattrs(state: State, peer: Peer, request: m.ListXattrs) -> Message:
    """List the names of extended attributes."""
    with _target(state, peer, request.tree, request.target) as file:
        return m.XattrsFound(tuple(file.xattrs()))


def set_xattr(state: State, peer: Peer, request: m.SetXattr) -> Message:
    """Set an extended attribute."""
    _require_changes(state, peer, request.tree, request.target)
    with _target(state, peer, request.tree, request.target) as file:
        file.set_xattr(request.name, request.value, request.must)
        return m.XattrSet()


def remove_xattr(state: State, peer: Peer, request: m.RemoveXattr) -> Message:
    """Remove an extended attribute."""
    _require_changes(state, peer, request.tree, request.target)
    with _target(state, peer, request.tree, request.target) as file:
        file.remove_xattr(request.name)
        return m.XattrRemoved()


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
    await state.world.run_blocking(handle.file.allocate, *change)
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
    count = await state.world.run_blocking(handle.file.copy_from, *where)
    return m.RangeCopied(count, handle.file.info())
