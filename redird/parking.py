"""Close: an open ends, and its handle is kept if it may be, or goes."""

import trio

from redird import closing
from redird.holdings import Connection, File, Handle, Open
from redird.leased.flushing import flush, raise_error
from redird.state import State
from redird.unlocking import give_up
from redird.wire import messages as m
from redird.wire.link import Answer


def close(state: State, opened: Open) -> Answer:
    """The application closes a file: park its handle if nobody else uses it and it may be.

    What was deferred goes to the server first. The open is gone in any case; an error that
    nobody was told of yet is told now.
    """
    if opened.handle.file in state.deferred:
        return _flush_and_close(state, opened)
    taken = drop_open(state, opened)
    if opened.handle in taken:  # not to be kept: the application waits for the server's answer
        return _close_now(state, opened, taken)
    state.counters.closes_answered_locally += 1
    if taken:
        state.spawn(closing.close_handles, state, taken)
    state.note(opened.connection)
    raise_error(opened)
    return m.Closed()


async def _flush_and_close(state: State, opened: Open) -> m.Closed:
    try:
        await flush(state, opened.handle.file)
    except BaseException:  # whoever closed has left: nothing dirty is parked all the same
        state.spawn(_flush_and_drop, state, opened)
        raise
    taken = drop(state, opened)
    state.counters.closes_answered_locally += opened.handle not in taken
    await _wait_closed(state, opened.handle)
    raise_error(opened)
    return m.Closed()


async def _flush_and_drop(state: State, opened: Open) -> None:
    await flush(state, opened.handle.file)
    drop(state, opened)


def drop(state: State, opened: Open) -> list[Handle]:
    """End an open, if nobody did meanwhile; returns the handles that are being closed."""
    taken = drop_open(state, opened) if opened.number in opened.connection.opens else []
    if taken:
        state.spawn(closing.close_handles, state, taken)
    state.note(opened.connection)
    return taken


async def _wait_closed(state: State, handle: Handle) -> None:
    while state.dormant.is_closing(handle):
        await state.drained.park()


async def _close_now(state: State, opened: Open, taken: list[Handle]) -> m.Closed:
    await closing.close_handles(state, taken)
    state.note(opened.connection)
    raise_error(opened)
    return m.Closed()


def drop_open(state: State, opened: Open) -> list[Handle]:
    """End an open: park its handle if that was the last on it and it may be kept.

    Returns the handles that must be closed at the server now.
    """
    handle = state.connections.drop_open(opened)
    if handle.dead or state.dormant.is_closing(handle):
        return []
    if handle.opens:
        claims = state.locks.of_open(opened)
        if claims:
            state.spawn(give_up, state, claims)
        return []
    if not may_park(state, handle):
        doomed = lose_name(state, handle.file) if handle.deletes else []
        return doomed + state.dormant.start_closing([handle])
    evicted = state.dormant.park(handle, trio.current_time())
    state.rearmed.unpark_all()
    return evicted


def may_park(state: State, handle: Handle) -> bool:
    """Whether the lease and the policy allow a handle to be kept."""
    return (
        handle.parkable
        and handle not in state.locks
        and state.policy.dormant_files_max != 0
        and handle.file.lease in state.policy.park_on
        and handle.connection.tree is not None
    )


def lose_name(state: State, file: File) -> list[Handle]:
    """A file is to be deleted: the server's break of its lease is not waited for.

    Returns its dormant handles, which must be closed at the server now.
    """
    for handle in file.handles:
        handle.parkable = False
    return state.dormant.take(list(file.handles))


def run_down(state: State, connection: Connection) -> list[Handle]:
    """Close what applications left open, as the end of a process does.

    What may be kept is parked; returns the handles that must be closed at the server.
    """
    taken: list[Handle] = []
    for opened in list(connection.opens.values()):
        taken += drop_open(state, opened)
    return taken
