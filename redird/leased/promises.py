"""What was promised to kernels that cache above us, and how a promise is called back.

A mount tells its kernel for how long names, attributes and pages may be kept: for as long as
the handle whose lease licenses it will surely be, and its server believe that we are there.
Whatever ends that earlier, or changes it by way of somebody else's session, waits until the
kernel has forgotten.
"""

from collections.abc import Awaitable, Iterable

import trio

from redird.holdings import Connection, File, Handle, Open
from redird.leased.attributes import is_named
from redird.state import State
from redird.wire.files import LEASE_R


def promise(state: State, handle: Handle | None) -> float:
    """Return for how many seconds a kernel may keep what a handle's lease licenses."""
    if handle is None or not is_named(handle) or not handle.file.lease & LEASE_R:
        return 0.0
    if state.locks.is_mandatory(handle.file):
        return 0.0
    now = trio.current_time()
    until = now + state.policy.dormant_age_max_s if handle.opens else handle.due_at
    until = min(until, state.links[handle.connection.link].trusted_until)
    handle.file.promised_until = max(handle.file.promised_until, until)
    return max(until - now, 0.0)


def has_others(state: State, connection: Connection) -> bool:
    """Whether a kernel watches that is not the one by which this session asks."""
    owner = connection.session.owner
    return any(watcher.peer != owner for watcher in state.watchers)


async def call_back(state: State, files: Iterable[File], peer: int | None = None) -> None:
    """Wait until every kernel has forgotten, but for that of `peer`, who did it itself."""
    for file in _promised(state, files):
        told = [one for one in state.watchers if one.peer != peer]
        if len(told) == len(state.watchers):
            file.promised_until = 0.0
        for watcher in told:
            waiting = watcher.call_back(file)
            if waiting is not None:
                await waiting


def begin_call_back(
    state: State, files: Iterable[File], peer: int | None
) -> list[Awaitable[None]]:
    """Call back what is promised under leases about to be given up; returns what to wait for.

    The kernel for which `peer` does that may hold a folder's lock until it is answered, so it
    is not waited for.
    """
    to_wait_for = []
    for file in _promised(state, files):
        file.promised_until = 0.0
        for watcher in state.watchers:
            waiting = watcher.call_back(file)
            if waiting is not None and watcher.peer == peer:
                state.spawn(_wait_for, waiting)
            elif waiting is not None:
                to_wait_for.append(waiting)
    return to_wait_for


async def call_back_kept(state: State, files: Iterable[File], peer: int | None) -> None:
    """Wait until what is promised under leases about to be given up is forgotten."""
    for waiting in begin_call_back(state, files, peer):
        await waiting


def call_back_lost(state: State, files: Iterable[File]) -> None:
    """Leases are gone: begin to call back what they licensed, while that is known."""
    for waiting in begin_call_back(state, files, None):
        state.spawn(_wait_for, waiting)


async def _wait_for(waiting: Awaitable[None]) -> None:
    await waiting


def _promised(state: State, files: Iterable[File]) -> list[File]:
    if not state.watchers:
        return []
    now = trio.current_time()
    return [one for one in dict.fromkeys(files) if one.promised_until > now]


async def call_back_paths(state: State, connection: Connection, *paths: str) -> None:
    """A session changed names: call back what was told of them and of their folders."""
    if not has_others(state, connection):
        return
    files = []
    for path in paths:
        for one in (path, path.rpartition("/")[0]):
            files += _files_at(state, connection, one)
    await call_back(state, files, connection.session.owner)


async def call_back_data(state: State, opened: Open) -> None:
    """A session changed a file: call back what was told of it, and by its folder."""
    if has_others(state, opened.connection):
        handle = opened.handle
        folder = handle.path.rpartition("/")[0]
        files = [opened.handle.file, *_files_at(state, handle.connection, folder)]
        await call_back(state, files, opened.connection.session.owner)


def _files_at(state: State, connection: Connection, path: str) -> list[File]:
    at = (connection.server, connection.share, path)
    handles = (*state.connections.live_at(*at), *state.dormant.at(*at))
    return [handle.file for handle in handles]
