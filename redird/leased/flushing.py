"""How deferred writes reach the server, and where their errors go.

One extent of a file is on its way at a time, so that they arrive in the order in which they
were written. What the server refuses is left with each open of the handle: its next write,
flush or close reports it, once.
"""

import trio

from redird.holdings import Connection, File, Handle, Open
from redird.leased.deferred import Extent
from redird.state import State
from redird.wire.errors import Refused
from redird.wire.files import LEASE_W
from redird.wire.status import Status

NOBODY = 0  # no open's number
SEND_AT_BYTES = 256 * 1024  # of one file: then sending begins beside the writing


async def flush(state: State, file: File) -> None:
    """Wait until the server's kernel has what was deferred, as far as it takes it."""
    while file in state.deferred:
        if file.sending:
            await state.settled.park()
        else:
            await _send_all(state, file)


async def _send_all(state: State, file: File) -> None:
    """Send extent by extent; if the caller leaves, somebody else goes on with the same one."""
    file.sending = True
    extent: Extent | None = None
    try:
        while (extent := state.deferred.next_extent(file)) is not None:
            await _send(state, extent)
            state.deferred.settle(file, extent)
            state.settled.unpark_all()
    finally:
        file.sending = False
        if extent is not None:
            state.deferred.put_back(file, extent)
            state.spawn(flush, state, file)
        state.settled.unpark_all()


async def _send(state: State, extent: Extent) -> None:
    handle = extent.handle
    try:
        if handle.dead:
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, handle.path)
        await state.links[handle.connection.link].write(
            handle.tree,
            handle.server_handle,
            extent.offset,
            bytes(extent.data),
            handle.file.wrote,
            shared=not handle.file.lease & LEASE_W,
        )
    except Refused as no:
        _failed(state, handle, no)


def _failed(state: State, handle: Handle, no: Refused) -> None:
    """What the file holds is not known any more; each open of the handle is told of it."""
    for number in handle.opens or (NOBODY,):
        handle.untold.setdefault(number, Refused(no.status, handle.path, no.detail))
    state.forget_data(handle.file)


def raise_error(opened: Open) -> None:
    """Report the error of an earlier deferred write, once to each open there was."""
    error = opened.handle.untold.pop(opened.number, None)
    if error is not None:
        raise error


async def flush_share(state: State, connection: Connection) -> None:
    """Flush whatever of a share is deferred, by whatever name: it is about to be told of."""
    if not state.deferred:
        return
    for file in state.deferred.files():
        if any(_is_of_share(handle, connection) for handle in file.handles):
            await flush(state, file)


def _is_of_share(handle: Handle, connection: Connection) -> bool:
    other = handle.connection
    return (other.server, other.share) == (connection.server, connection.share)


async def flush_connections(state: State, connections: list[Connection]) -> list[str]:
    """Flush all files open on them; returns in words what failed and nobody was told."""
    handles = [handle for one in connections for handle in one.handles.values()]
    for file in {handle.file: None for handle in handles if handle.file in state.deferred}:
        await flush(state, file)
    failed = [handle for handle in handles if handle.untold]
    words = [
        f"{one.path}: a deferred write failed: {next(iter(one.untold.values()))}"
        for one in failed
    ]
    for handle in failed:
        handle.untold.clear()
    return words


async def flush_on_time(state: State) -> None:
    """Let no write wait longer than `write_behind_max_s` to be sent, for ever."""
    while True:
        if not state.deferred:
            await state.deferring.park()
        await trio.sleep(state.config.write_behind_max_s)
        for file in state.deferred.files():
            if not file.sending:
                state.spawn(flush, state, file)
