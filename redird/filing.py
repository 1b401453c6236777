"""What sessions ask about files and names: one function per request, named as the request.

`tree` in a request is our connection, `handle` our open; the servers' numbers never leave this
process.
"""

from collections.abc import Sequence
from typing import Any

from redird import closing, opening, redirector
from redird.connections import Connection, Handle, Open, path_key
from redird.peers import Peer
from redird.state import State
from redird.upstream import ServerLink
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.files import LEASE_RWH
from redird.wire.messages import Message
from redird.wire.status import Status


async def create(state: State, peer: Peer, request: m.Create) -> Message:
    """Open a file."""
    connection = await _with_slot(state, peer, request.tree)
    return await opening.create(state, connection, request)


async def _with_slot(state: State, peer: Peer, tree: int) -> Connection:
    """Return the connection; one whose slot was recalled or lost takes one again."""
    connection = state.connection(peer.number, tree)
    if connection.tree is None or connection.releasing:
        while connection.releasing:
            await state.drained.park()
        await redirector.reconnect(state, connection)
    return connection


def _open(state: State, peer: Peer, tree: int, number: int) -> Open:
    connection = state.connection(peer.number, tree)
    opened = connection.opens.get(number)
    if opened is None:
        raise Refused(Status.STATUS_INVALID_HANDLE, f"open {number}")
    if opened.handle.dead or state.dormant.is_closing(opened.handle):
        raise Refused(Status.STATUS_FILE_CLOSED, opened.handle.path)
    return opened


def _link(state: State, opened: Open) -> ServerLink:
    return state.links[opened.handle.connection.link]


async def close(state: State, peer: Peer, request: m.Close) -> Message:
    """Close an open; its handle may stay, dormant."""
    connection = state.connection(peer.number, request.tree)
    opened = connection.opens.get(request.handle)
    if opened is None:
        raise Refused(Status.STATUS_INVALID_HANDLE, f"open {request.handle}")
    await opening.close(state, opened)
    return m.Closed()


async def read(state: State, peer: Peer, request: m.Read) -> Message:
    """Read from the server."""
    opened = _open(state, peer, request.tree, request.handle)
    handle = opened.handle
    data = await _link(state, opened).read(
        handle.tree, handle.server_handle, request.offset, request.length
    )
    return m.DataRead(data)


async def write(state: State, peer: Peer, request: m.Write) -> Message:
    """Write through to the server; what the reply tells of the file is remembered."""
    opened = _open(state, peer, request.tree, request.handle)
    handle = opened.handle
    done = await _link(state, opened).write(
        handle.tree, handle.server_handle, request.offset, request.data
    )
    handle.file.info = done.info
    return done


async def flush(state: State, peer: Peer, request: m.Flush) -> Message:
    """Bring a file to the server's disk."""
    opened = _open(state, peer, request.tree, request.handle)
    await _link(state, opened).flush(opened.handle.tree, opened.handle.server_handle)
    return m.Flushed()


async def query_info(state: State, peer: Peer, request: m.QueryInfo) -> Message:
    """Tell about an open file, from memory under RWH, or about a path."""
    if isinstance(request.target, str):
        connection = await _with_slot(state, peer, request.tree)
        tree, target = _tree(connection), request.target
        return m.InfoFound(await state.links[connection.link].query_info(tree, target))
    opened = _open(state, peer, request.tree, request.target)
    handle = opened.handle
    if handle.file.lease != LEASE_RWH:
        handle.file.info = await _link(state, opened).query_info(
            handle.tree, handle.server_handle
        )
    return m.InfoFound(handle.file.info)


def _tree(connection: Connection) -> int:
    if connection.tree is None:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, connection.share)
    return connection.tree


async def set_info(state: State, peer: Peer, request: m.SetInfo) -> Message:
    """Change attributes; a file that is to be deleted is not kept after its close."""
    changes = (request.size, request.mode, request.mtime_ns, request.atime_ns, request.delete)
    if isinstance(request.target, str):
        connection = await _with_slot(state, peer, request.tree)
        with closing.in_use(state, connection):
            await _close_dormant(state, connection, request.target)
            link = state.links[connection.link]
            info = await link.set_info(m.SetInfo(_tree(connection), request.target, *changes))
        at = (connection.server, connection.share, request.target)
        for handle in state.connections.live_at(*at):  # what is known under a lease of ours
            handle.file.info = info
        return m.InfoSet(info)
    opened = _open(state, peer, request.tree, request.target)
    handle = opened.handle
    info = await _link(state, opened).set_info(
        m.SetInfo(handle.tree, handle.server_handle, *changes)
    )
    handle.file.info = info
    if request.delete is not None:
        handle.parkable = not request.delete
    return m.InfoSet(info)


async def query_directory(state: State, peer: Peer, request: m.QueryDirectory) -> Message:
    """Return a page of an open folder."""
    opened = _open(state, peer, request.tree, request.handle)
    handle = opened.handle
    query = m.QueryDirectory(
        handle.tree,
        handle.server_handle,
        request.pattern,
        request.restart,
        request.entries_max,
    )
    return m.DirectoryFound(await _link(state, opened).query_directory(query))


async def query_volume(state: State, peer: Peer, request: m.QueryVolume) -> Message:
    """Tell about the disk under a share."""
    connection = await _with_slot(state, peer, request.tree)
    return await state.links[connection.link].query_volume(_tree(connection))


async def query_uses(state: State, peer: Peer, request: m.QueryUses) -> Message:
    """How full is the share?"""
    connection = state.connection(peer.number, request.tree)
    uses = await state.links[connection.link].uses(_tree(connection))
    if uses is None:
        raise Refused(Status.STATUS_NOT_SUPPORTED, connection.server)
    return m.UsesFound(uses, None)


# --- names ------------------------------------------------------------------------------------


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename; dormant handles on both names, and below a folder, are closed first."""
    connection = await _with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await _close_dormant(state, connection, request.path, request.target)
        upstream = m.Rename(_tree(connection), request.path, request.target, request.replace)
        renamed = await state.links[connection.link].change_names(upstream, m.Renamed)
        at = (connection.server, connection.share, request.path)
        for handle in state.connections.live_at(*at) + state.connections.live_below(*at):
            handle.parkable = False  # its name leads elsewhere now
        await _close_dormant(state, connection, request.path)  # parked since
        return renamed


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file."""
    return await _change_name(state, peer, request, m.Unlink, m.Unlinked)


async def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Message:
    """Make a folder."""
    return await _change_name(state, peer, request, m.MakeDirectory, m.DirectoryMade)


async def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Message:
    """Remove an empty folder."""
    return await _change_name(state, peer, request, m.RemoveDirectory, m.DirectoryRemoved)


async def _change_name(
    state: State, peer: Peer, request: Any, kind: Any, expected: type[Message]
) -> Message:
    connection = await _with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await _close_dormant(state, connection, request.path)
        link = state.links[connection.link]
        return await link.change_names(kind(_tree(connection), request.path), expected)


async def _close_dormant(state: State, connection: Connection, *paths: str) -> None:
    """A dormant handle never costs anybody access: close ours on these names and below."""
    taken = []
    for path in paths:
        at = (connection.server, connection.share, path)
        taken += state.dormant.take_path(*at) + state.dormant.take_below(*at)
    if taken:
        await closing.close_handles(state, taken)
    await closing.wait_close_sent(state, lambda one: _is_at(one, connection, paths))


def _is_at(handle: Handle, connection: Connection, paths: Sequence[str]) -> bool:
    server, share, path = path_key(handle)
    if (server, share) != (connection.server, connection.share):
        return False
    return path in paths or path.startswith(tuple(f"{folder}/" for folder in paths))
