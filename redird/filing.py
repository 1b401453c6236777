"""What sessions ask about files: one function per request, named as the request.

`tree` in a request is our connection, `handle` our open; the servers' numbers never leave this
process. What needs no server is answered in place.
"""

from dataclasses import replace

import trio

from redird import closing, opening, parking
from redird.finding import link_of, opened_file, tree_of, with_slot
from redird.holdings import Handle, Listing, Open
from redird.leased import attributes, exploring, folders, reading, writing
from redird.leased.flushing import flush as flush_deferred
from redird.leased.flushing import flush_share, raise_error
from redird.leased.promises import call_back_data, call_back_paths
from redird.naming import close_dormant
from redird.peers import Peer
from redird.state import State
from redird.unlocking import give_up
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.link import Answer
from redird.wire.messages import Message
from redird.wire.status import Status

ENTRIES_MAX = 1000


def create(state: State, peer: Peer, request: m.Create) -> Answer:
    """Open a file."""
    connection = state.connection(peer.number, request.tree)
    if connection.tree is None or connection.releasing:
        return _create_with_slot(state, peer, request)
    return opening.create(state, connection, request)


async def _create_with_slot(state: State, peer: Peer, request: m.Create) -> Message:
    connection = await with_slot(state, peer, request.tree)
    created = opening.create(state, connection, request)
    return created if isinstance(created, Message) else await created


def close(state: State, peer: Peer, request: m.Close) -> Answer:
    """Close an open; its handle may stay, dormant."""
    connection = state.connection(peer.number, request.tree)
    opened = connection.opens.get(request.handle)
    if opened is None:
        raise Refused(Status.STATUS_INVALID_HANDLE, f"open {request.handle}")
    if state.locks.of_open(opened):
        return _unlock_and_close(state, opened)
    return parking.close(state, opened)


async def _unlock_and_close(state: State, opened: Open) -> Message:
    """Its locks go before the handle is parked or goes on serving others."""
    await give_up(state, state.locks.of_open(opened))
    if opened.number not in opened.connection.opens:  # its session has ended meanwhile
        return m.Closed()
    closed = parking.close(state, opened)
    return closed if isinstance(closed, Message) else await closed


def read(state: State, peer: Peer, request: m.Read) -> Answer:
    """Read what is kept under a lease at once, the rest from the server."""
    opened = opened_file(state, peer, request.tree, request.handle)
    return reading.read(state, opened, request)


def write(state: State, peer: Peer, request: m.Write) -> Answer:
    """Write: kept to be sent later under a lease that allows it, else through to the server."""
    opened = opened_file(state, peer, request.tree, request.handle)
    return writing.write(state, opened, request)


async def flush(state: State, peer: Peer, request: m.Flush) -> Message:
    """Bring a file to the server's disk, with all that was deferred."""
    opened = opened_file(state, peer, request.tree, request.handle)
    await flush_deferred(state, opened.handle.file)
    raise_error(opened)
    await link_of(state, opened).flush(opened.handle.tree, opened.handle.server_handle)
    return m.Flushed()


def query_info(state: State, peer: Peer, request: m.QueryInfo) -> Answer:
    """Tell about an open file or a path, from memory where a lease allows."""
    if isinstance(request.target, str):
        connection = state.connection(peer.number, request.tree)
        info = folders.known_info(state, connection, request.target)
        if info is not None and not (info.kind == "symlink" and request.follow):
            return m.InfoFound(info)
        return _query_path(state, peer, request)
    opened = opened_file(state, peer, request.tree, request.target)
    if attributes.are_known(state, opened.handle):
        return m.InfoFound(opened.handle.file.info)
    return _query_handle(state, opened.handle)


async def _query_handle(state: State, handle: Handle) -> Message:
    return m.InfoFound(await attributes.ask(state, handle))


async def _query_path(state: State, peer: Peer, request: m.QueryInfo) -> Message:
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        return m.InfoFound(await exploring.ask(state, connection, request))


async def set_info(state: State, peer: Peer, request: m.SetInfo) -> Message:
    """Change attributes; a file that is to be deleted nobody joins, and nobody keeps."""
    if isinstance(request.target, str):
        return await _set_path_info(state, peer, request)
    opened = opened_file(state, peer, request.tree, request.target)
    handle, file = opened.handle, opened.handle.file
    await flush_deferred(state, file)
    folders.changed(state, handle)

    def told(info: m.FileInfo) -> None:
        file.version += 1
        if request.size is not None:
            state.pages.truncate(file, info.size)
        file.learn(info)
        folders.changed(state, handle)
        if request.delete:
            state.spawn(closing.close_handles, state, parking.lose_name(state, file))

    with attributes.changing(state, [file]):
        info = await link_of(state, opened).set_info(
            replace(request, tree=handle.tree, target=handle.server_handle), told
        )
    await call_back_data(state, opened)
    return m.InfoSet(info)


async def _set_path_info(state: State, peer: Peer, request: m.SetInfo) -> Message:
    assert isinstance(request.target, str)
    connection = await with_slot(state, peer, request.tree)
    with closing.in_use(state, connection):
        await flush_share(state, connection)
        await close_dormant(state, connection, request.target)
        target = request.target
        at = (connection.server, connection.share, target)
        files = {handle.file for handle in state.connections.live_at(*at)}

        def told(info: m.FileInfo) -> None:
            for file in files:  # what is known under a lease of ours
                if file.info.file_id == info.file_id:  # not that of a symlink on the way
                    state.forget_data(file)
                    attributes.learn(state, file, info)
            folders.changed_path(state, connection, target)

        with folders.changing(state, connection, target):
            info = await state.links[connection.link].set_info(
                replace(request, tree=tree_of(connection)), told
            )
        await call_back_paths(state, connection, target)
    return m.InfoSet(info)


def query_directory(state: State, peer: Peer, request: m.QueryDirectory) -> Answer:
    """Return the next page of an open folder; its first pattern stands until a restart."""
    opened = opened_file(state, peer, request.tree, request.handle)
    if opened.listing is None or request.restart:
        known = folders.known_entries(state, opened.handle, request.pattern)
        if known is None:
            return _query_server(state, opened, request)
        opened.listing = Listing(known)
    return _page(opened.listing, request)


async def _query_server(state: State, opened: Open, request: m.QueryDirectory) -> Message:
    entries = await exploring.fetch_entries(state, opened.handle, request.pattern)
    opened.listing = Listing(entries)
    return _page(opened.listing, request)


def _page(listing: Listing, request: m.QueryDirectory) -> Message:
    page = listing.take(max(1, min(request.entries_max, ENTRIES_MAX)))
    if page:
        return m.DirectoryFound(page, listing.position >= len(listing.entries))
    more = listing.answered
    missing = Status.STATUS_NO_MORE_FILES if more else Status.STATUS_NO_SUCH_FILE
    raise Refused(missing, request.pattern)


def query_volume(state: State, peer: Peer, request: m.QueryVolume) -> Answer:
    """Tell about the disk under a share, as it was a moment ago: others fill it at any time."""
    connection = state.connection(peer.number, request.tree)
    known = connection.volume
    if known is not None and trio.current_time() < known[0] + state.config.volume_age_max_s:
        return known[1]
    return _query_volume(state, peer, request)


async def _query_volume(state: State, peer: Peer, request: m.QueryVolume) -> Message:
    connection = await with_slot(state, peer, request.tree)
    found = await state.links[connection.link].ask(
        m.QueryVolume(tree_of(connection)), m.VolumeFound
    )
    connection.volume = trio.current_time(), found
    return found


async def query_uses(state: State, peer: Peer, request: m.QueryUses) -> Message:
    """How full is the share?"""
    connection = state.connection(peer.number, request.tree)
    uses = await state.links[connection.link].uses(tree_of(connection))
    if uses is None:
        raise Refused(Status.STATUS_NOT_SUPPORTED, connection.server)
    return m.UsesFound(uses, None)
