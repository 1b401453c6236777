"""Open and close: where dormancy pays.

An open is served by a handle that the session uses already (collapse), by one it closed a while
ago (revive), or by a new one. Before a new one is asked for, our own dormant handles that would
stand in its way are closed, whoever parked them: a dormant handle never costs anybody access.
"""

from dataclasses import replace

import trio

from redird import closing
from redird.connections import Connection, File, Handle, Open, path_key
from redird.state import State
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status

_NEVER_SHARED = f.FILE_DIRECTORY_FILE | f.FILE_DELETE_ON_CLOSE | f.FILE_OPEN_REPARSE_POINT


async def create(state: State, connection: Connection, request: m.Create) -> m.Created:
    """Open a file for an application; `request.tree` is ours, not the server's."""
    if len(connection.opens) >= state.config.opens_max:
        raise Refused(Status.STATUS_TOO_MANY_OPENED_FILES, request.path)
    connection.session.opens += 1
    handle = _without_asking(state, connection, request) if _is_reusable(request) else None
    if handle is not None:
        state.counters.creates_avoided += 1
        return await _served_by(state, connection, handle)
    with closing.in_use(state, connection):
        await _clear_the_way(state, connection, request)
        return await _ask_server(state, connection, request)


def _is_reusable(request: m.Create) -> bool:
    """Whether an open may share a handle (RDBSS: RxSearchForCollapsibleOpen)."""
    return (
        request.disposition in f.KEEPS_CONTENT
        and not request.options & _NEVER_SHARED
        and bool(request.access & (f.READS | f.WRITES))
    )


def _without_asking(state: State, connection: Connection, request: m.Create) -> Handle | None:
    """Collapse onto a handle in use, or revive a dormant one."""
    path, access, share = request.path, request.access, request.share
    for handle in state.connections.live_at(connection.server, connection.share, path):
        mine = handle.connection is connection or state.policy.handles_shared
        same = handle.access == access and handle.share == share and _is_named(handle)
        if mine and same and not f.conflicts(access, share, access, share):
            return handle
    revived = state.dormant.revive(connection, path, access, share)
    if revived is not None:
        connection.session.revived += 1
    return revived


def _is_named(handle: Handle) -> bool:
    """Whether a handle's name still leads to its file: without H nobody would tell us."""
    return handle.parkable and not handle.dead and bool(handle.file.lease & f.LEASE_H)


async def _served_by(state: State, connection: Connection, handle: Handle) -> m.Created:
    """Nothing is sent under RWH; under RH others may have written, so attributes are asked."""
    opened = state.connections.add_open(connection, handle)
    state.note(connection)
    if handle.file.lease != f.LEASE_RWH:
        link = state.links[handle.connection.link]
        try:
            handle.file.info = await link.query_info(handle.tree, handle.server_handle)
        except BaseException:  # the application gets no open that it could close
            state.spawn(closing.close_handles, state, drop_open(state, opened))
            raise
    return m.Created(opened.number, f.OPENED, f.LEASE_NONE, 0, handle.file.info)


async def _clear_the_way(state: State, connection: Connection, request: m.Create) -> None:
    at = (connection.server, connection.share, request.path)
    if request.disposition in f.KEEPS_CONTENT:
        taken = state.dormant.take_in_conflict(*at, request.access, request.share)
    else:
        taken = state.dormant.take_path(*at)  # what they know of the file is about to be wrong
    if taken:
        await closing.close_handles(state, taken)
    await closing.wait_close_sent(state, lambda handle: path_key(handle) == at)


async def _ask_server(state: State, connection: Connection, request: m.Create) -> m.Created:
    tree = connection.tree
    if tree is None:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, connection.share)
    handles: list[Handle] = []
    waiting = True

    def created(reply: m.Created) -> None:  # before any break of its lease is looked at
        file = state.connections.file(connection.link, reply.file, reply.info, reply.lease)
        handles.append(_add_handle(state, connection, request, reply, file, tree))
        if not waiting:
            state.spawn(_drop_unused, state, handles)

    try:
        reply = await state.links[connection.link].create(replace(request, tree=tree), created)
        if connection.session.active and not handles[0].dead:
            opened = state.connections.add_open(connection, handles[0])
            return m.Created(opened.number, reply.action, f.LEASE_NONE, 0, handles[0].file.info)
        raise Refused(Status.STATUS_USER_SESSION_DELETED, request.path)
    finally:
        waiting = False
        await _drop_unused(state, handles)


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
    request: m.Create,
    reply: m.Created,
    file: File,
    tree: int,
) -> Handle:
    one_name = not reply.followed and not request.options & f.FILE_DELETE_ON_CLOSE
    parkable = reply.info.kind == "file" and one_name
    return state.connections.add_handle(
        connection,
        request.path,
        file,
        reply.handle,
        tree,
        request.access,
        request.share,
        parkable,
    )


# --- closing ----------------------------------------------------------------------------------


async def close(state: State, opened: Open) -> None:
    """The application closes a file: park its handle if nobody else uses it and it may be."""
    handle = opened.handle
    taken = drop_open(state, opened)
    if handle in taken:  # not to be kept: the application waits for the server's answer
        await closing.close_handles(state, taken)
    else:
        state.counters.closes_answered_locally += 1
        if taken:
            state.spawn(closing.close_handles, state, taken)
    state.note(opened.connection)


def drop_open(state: State, opened: Open) -> list[Handle]:
    """End an open: park its handle if that was the last on it and it may be kept.

    Returns the handles that must be closed at the server now.
    """
    handle = state.connections.drop_open(opened)
    if handle.dead or handle.opens or state.dormant.is_closing(handle):
        return []
    if not may_park(state, handle):
        return state.dormant.start_closing([handle])
    evicted = state.dormant.park(handle, trio.current_time())
    state.rearmed.unpark_all()
    return evicted


def may_park(state: State, handle: Handle) -> bool:
    """Whether the lease and the policy allow a handle to be kept."""
    return (
        handle.parkable
        and state.policy.dormant_files_max != 0
        and handle.file.lease in state.policy.park_on
        and handle.connection.tree is not None
    )


def run_down(state: State, connection: Connection) -> list[Handle]:
    """Close what applications left open, as the end of a process does.

    What may be kept is parked; returns the handles that must be closed at the server.
    """
    taken: list[Handle] = []
    for opened in list(connection.opens.values()):
        taken += drop_open(state, opened)
    return taken
