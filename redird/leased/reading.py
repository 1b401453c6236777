"""How data comes to an application: from the pages kept under a lease, or from the server.

Who reads on where the last read ended gets the next pages fetched beside it. An answer that was
asked for before the file changed is never kept.
"""

import trio

from redird.holdings import Fetch, Handle, Open
from redird.leased.flushing import flush
from redird.state import State
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.framing import INT_MAX, PEER
from redird.wire.link import Answer
from redird.wire.status import Status

FETCHES_MAX = 4  # for one read: then the server is asked for exactly what was asked


def read(state: State, opened: Open, request: m.Read) -> Answer:
    """Answer at once from pages, or ask."""
    handle, offset = opened.handle, request.offset
    file = handle.file
    state.locks.require_unlocked(opened, offset, request.length, writing=False)
    if not _is_cacheable(state, handle, request):
        return _read_through(state, handle, request)
    data = state.pages.read(file, offset, request.length, file.size)
    if data is None:
        return _read_missing(state, opened, request)
    _expect_more(state, opened, offset, len(data))
    return _told(data, request)


def _is_cacheable(state: State, handle: Handle, request: m.Read) -> bool:
    return (
        bool(handle.file.lease & f.LEASE_R)
        and not handle.file.changing
        and state.config.cache_max_bytes > 0
        and bool(handle.access & f.FILE_READ_DATA)
        and not handle.dead
        and not state.locks.is_mandatory(handle.file)
        and 0 <= request.offset <= INT_MAX - request.length
        and 0 <= request.length <= PEER.payload_max
        and handle.file.info.kind == "file"
    )


def _told(data: bytes, request: m.Read) -> m.DataRead:
    if not data and request.length:
        raise Refused(Status.STATUS_END_OF_FILE, f"offset {request.offset}")
    return m.DataRead(data)


async def _read_through(state: State, handle: Handle, request: m.Read) -> m.DataRead:
    await flush(state, handle.file)
    data = await state.links[handle.connection.link].read(
        handle.tree, handle.server_handle, request.offset, request.length
    )
    return m.DataRead(data)


async def _read_missing(state: State, opened: Open, request: m.Read) -> m.DataRead:
    handle, offset = opened.handle, request.offset
    for _ in range(FETCHES_MAX):
        file = handle.file
        if not _is_cacheable(state, handle, request):
            break
        data = state.pages.read(file, offset, request.length, file.size)
        if data is not None:
            _expect_more(state, opened, offset, len(data))
            return _told(data, request)
        lacking = state.pages.missing(file, offset, min(offset + request.length, file.size))
        if lacking is None:
            continue
        under_way = file.fetch_of(*lacking)
        if under_way is not None:
            await under_way.done.wait()
        elif lacking[1] - lacking[0] > PEER.payload_max:  # not aligned, and as long as may be
            break
        else:
            await fetch(state, handle, *lacking)
    return await _read_through(state, handle, request)


async def fetch(state: State, handle: Handle, start: int, end: int) -> None:
    """Bring pages; they are kept unless the file changed or the lease went meanwhile."""
    file = handle.file
    if file in state.deferred:  # the server's pages would lack what is deferred
        await flush(state, file)
    version = file.version
    under_way = Fetch(start, end, trio.Event())
    file.fetches.append(under_way)
    try:
        data = await state.links[handle.connection.link].read(
            handle.tree, handle.server_handle, start, end - start
        )
        if file.version == version and file.lease & f.LEASE_R and not file.changing:
            state.pages.fill(file, start, data, file.size)
    except Refused as no:
        if no.status is not Status.STATUS_END_OF_FILE:
            raise
    finally:
        file.fetches.remove(under_way)
        under_way.done.set()


def _expect_more(state: State, opened: Open, offset: int, length: int) -> None:
    """Fetch ahead of whoever reads on, as much as was read, or up to the bound."""
    sequential = offset == opened.next_offset and offset > 0
    opened.next_offset = end = offset + length
    file = opened.handle.file
    if not sequential or end >= file.size or state.config.read_ahead_max_bytes <= 0:
        return
    ahead = min(max(2 * length, 2 * 65536), state.config.read_ahead_max_bytes)
    lacking = state.pages.missing(file, end, min(end + ahead, file.size))
    if lacking is not None and file.fetch_of(*lacking) is None and len(file.fetches) < 2:
        stop = min(lacking[1], lacking[0] + PEER.payload_max)
        state.spawn(_fetch_ahead, state, opened.handle, lacking[0], stop)


async def _fetch_ahead(state: State, handle: Handle, start: int, end: int) -> None:
    try:
        await fetch(state, handle, start, end)
    except Refused:
        return  # whoever reads there will be told
