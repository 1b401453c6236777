"""What sessions ask about names: one function per request, named as the request.

Before a name changes, our own dormant handles there and below are closed, whoever parked them.
"""

from collections.abc import Sequence
from typing import Any

from redird import closing
from redird.connections import Connection, Handle, path_key
from redird.finding import tree_of, with_slot
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.messages import Message


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename; dormant handles on both names, and below a folder, are closed first."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path, request.target)
        upstream = m.Rename(tree_of(connection), request.path, request.target, request.replace)
        renamed = await state.links[connection.link].change_names(upstream, m.Renamed)
        at = (connection.server, connection.share, request.path)
        for handle in state.connections.live_at(*at) + state.connections.live_below(*at):
            handle.parkable = False  # its name leads elsewhere now
        await close_dormant(state, connection, request.path)  # parked since
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
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path)
        link = state.links[connection.link]
        return await link.change_names(kind(tree_of(connection), request.path), expected)


async def close_dormant(state: State, connection: Connection, *paths: str) -> None:
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
