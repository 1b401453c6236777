"""Open: where dormancy pays.

An open is served by a handle that the session uses already (collapse), by one it closed a while
ago (revive), or by a new one. Before a new one is asked for, our own dormant handles that would
stand in its way are closed, whoever parked them: a dormant handle never costs anybody access.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import trio

from redird import closing, parking
from redird.holdings import Connection, File, Handle, Open, closed, path_key
from redird.leased import attributes, folders
from redird.leased.flushing import flush
from redird.leased.promises import call_back_paths
from redird.state import State
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.link import Answer
from redird.wire.status import Status


def create(state: State, connection: Connection, request: m.Create) -> Answer:
    """Open a file for an application; `request.tree` is ours, not the server's."""
    if len(connection.opens) >= state.config.opens_max:
        raise Refused(Status.STATUS_TOO_MANY_OPENED_FILES, request.path)
    connection.session.opens += 1
    handle = _without_asking(state, connection, request)
    if handle is not None:
        state.counters.creates_avoided += 1
        return _served_by(state, connection, handle)
    if request.disposition in (f.FILE_OPEN, f.FILE_OVERWRITE):
        folders.require_not_missing(state, connection, request.path)
    return _open_anew(state, connection, request)


def _known_folder(state: State, connection: Connection, request: m.Create) -> Handle | None:
    """A folder kept for its lease serves whoever wants to look into it."""
    if request.disposition not in f.KEEPS_CONTENT or request.access & ~folders.LOOK:
        return None
    handle = folders.handle_of(state, connection, request.path)
    if handle is None or handle.opens:
        return handle
    return state.dormant.revive(connection, handle.path, handle.access, handle.share)


async def _open_anew(state: State, connection: Connection, request: m.Create) -> m.Created:
    with closing.in_use(state, connection):
        await _clear_the_way(state, connection, request)
        created = await _ask_server(state, connection, request)
        if created.action != f.OPENED:
            await call_back_paths(state, connection, request.path)
        return created


def _is_reusable(request: m.Create) -> bool:
    """Whether an open may share a handle (RDBSS: RxSearchForCollapsibleOpen)."""
    if request.disposition not in f.KEEPS_CONTENT or request.options & f.FILE_DELETE_ON_CLOSE:
        return False
    return bool(request.access & (f.READS | f.WRITES))


def _without_asking(state: State, connection: Connection, request: m.Create) -> Handle | None:
    """Collapse onto a handle in use, or revive a dormant one."""
    path, access, share = request.path, request.access, request.share
    if request.options & f.FILE_DIRECTORY_FILE:
        return _known_folder(state, connection, request)
    if not _is_reusable(request):
        return None
    live = state.connections.live_of(connection, path)
    if state.policy.handles_shared:
        live = state.connections.live_at(connection.server, connection.share, path)
    for handle in live:
        same = handle.access == access and handle.share == share and attributes.is_named(handle)
        alone = f.conflicts(access, share, access, share) or state.locks.holds_nt(handle)
        if same and not alone:
            return handle
    revived = state.dormant.revive(connection, path, access, share)
    if revived is not None:
        connection.session.revived += 1
    return revived


def _served_by(state: State, connection: Connection, handle: Handle) -> Answer:
    """Nothing is sent under R; without it others may have written, so attributes are asked."""
    opened = state.connections.add_open(connection, handle)
    state.note(connection)
    if attributes.are_known(state, handle):
        return _created(opened)
    return _created_when_known(state, opened)


def _created(opened: Open, action: int = f.OPENED) -> m.Created:
    return m.Created(opened.number, action, f.LEASE_NONE, 0, opened.handle.file.seen)


async def _created_when_known(state: State, opened: Open) -> m.Created:
    try:
        await attributes.ask(state, opened.handle)
    except BaseException:  # the application gets no open that it could close
        parking.drop(state, opened)
        raise
    return _created(opened)


async def _clear_the_way(state: State, connection: Connection, request: m.Create) -> None:
    at = (connection.server, connection.share, request.path)
    if state.deferred:
        for file in {one.file: None for one in state.connections.live_at(*at)}:
            await flush(state, file)
    if request.disposition in f.KEEPS_CONTENT:
        taken = state.dormant.take_in_conflict(*at, request.access, request.share)
    else:
        taken = state.dormant.take_path(*at)  # what they know of the file is about to be wrong
    if taken:
        await closing.close_before(state, connection, taken)
    await closing.wait_close_sent(state, lambda handle: path_key(handle) == at)


async def _ask_server(state: State, connection: Connection, request: m.Create) -> m.Created:
    tree = connection.tree
    if tree is None:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, connection.share)
    handles: list[Handle] = []
    waiting = True
    asked = _asked(state, request, tree)
    then = None
    changing: AbstractContextManager[None] = nullcontext()
    if request.disposition != f.FILE_OPEN:
        then = folders.follow_up(state, connection, request.path)
        changing = folders.changing(state, connection, request.path)

    def created(reply: m.Created) -> None:  # before any break of its lease is looked at
        handles.append(_record(state, connection, asked, reply))
        if not waiting:
            state.spawn(_drop_unused, state, handles)

    try:
        with changing:
            reply = await state.links[connection.link].create(asked, created, then)
        if not connection.session.active:
            raise Refused(Status.STATUS_USER_SESSION_DELETED, request.path)
        if handles[0].dead:  # the link was lost again before we heard that it is open
            raise closed(handles[0])
        return _created(state.connections.add_open(connection, handles[0]), reply.action)
    finally:
        waiting = False
        await _drop_unused(state, handles)


def _record(state: State, connection: Connection, asked: m.Create, reply: m.Created) -> Handle:
    file = state.connections.file(connection.link, reply.file, reply.info, reply.lease)
    if reply.action in (f.OVERWRITTEN, f.SUPERSEDED):
        state.forget_data(file)
    attributes.learn(state, file, reply.info)
    if reply.action != f.OPENED:
        folders.made(state, connection, asked.path, reply.info)
    return _add_handle(state, connection, asked, reply, file)


def _asked(state: State, request: m.Create, tree: int) -> m.Create:
    """What the server is asked: with a lease, and a folder so that it can serve others too."""
    if not request.options & f.FILE_DIRECTORY_FILE:
        return replace(request, tree=tree, lease=f.LEASE_RWH)
    if not state.policy.directory_leases:
        return replace(request, tree=tree)
    wider = request.access if request.access & ~folders.LOOK else folders.LOOK
    return replace(request, tree=tree, lease=f.LEASE_RH, access=wider)


async def lease_again(state: State, connection: Connection, handle: Handle) -> None:
    """Ask for the lease of an open file again, by an open that is closed at once."""
    request = m.Create(
        connection.number,
        handle.path,
        f.FILE_READ_ATTRIBUTES,
        f.SHARE_ALL,
        f.FILE_OPEN,
        f.FILE_NON_DIRECTORY_FILE | f.FILE_OPEN_REPARSE_POINT,
    )
    try:
        created = await _open_anew(state, connection, request)
    except Refused:
        return  # it has no such name any more
    opened = connection.opens.get(created.handle)
    if opened is not None:
        opened.handle.parkable = False
        await closing.close_handles(state, parking.drop_open(state, opened))


async def open_and_park(state: State, connection: Connection, request: m.Create) -> None:
    """Open something for what its lease allows to know; close it if it may not be kept."""
    created = await _open_anew(state, connection, request)
    opened = connection.opens.get(created.handle)
    if opened is not None:
        await closing.close_handles(state, parking.drop_open(state, opened))


async def _drop_unused(state: State, handles: list[Handle]) -> None:
    """The session ended or the caller left before the answer came: nobody will close it."""
    unused = [handle for handle in handles if not handle.opens and not handle.dead]
    taken = state.dormant.start_closing(unused)
    if taken:
        with trio.CancelScope(shield=True), trio.move_on_after(state.config.logoff_max_s):
            await closing.close_handles(state, taken)


def _add_handle(
    state: State,
    connection: Connection,
    asked: m.Create,
    reply: m.Created,
    file: File,
) -> Handle:
    kept = reply.info.kind == "file" or (
        reply.info.kind == "directory" and state.policy.directory_leases
    )
    deletes = bool(asked.options & f.FILE_DELETE_ON_CLOSE)
    return state.connections.add_handle(
        connection,
        asked.path,
        file,
        reply.handle,
        connection.tree or asked.tree,  # that of a newer link, if it was asked again
        asked.access,
        asked.share,
        parkable=kept and not reply.followed and not deletes,
        deletes=deletes,
    )
