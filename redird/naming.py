"""What sessions ask about names: one function per request, named as the request.

Before a name changes, our own dormant handles there and below are closed, whoever parked them.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from redird import closing
from redird.connections import Connection, Handle, path_key
from redird.finding import tree_of, with_slot
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename; dormant handles on both names, and below a folder, are closed first."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path, request.target)
        renamed = await _ask(state, connection, request, m.Renamed)
        await _unname(state, connection, request.path, request.target)
        return renamed


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file; with `posix` whoever has it open here goes on, nobody joins him."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path)
        unlinked = await _ask(state, connection, request, m.Unlinked)
        if request.posix:
            await _unname(state, connection, request.path)
        return unlinked


async def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Message:
    """Make a folder."""
    return await _change_name(state, peer, request, m.DirectoryMade)


async def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Message:
    """Remove an empty folder."""
    return await _change_name(state, peer, request, m.DirectoryRemoved)


async def _change_name(
    state: State, peer: Peer, request: Any, expected: type[Message]
) -> Message:
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path)
        return await _ask(state, connection, request, expected)


async def _ask(
    state: State, connection: Connection, request: Any, expected: type[Message]
) -> Message:
    """Ask the server the same, under its own number of the connection."""
    upstream = replace(request, tree=tree_of(connection))
    return await state.links[connection.link].change_names(upstream, expected)


async def _unname(state: State, connection: Connection, *paths: str) -> None:
    """What is open by these names, or below, is led to by others or by none from now on."""
    renamed: list[Handle] = []
    for path in paths:
        at = (connection.server, connection.share, path)
        for handle in state.connections.live_below(*at):
            handle.parkable = False
        for handle in state.connections.live_at(*at):
            handle.parkable = False
            renamed.append(handle)
    await close_dormant(state, connection, *paths)  # parked since
    await _learn_anew(state, renamed)


async def _learn_anew(state: State, handles: list[Handle]) -> None:
    """Ask what our own doing has changed of files: no lease of ours was broken by it."""
    for file, handle in {one.file: one for one in handles if not one.dead}.items():
        link = state.links[handle.connection.link]
        with suppress(Refused):  # it was closed meanwhile
            file.info = await link.query_info(handle.tree, handle.server_handle)


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
