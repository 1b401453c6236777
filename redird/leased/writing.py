"""How data goes from an application: kept and sent later under a lease with W, else sent."""

from collections.abc import Awaitable

from redird.holdings import Handle, Open
from redird.leased import folders
from redird.leased.attributes import changing
from redird.leased.flushing import SEND_AT_BYTES, flush, raise_error
from redird.leased.promises import call_back_data, has_others
from redird.state import State
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.framing import INT_MAX
from redird.wire.link import Answer


def write(state: State, opened: Open, request: m.Write) -> Answer:
    """Answer at once if the write may be deferred, or send it."""
    handle = opened.handle
    raise_error(opened)
    at = handle.file.size if request.offset == m.APPEND else request.offset
    state.locks.require_unlocked(opened, at, len(request.data), writing=True)
    if not _is_deferrable(state, handle, request):
        return _write_through(state, opened, request)
    file = handle.file
    offset = file.size if request.offset == m.APPEND else request.offset
    file.version += 1
    state.pages.write(file, offset, request.data, file.size)
    file.size = max(file.size, offset + len(request.data))
    folders.changed(state, handle)
    if not state.deferred:
        state.deferring.unpark_all()
    state.deferred.add(handle, offset, request.data)
    done = m.DataWritten(len(request.data), offset, file.seen)
    if has_others(state, opened.connection):
        return _call_back_first(state, opened, done)
    return _paced(state, handle, done)


async def _call_back_first(state: State, opened: Open, done: m.DataWritten) -> m.DataWritten:
    await call_back_data(state, opened)
    paced = _paced(state, opened.handle, done)
    return paced if isinstance(paced, m.DataWritten) else await paced


def _paced(
    state: State, handle: Handle, done: m.DataWritten
) -> m.DataWritten | Awaitable[m.DataWritten]:
    file = handle.file
    waiting = state.deferred.bytes(file)
    if waiting < SEND_AT_BYTES:
        return done
    if not file.sending:
        state.spawn(flush, state, file)
    if waiting <= state.config.write_behind_max_bytes:
        return done
    return _wait_for_room(state, handle, done)


def _is_deferrable(state: State, handle: Handle, request: m.Write) -> bool:
    needed = f.WRITES if request.offset == m.APPEND else f.FILE_WRITE_DATA
    return (
        bool(handle.file.lease & f.LEASE_W)
        and state.config.write_behind_max_bytes > 0
        and bool(handle.access & needed)
        and not handle.dead
        and not handle.file.changing  # a truncation under way comes before it
        and not state.locks.is_mandatory(handle.file)
        and m.APPEND <= request.offset <= INT_MAX - len(request.data) - handle.file.size
        and len(request.data) > 0
        and handle.file.info.kind == "file"
    )


async def _wait_for_room(state: State, handle: Handle, done: m.DataWritten) -> m.DataWritten:
    while state.deferred.bytes(handle.file) > state.config.write_behind_max_bytes:
        await state.settled.park()
    return done


async def _write_through(state: State, opened: Open, request: m.Write) -> m.DataWritten:
    handle, file = opened.handle, opened.handle.file
    await flush(state, file)
    raise_error(opened)
    folders.changed(state, handle)

    def written(done: m.DataWritten) -> None:  # in the order in which the server did it
        file.version += 1
        if file.lease & f.LEASE_R:
            state.pages.write(file, done.offset, request.data[: done.count], file.size)
        file.wrote(done)
        folders.changed(state, handle)

    with changing(state, [file]):
        done = await state.links[handle.connection.link].write(
            handle.tree,
            handle.server_handle,
            request.offset,
            request.data,
            written,
            shared=not file.lease & f.LEASE_W,
        )
    await call_back_data(state, opened)
    return done
