"""What sessions ask about files: one function per request, named as the request.

`tree` in a request is our connection, `handle` our open; the servers' numbers never leave this
process.
"""

from dataclasses import replace

from redird import closing, opening
from redird.finding import link_of, opened_file, tree_of, with_slot
from redird.naming import close_dormant
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.files import LEASE_RWH
from redird.wire.messages import Message
from redird.wire.status import Status


async def create(state: State, peer: Peer, request: m.Create) -> Message:
    """Open a file."""
    connection = await with_slot(state, peer, request.tree)
    return await opening.create(state, connection, request)


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
    opened = opened_file(state, peer, request.tree, request.handle)
    handle = opened.handle
    data = await link_of(state, opened).read(
        handle.tree, handle.server_handle, request.offset, request.length
    )
    return m.DataRead(data)


async def write(state: State, peer: Peer, request: m.Write) -> Message:
    """Write through to the server; what the reply tells of the file is remembered."""
    opened = opened_file(state, peer, request.tree, request.handle)
    handle = opened.handle
    done = await link_of(state, opened).write(
        handle.tree, handle.server_handle, request.offset, request.data
    )
    handle.file.info = done.info
    return done


async def flush(state: State, peer: Peer, request: m.Flush) -> Message:
    """Bring a file to the server's disk."""
    opened = opened_file(state, peer, request.tree, request.handle)
    await link_of(state, opened).flush(opened.handle.tree, opened.handle.server_handle)
    return m.Flushed()


async def query_info(state: State, peer: Peer, request: m.QueryInfo) -> Message:
    """Tell about an open file, from memory under RWH, or about a path."""
    if isinstance(request.target, str):
        connection = await with_slot(state, peer, request.tree)
        tree, target = tree_of(connection), request.target
        link = state.links[connection.link]
        return m.InfoFound(await link.query_info(tree, target, follow=request.follow))
    opened = opened_file(state, peer, request.tree, request.target)
    handle = opened.handle
    if handle.file.lease != LEASE_RWH:
        handle.file.info = await link_of(state, opened).query_info(
            handle.tree, handle.server_handle
        )
    return m.InfoFound(handle.file.info)


async def set_info(state: State, peer: Peer, request: m.SetInfo) -> Message:
    """Change attributes; a file that is to be deleted is not kept after its close."""
    if isinstance(request.target, str):
        connection = await with_slot(state, peer, request.tree)
        with closing.in_use(state, connection):
            await close_dormant(state, connection, request.target)
            link = state.links[connection.link]
            info = await link.set_info(replace(request, tree=tree_of(connection)))
        at = (connection.server, connection.share, request.target)
        for handle in state.connections.live_at(*at):  # what is known under a lease of ours
            if handle.file.info.file_id == info.file_id:  # not that of a symlink on the way
                handle.file.info = info
        return m.InfoSet(info)
    opened = opened_file(state, peer, request.tree, request.target)
    handle = opened.handle
    info = await link_of(state, opened).set_info(
        replace(request, tree=handle.tree, target=handle.server_handle)
    )
    handle.file.info = info
    if request.delete is not None:
        handle.parkable = not request.delete
    return m.InfoSet(info)


async def query_directory(state: State, peer: Peer, request: m.QueryDirectory) -> Message:
    """Return a page of an open folder."""
    opened = opened_file(state, peer, request.tree, request.handle)
    handle = opened.handle
    query = m.QueryDirectory(
        handle.tree,
        handle.server_handle,
        request.pattern,
        request.restart,
        request.entries_max,
    )
    return m.DirectoryFound(await link_of(state, opened).query_directory(query))


async def query_volume(state: State, peer: Peer, request: m.QueryVolume) -> Message:
    """Tell about the disk under a share."""
    connection = await with_slot(state, peer, request.tree)
    return await state.links[connection.link].query_volume(tree_of(connection))


async def query_uses(state: State, peer: Peer, request: m.QueryUses) -> Message:
    """How full is the share?"""
    connection = state.connection(peer.number, request.tree)
    uses = await state.links[connection.link].uses(tree_of(connection))
    if uses is None:
        raise Refused(Status.STATUS_NOT_SUPPORTED, connection.server)
    return m.UsesFound(uses, None)
