"""What is known of a file: told again under a lease with R, else asked for.

Attributes are the server's: with writes deferred, these are sent before anything is told.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from redird.holdings import File, Handle
from redird.leased.flushing import flush
from redird.state import State
from redird.wire.errors import Refused
from redird.wire.files import LEASE_H, LEASE_R
from redird.wire.messages import FileInfo, QueryInfo


def are_known(state: State, handle: Handle) -> bool:
    """Whether the attributes may be told without asking."""
    file = handle.file
    if file.changing or not file.info_known:
        return False
    return bool(file.lease & LEASE_R) and file not in state.deferred


@contextmanager
def changing(state: State, files: Iterable[File]) -> Iterator[None]:
    """Ask for a change of files: what was known before is not told any more."""
    changed = list(files)
    for file in changed:
        file.changing += 1
        file.version += 1
    try:
        yield
    except Refused:  # a first part may have been written
        for file in changed:
            if file.names is None:
                state.forget_data(file)
        raise
    except BaseException:  # it may have been made, or be made yet
        for file in changed:
            state.forget_data(file)
        raise
    finally:
        for file in changed:
            file.changing -= 1


def is_named(handle: Handle) -> bool:
    """Whether a handle's name still leads to its file: without H nobody would tell us."""
    return handle.parkable and not handle.dead and bool(handle.file.lease & LEASE_H)


async def ask(state: State, handle: Handle) -> FileInfo:
    """Ask the server about an open file, unless a flush brought the answer."""
    file = handle.file
    await flush(state, file)
    if not are_known(state, handle):
        query = QueryInfo(handle.tree, handle.server_handle)
        told = partial(learn, state, file)
        await state.links[handle.connection.link].query_info(query, told)
    return file.seen


def learn(state: State, file: File, info: FileInfo) -> None:
    """The server told this of a file; what was written since and is deferred is newer."""
    if file not in state.deferred:
        file.learn(info)
