"""What sessions ask about parts of files: one function per request, named as the request."""

from dataclasses import replace
from typing import Any, TypeVar

from redird import closing
from redird.finding import link_of, opened_file, tree_of, with_slot
from redird.holdings import Open
from redird.leased import attributes, folders
from redird.leased.flushing import flush
from redird.leased.promises import call_back_data, call_back_paths
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status

R = TypeVar("R", bound=Message)


async def get_xattr(state: State, peer: Peer, request: m.GetXattr) -> Message:
    """Read an extended attribute."""
    return await _ask(state, peer, request, m.XattrFound)


async def list_xattrs(state: State, peer: Peer, request: m.ListXattrs) -> Message:
    """List the names of extended attributes."""
    return await _ask(state, peer, request, m.XattrsFound)


async def set_xattr(state: State, peer: Peer, request: m.SetXattr) -> Message:
    """Set an extended attribute."""
    return await _change(state, peer, request, m.XattrSet)


async def remove_xattr(state: State, peer: Peer, request: m.RemoveXattr) -> Message:
    """Remove an extended attribute."""
    return await _change(state, peer, request, m.XattrRemoved)


async def allocate(state: State, peer: Peer, request: m.Allocate) -> Message:
    """Give space to a part of a file, or take it away."""
    opened = opened_file(state, peer, request.tree, request.handle)
    return await _change_data(state, opened, request, m.Allocated)


async def seek(state: State, peer: Peer, request: m.Seek) -> Message:
    """Find data or a hole, as the server has them once it has what was deferred."""
    opened = opened_file(state, peer, request.tree, request.handle)
    handle = opened.handle
    await flush(state, handle.file)
    upstream = replace(request, tree=handle.tree, handle=handle.server_handle)
    return await link_of(state, opened).ask(upstream, m.Sought)


async def copy_range(state: State, peer: Peer, request: m.CopyRange) -> Message:
    """Copy at the server; it must know both files under one connection."""
    source = opened_file(state, peer, request.tree, request.source).handle
    opened = opened_file(state, peer, request.tree, request.handle)
    if source.connection is not opened.handle.connection:
        raise Refused(Status.STATUS_NOT_SUPPORTED, f"{source.path} is another session's")
    await flush(state, source.file)
    upstream = replace(request, source=source.server_handle)
    return await _change_data(state, opened, upstream, m.RangeCopied)


async def _change_data(state: State, opened: Open, request: Any, expected: Any) -> Message:
    """The server changes a file's data; what is kept of them is wrong then."""
    handle, file = opened.handle, opened.handle.file
    await flush(state, file)
    folders.changed(state, handle)

    def done(reply: Any) -> None:
        state.forget_data(file)
        file.learn(reply.info)
        folders.changed(state, handle)

    upstream = replace(request, tree=handle.tree, handle=handle.server_handle)
    with attributes.changing(state, [file]):
        link = state.links[handle.connection.link]
        reply: Message = await link.ask(upstream, expected, done)
    await call_back_data(state, opened)
    return reply


async def _ask(state: State, peer: Peer, request: Any, expected: type[R]) -> R:
    """Ask the server the same about its own handle, or about a path."""
    if isinstance(request.target, int):
        handle = opened_file(state, peer, request.tree, request.target).handle
        upstream = replace(request, tree=handle.tree, target=handle.server_handle)
        return await state.links[handle.connection.link].ask(upstream, expected)
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        upstream = replace(request, tree=tree_of(connection))
        return await state.links[connection.link].ask(upstream, expected)


async def _change(state: State, peer: Peer, request: Any, expected: type[R]) -> R:
    """Ask the same; the file's time of change is another one then."""
    done = await _ask(state, peer, request, expected)
    if isinstance(request.target, int):
        opened = opened_file(state, peer, request.tree, request.target)
        opened.handle.file.info_known = False
        folders.changed(state, opened.handle)
        await call_back_data(state, opened)
        return done
    connection = state.connection(peer.number, request.tree)
    at = (connection.server, connection.share, request.target)
    for handle in (*state.connections.live_at(*at), *state.dormant.at(*at)):
        handle.file.info_known = False
    folders.changed_path(state, connection, request.target)
    await call_back_paths(state, connection, request.target)
    return done
