"""What sessions ask about names: one function per request, named as the request.

Before a name changes, our own dormant handles there and below are closed, whoever parked them.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from redird import closing
from redird.connections import Connection, File, Handle, path_key
from redird.finding import tree_of, with_slot
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message

R = TypeVar("R", bound=Message)


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename; dormant handles on both names, and below a folder, are closed first."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path, request.target)
        renamed = await _ask(state, connection, request, m.Renamed)
        await _unname(state, connection, request.path, request.target)
        return renamed


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file; who has it open here goes on if he may, but nobody joins him."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path)
        unlinked = await _ask(state, connection, request, m.Unlinked)
        await _unname(state, connection, request.path)
        return unlinked


async def link(state: State, peer: Peer, request: m.Link) -> Message:
    """Give a file a second name."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        linked = await _ask(state, connection, request, m.Linked)
        for file in state.connections.files_of(connection.link):
            if file.info.file_id == linked.info.file_id:
                file.info = linked.info
        return linked


async def symlink(state: State, peer: Peer, request: m.Symlink) -> Message:
    """Make a symbolic link."""
    return await _change_name(state, peer, request, m.Symlinked)


async def read_link(state: State, peer: Peer, request: m.ReadLink) -> Message:
    """Read a symbolic link."""
    connection = await with_slot(state, peer, request.tree)
    return await _ask(state, connection, request, m.LinkRead)


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


async def _ask(state: State, connection: Connection, request: Any, expected: type[R]) -> R:
    """Ask the server the same, under its own number of the connection."""
    upstream = replace(request, tree=tree_of(connection))
    return await state.links[connection.link].ask(upstream, expected)


async def _unname(state: State, connection: Connection, *paths: str) -> None:
    """What is open by these names, or below, is led to by others or by none from now on."""
    files: dict[File, None] = {}
    for path in paths:
        at = (connection.server, connection.share, path)
        for handle in state.connections.live_at(*at):
            files[handle.file] = None
        for handle in state.connections.live_at(*at) + state.connections.live_below(*at):
            handle.parkable = False
    await close_dormant(state, connection, *paths)  # parked since
    for file in state.connections.files_of(connection.link):
        if file.info.links > 1:  # the name may have been one of its names
            files[file] = None
    await learn_anew(state, connection.link, files)


async def learn_anew(state: State, link: str, files: Iterable[File]) -> None:
    """Ask what our own doing has changed of files: no lease of ours was broken by it."""
    for file in files:
        handle = next((one for one in file.handles if not one.dead), None)
        if handle is not None:
            with suppress(Refused):  # it was closed meanwhile
                file.info = await state.links[link].query_info(
                    handle.tree, handle.server_handle
                )


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
