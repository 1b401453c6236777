"""What sessions ask about names: one function per request, named as the request.

Before a name changes, our own dormant handles there and below are closed, whoever parked them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from redird import closing
from redird.finding import tree_of, with_slot
from redird.holdings import Connection, Handle, path_key
from redird.leased import folders
from redird.leased.promises import call_back_paths
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.messages import Message

R = TypeVar("R", bound=Message)
_TWO_NAMES = (m.Renamed, m.Linked)


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename; dormant handles on both names, and below a folder, are closed first."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path, request.target)

        def done(_: m.Renamed) -> None:
            folders.moved(state, connection, request.path, request.target)

        renamed = await _ask(state, connection, request, m.Renamed, done)
        await _unname(state, connection, request.path, request.target)
        paths = (request.path, request.target)
        await call_back_paths(state, connection, *paths)
        return renamed


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file; who has it open here goes on if he may, but nobody joins him."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path)

        def done(reply: m.Unlinked) -> None:
            gone = folders.unsure if reply.pending else folders.removed
            gone(state, connection, request.path)

        unlinked = await _ask(state, connection, request, m.Unlinked, done)
        await _unname(state, connection, request.path)
        await call_back_paths(state, connection, request.path)
        return unlinked


async def link(state: State, peer: Peer, request: m.Link) -> Message:
    """Give a file a second name."""
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):

        def done(reply: m.Linked) -> None:
            folders.changed_path(state, connection, request.path)
            folders.made(state, connection, request.target, reply.info)
            for file in state.connections.files_of(connection.link):
                if file.info.file_id == reply.info.file_id:
                    file.info_known = False

        linked = await _ask(state, connection, request, m.Linked, done)
        paths = (request.path, request.target)
        await call_back_paths(state, connection, *paths)
        return linked


async def symlink(state: State, peer: Peer, request: m.Symlink) -> Message:
    """Make a symbolic link."""
    connection = await with_slot(state, peer, request.tree)

    def done(reply: m.Symlinked) -> None:
        folders.made(state, connection, request.path, reply.info)

    return await _change_name(state, connection, request, m.Symlinked, done)


async def read_link(state: State, peer: Peer, request: m.ReadLink) -> Message:
    """Read a symbolic link."""
    connection = await with_slot(state, peer, request.tree)
    return await _ask(state, connection, request, m.LinkRead)


async def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Message:
    """Make a folder."""
    connection = await with_slot(state, peer, request.tree)

    def done(reply: m.DirectoryMade) -> None:
        folders.made(state, connection, request.path, reply.info)

    return await _change_name(state, connection, request, m.DirectoryMade, done)


async def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Message:
    """Remove an empty folder."""
    connection = await with_slot(state, peer, request.tree)

    def done(_: m.DirectoryRemoved) -> None:
        folders.removed(state, connection, request.path)

    return await _change_name(state, connection, request, m.DirectoryRemoved, done)


async def _change_name(
    state: State,
    connection: Connection,
    request: Any,
    expected: type[R],
    done: Callable[[R], None],
) -> R:
    with closing.in_use(state, connection):
        await close_dormant(state, connection, request.path)
        changed = await _ask(state, connection, request, expected, done)
        await call_back_paths(state, connection, request.path)
        return changed


async def _ask(
    state: State,
    connection: Connection,
    request: Any,
    expected: type[R],
    done: Callable[[R], None] = lambda _: None,
) -> R:
    """Ask the server the same, under its own number of the connection."""
    upstream = replace(request, tree=tree_of(connection))
    then = folders.follow_up(state, connection, request.path)
    paths = [request.path, *([request.target] if expected in _TWO_NAMES else [])]
    paths = [] if expected is m.LinkRead else paths
    with folders.changing(state, connection, *paths):
        return await state.links[connection.link].ask(upstream, expected, done, then)


async def _unname(state: State, connection: Connection, *paths: str) -> None:
    """What is open by these names, or below, is led to by others or by none from now on."""
    for path in paths:
        at = (connection.server, connection.share, path)
        for handle in state.connections.live_at(*at) + state.connections.live_below(*at):
            handle.parkable = False
            handle.file.info_known = False  # no lease of ours was broken by our own doing
    for file in state.connections.files_of(connection.link):
        if file.info.links > 1:  # the name may have been one of its names
            file.info_known = False
    await close_dormant(state, connection, *paths)  # parked since


async def close_dormant(state: State, connection: Connection, *paths: str) -> None:
    """A dormant handle never costs anybody access: close ours on these names and below."""
    taken = []
    for path in paths:
        at = (connection.server, connection.share, path)
        taken += state.dormant.take_path(*at) + state.dormant.take_below(*at)
    if taken:
        await closing.close_before(state, connection, taken)
    await closing.wait_close_sent(state, lambda one: _is_at(one, connection, paths))


def _is_at(handle: Handle, connection: Connection, paths: Sequence[str]) -> bool:
    server, share, path = path_key(handle)
    if (server, share) != (connection.server, connection.share):
        return False
    return path in paths or path.startswith(tuple(f"{folder}/" for folder in paths))
