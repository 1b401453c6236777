"""What sessions ask about parts of files: one function per request, named as the request."""

from dataclasses import replace
from typing import Any, TypeVar

from redird import closing
from redird.finding import link_of, opened_file, tree_of, with_slot
from redird.naming import learn_anew
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
    handle = opened_file(state, peer, request.tree, request.handle).handle
    upstream = replace(request, tree=handle.tree, handle=handle.server_handle)
    done = await state.links[handle.connection.link].ask(upstream, m.Allocated)
    handle.file.info = done.info
    return done


async def seek(state: State, peer: Peer, request: m.Seek) -> Message:
    """Find data or a hole."""
    opened = opened_file(state, peer, request.tree, request.handle)
    handle = opened.handle
    upstream = replace(request, tree=handle.tree, handle=handle.server_handle)
    return await link_of(state, opened).ask(upstream, m.Sought)


async def copy_range(state: State, peer: Peer, request: m.CopyRange) -> Message:
    """Copy at the server; it must know both files under one connection."""
    source = opened_file(state, peer, request.tree, request.source).handle
    handle = opened_file(state, peer, request.tree, request.handle).handle
    if source.connection is not handle.connection:
        raise Refused(Status.STATUS_NOT_SUPPORTED, f"{source.path} is another session's")
    upstream = replace(
        request, tree=handle.tree, source=source.server_handle, handle=handle.server_handle
    )
    done = await state.links[handle.connection.link].ask(upstream, m.RangeCopied)
    handle.file.info = done.info
    return done


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
    """Ask the same; whoever has the file open is told of its new change time."""
    done = await _ask(state, peer, request, expected)
    if isinstance(request.target, int):
        changed = [opened_file(state, peer, request.tree, request.target).handle]
    else:
        connection = state.connection(peer.number, request.tree)
        at = (connection.server, connection.share, request.target)
        changed = state.connections.live_at(*at)
    for link in {handle.connection.link for handle in changed}:
        files = [one.file for one in changed if one.connection.link == link]
        await learn_anew(state, link, files)
    return done
