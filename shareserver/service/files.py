"""What is done with an open file. What cannot block is answered in place."""

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.framing import INT_MAX, PEER
from redird.wire.messages import Entry, Message
from redird.wire.patterns import compiled
from redird.wire.status import Status
from shareserver import inway
from shareserver.breaking import (
    after_breaks,
    break_all,
    break_for_deletion,
    close_handle,
    give_way,
)
from shareserver.handles import Handle, Listing
from shareserver.state import Peer, State
from shareserver.store import MODE_MAX, Store, StoreFile

Answer = Message | Awaitable[Message]
ENTRIES_MAX = 1000


def read(state: State, peer: Peer, request: m.Read) -> Answer:
    """Read what is in memory at once, what is not in a thread."""
    handle = with_access(state, peer, request.tree, request.handle, f.FILE_READ_DATA)
    _require_range(request.offset, request.length)
    require_readable(state, handle, request.offset, request.length)
    data = handle.file.read_now(request.offset, request.length)
    if data is None:
        return _read_cold(state, handle, request)
    return _data_read(data, request)


async def _read_cold(state: State, handle: Handle, request: m.Read) -> Message:
    data = await state.world.run_blocking(handle.file.read, request.offset, request.length)
    return _data_read(data, request)


def _data_read(data: bytes, request: m.Read) -> Message:
    if not data and request.length:
        raise Refused(Status.STATUS_END_OF_FILE, f"offset {request.offset}")
    return m.DataRead(data)


def _require_range(offset: int, length: int) -> None:
    if not (0 <= offset <= INT_MAX - length and 0 <= length <= PEER.payload_max):
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"{length} bytes at offset {offset}")


def write(state: State, peer: Peer, request: m.Write) -> Answer:
    """Write through to the kernel; the disk's errors come back as statuses."""
    appends = request.offset == m.APPEND
    access = f.WRITES if appends else f.FILE_WRITE_DATA
    handle = with_access(state, peer, request.tree, request.handle, access)
    if state.locks.is_locked(handle.entry.identity):
        offset = handle.file.info().size if appends else request.offset
        require_writable(state, handle, offset, len(request.data))
    breaks = inway.of_change(state, handle)
    if breaks:
        return after_breaks(state, peer.lessee, breaks, partial(write, state, peer, request))
    if appends:
        offset = handle.file.append(request.data)
        return m.DataWritten(len(request.data), offset, handle.file.info())
    _require_range(request.offset, len(request.data))
    count = handle.file.write(request.offset, request.data)
    return m.DataWritten(count, request.offset, handle.file.info())


async def flush(state: State, peer: Peer, request: m.Flush) -> Message:
    """Bring the file to the disk."""
    handle = state.handle(peer, request.tree, request.handle)
    await state.world.run_blocking(handle.file.flush)
    return m.Flushed()


def close(state: State, peer: Peer, request: m.Close) -> Answer:
    """Close one handle; if its file is deleted by that, answered when it is."""
    handle = state.handle(peer, request.tree, request.handle)
    close_handle(state, handle)
    gone = state.deletions.get(handle.entry.identity)
    return m.Closed() if gone is None else _when_deleted([gone], m.Closed())


def close_batch(state: State, peer: Peer, request: m.CloseBatch) -> Answer:
    """Close many handles; each gets a status of its own."""
    going: list[trio.Event] = []
    closed = [_close_one(state, peer, *pair, going) for pair in request.handles]
    reply = m.BatchClosed(tuple(closed))
    return _when_deleted(going, reply) if going else reply


async def _when_deleted(going: list[trio.Event], reply: Message) -> Message:
    for gone in going:
        await gone.wait()
    return reply


def _close_one(
    state: State, peer: Peer, tree: int, number: int, going: list[trio.Event]
) -> int:
    try:
        handle = state.handle(peer, tree, number)
        close_handle(state, handle)
    except Refused as no:
        return int(no.status)
    gone = state.deletions.get(handle.entry.identity)
    if gone is not None:
        going.append(gone)
    return int(Status.STATUS_SUCCESS)


def query_info(state: State, peer: Peer, request: m.QueryInfo) -> Answer:
    """Tell about an open file, or about a path, as it is after what others write unseen."""
    if isinstance(request.target, int):  # with a handle open nobody else may write unseen
        return m.InfoFound(state.handle(peer, request.tree, request.target).file.info())
    store = state.stores[state.tree(peer, request.tree).share]
    info = store.info(request.target, follow=request.follow)
    breaks = inway.of_telling(state, peer.lessee, info.file_id)
    if breaks:
        again = partial(query_info, state, peer, request)
        return after_breaks(state, peer.lessee, breaks, again)
    return m.InfoFound(info)


def set_info(state: State, peer: Peer, request: m.SetInfo) -> Answer:
    """Change size, permissions or times; mark for deletion."""
    _require_sensible_change(request)
    use = state.tree(peer, request.tree)
    if state.share_of(use).read_only:
        raise Refused(Status.STATUS_MEDIA_WRITE_PROTECTED, str(request.target))
    if isinstance(request.target, int):
        return _set_handle_info(state, peer, request, request.target)
    if request.delete is not None:
        raise Refused(
            Status.STATUS_INVALID_PARAMETER, f"{request.target}: open it to delete it"
        )
    file = _opened_to_change(state.stores[use.share], request, request.target)
    try:
        breaks = inway.of_file(
            state, peer.lessee, file.identity, _broken_by(state, request, file)
        )
        breaks += inway.of_attributes(state, peer.lessee, use.share, request.target, file)
        if not breaks:
            _require_unshared(state, request, file.identity)
            return _change(file, request)
    finally:
        file.close()
    return after_breaks(state, peer.lessee, breaks, partial(set_info, state, peer, request))


def _broken_by(state: State, request: m.SetInfo, file: StoreFile) -> int:
    """What others know is about to be wrong; who does not use the file is not in the way."""
    in_way = request.size is not None and state.handles.in_conflict(
        file.identity, f.FILE_WRITE_DATA, f.SHARE_ALL
    )
    return f.LEASE_RWH if in_way else f.LEASE_R | f.LEASE_W


def _opened_to_change(store: Store, request: m.SetInfo, path: str) -> StoreFile:
    if request.size is None:
        return store.look(path, follow=request.follow)
    return store.open(
        path, writable=True, create="never", directory=None, follow=request.follow
    )[0]


def _require_unshared(state: State, request: m.SetInfo, identity: tuple[int, int]) -> None:
    """Cutting a file's size by its name is a write that its openers must allow."""
    if request.size is None:
        return
    in_way = state.handles.in_conflict(identity, f.FILE_WRITE_DATA, f.SHARE_ALL)
    if give_way(state, in_way):
        in_way = state.handles.in_conflict(identity, f.FILE_WRITE_DATA, f.SHARE_ALL)
    if in_way:
        raise Refused(Status.STATUS_SHARING_VIOLATION, str(request.target))


def _require_sensible_change(request: m.SetInfo) -> None:
    numbers = (request.size or 0, request.mtime_ns or 0, request.atime_ns or 0)
    if min(numbers) < 0 or not 0 <= (request.mode or 0) <= MODE_MAX:
        raise Refused(Status.STATUS_INVALID_PARAMETER, str(request.target))


def _set_handle_info(state: State, peer: Peer, request: m.SetInfo, number: int) -> Answer:
    handle = state.handle(peer, request.tree, number)
    if request.size is not None:
        _require_access(handle, f.FILE_WRITE_DATA)
    if request.delete is not None:
        _require_access(handle, f.DELETE)
    breaks = inway.of_change(state, handle)
    if breaks:
        again = partial(set_info, state, peer, request)
        return after_breaks(state, peer.lessee, breaks, again)
    if request.delete is not None:
        handle.entry.delete_pending = request.delete
        if request.delete:
            handle.entry.path = handle.path
            break_for_deletion(state, handle.entry)
        state.journal.doomed(handle.entry)
    return _change(handle.file, request)


def _change(file: StoreFile, request: m.SetInfo) -> Message:
    file.set_info(
        size=request.size,
        mode=request.mode,
        mtime_ns=request.mtime_ns,
        atime_ns=request.atime_ns,
    )
    return m.InfoSet(file.info())


async def query_directory(state: State, peer: Peer, request: m.QueryDirectory) -> Message:
    """Give the next page of a folder; the pattern of the first call stands until a restart."""
    handle = state.handle(peer, request.tree, request.handle)
    listing = handle.listing
    if listing is None or request.restart:
        matches = compiled(request.pattern, ignore_case=True)  # MS-FSA 2.1.5.6.3
        entries = await _entries(state, peer.lessee, handle.file.entries)
        listing = handle.listing = Listing([one for one in entries if matches(one.name)])
    count = max(1, min(request.entries_max, ENTRIES_MAX))
    page = tuple(listing.entries[listing.position : listing.position + count])
    listing.position += len(page)
    if not page:
        missing = (
            Status.STATUS_NO_MORE_FILES if listing.answered else Status.STATUS_NO_SUCH_FILE
        )
        raise Refused(missing, request.pattern)
    listing.answered = True
    return m.DirectoryFound(page, listing.position >= len(listing.entries))


async def _entries(state: State, lessee: str, listed: Callable[[], list[Entry]]) -> list[Entry]:
    """List a folder, again if somebody was writing unseen to what is in it."""
    while True:
        writers = state.leases.unseen(lessee)
        entries = await state.world.run_blocking(listed)
        numbers = {entry.info.file_id for entry in entries} if writers else set()
        told = [one for one in writers if one.number in numbers]
        if not told:
            return entries
        held = [one for one in told if state.leases.is_held(one)]
        await break_all(state, lessee, [(one, f.LEASE_W) for one in held])


def query_volume(state: State, peer: Peer, request: m.QueryVolume) -> Message:
    """Tell about the disk under the share."""
    return state.stores[state.tree(peer, request.tree).share].volume()


def with_access(state: State, peer: Peer, tree: int, number: int, access: int) -> Handle:
    """Return a handle on data that was opened with any of `access`, or refuse."""
    handle = state.handle(peer, tree, number)
    _require_access(handle, access)
    return handle


def require_readable(state: State, handle: Handle, offset: int, length: int) -> None:
    """Refuse to read what somebody else has locked."""
    if not state.locks.may_read(handle.entry.identity, handle.number, offset, length):
        raise Refused(Status.STATUS_FILE_LOCK_CONFLICT, handle.entry.subject)


def require_writable(state: State, handle: Handle, offset: int, length: int) -> None:
    """Refuse to write to what somebody else has locked, or anybody to be only read."""
    if not state.locks.may_write(handle.entry.identity, handle.number, offset, length):
        raise Refused(Status.STATUS_FILE_LOCK_CONFLICT, handle.entry.subject)


def _require_access(handle: Handle, access: int) -> None:
    if not handle.access & access:
        raise Refused(Status.STATUS_ACCESS_DENIED, handle.entry.subject)
    if handle.file.is_directory and access & (f.READS | f.WRITES):
        raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, handle.entry.subject)
