"""What the kernel may remember of a share, and for how long: every such decision is here.

The kernel is told in seconds: as long as the handle whose lease licenses it will surely be
kept. What ends that earlier calls the promise back first (`leased.promises`). Of a share that
several users see, names and attributes are never remembered: each is asked for by whom it is
told to.
"""

import math

from redird.fuse.kernel import Init
from redird.holdings import Connection, File, Handle
from redird.leased import folders
from redird.leased.attributes import are_known
from redird.leased.promises import promise
from redird.state import State
from redird.wire.files import LEASE_R
from redird.wire.messages import FileInfo

# Pages stay when attributes change: whoever changes data breaks a lease.
DATA_FLAG = Init.EXPLICIT_INVAL_DATA
NOTHING = 0.0


def entry_valid_s(state: State, connection: Connection, path: str, file_id: int) -> float:
    """How long a name is known to lead to the file of that number."""
    folder, name = folders.split(path)
    handle = folders.handle_of(state, connection, folder)
    if handle is None or handle.file.names is None:
        return NOTHING
    return promise(state, handle) if handle.file.names.leads_to(name) == file_id else NOTHING


def negative_valid_s(state: State, connection: Connection, path: str) -> float:
    """How long a name is known to be free; 0: it is not to be remembered at all."""
    folder, name = folders.split(path)
    handle = folders.handle_of(state, connection, folder)
    if handle is None or handle.file.names is None:
        return NOTHING
    return promise(state, handle) if handle.file.names.is_missing(name) else NOTHING


def attr_valid_s(state: State, connection: Connection, path: str, info: FileInfo) -> float:
    """How long a file's attributes are known to be these."""
    handle = licence(state, connection, path)
    if handle is not None and handle.file.info.file_id == info.file_id:
        told = are_known(state, handle) and handle.file.info == info
        return promise(state, handle) if told else NOTHING
    folder, name = folders.split(path)
    handle = folders.handle_of(state, connection, folder)
    if handle is None or handle.file.names is None:
        return NOTHING
    return promise(state, handle) if handle.file.names.info(name) == info else NOTHING


def licence(state: State, connection: Connection, path: str) -> Handle | None:
    """Return a handle on a path whose lease licenses to know the file, if there is one."""
    at = (connection.server, connection.share, path)
    for handle in (*state.connections.live_at(*at), *state.dormant.at(*at)):
        if handle.file.lease & LEASE_R:
            return handle
    return None


def data_mark(file: File) -> tuple[File, int]:
    """What must be the same, later, for pages read now still to be right."""
    return file, file.dropped


def is_licensed(state: State, file: File, mark: tuple[File, int]) -> bool:
    """Whether pages read since `mark` may be remembered: they are called back before wrong."""
    known = mark == (file, file.dropped) and bool(file.lease & LEASE_R)
    return known and not state.locks.is_mandatory(file)  # a lock must see every read


def promise_data(file: File) -> None:
    """The kernel keeps pages of an open file, until called back."""
    file.promised_until = math.inf


def direct_io(*, appends: bool) -> bool:
    """Whether an open file's data goes past the kernel's pages.

    The kernel appends where it believes the end to be; only the server knows.
    """
    return appends
