"""What sessions know of folders: names under the lease of a folder they keep open.

What we change ourselves breaks no lease of ours, so it is followed here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from redird.holdings import Connection, File, Handle
from redird.leased import attributes
from redird.leased.attributes import are_known, is_named
from redird.leased.names import Line, Names
from redird.state import State
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.link import FollowUp
from redird.wire.messages import FileInfo
from redird.wire.patterns import compiled
from redird.wire.status import Status

LOOK = f.FILE_READ_DATA | f.FILE_READ_ATTRIBUTES


def split(path: str) -> tuple[str, str]:
    """Return the folder of a path, and the name in it."""
    folder, _, name = path.rpartition("/")
    return folder, name


def known_info(state: State, connection: Connection, path: str) -> FileInfo | None:
    """Return what is surely known of a path, or None; Refused if it surely is not there."""
    at = (connection.server, connection.share, path)
    for handle in (*state.connections.live_at(*at), *state.dormant.at(*at)):
        if is_named(handle) and are_known(state, handle):
            return handle.file.info
    folder, name = split(path)
    names = names_of(state, connection, folder)
    if names is None or not name:
        return None
    if names.is_missing(name):
        raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
    return names.info(name)


def require_not_missing(state: State, connection: Connection, path: str) -> None:
    """Refuse as the server would if there surely is no such name."""
    folder, name = split(path)
    names = names_of(state, connection, folder) if name else None
    if names is not None and names.is_missing(name):
        raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)


def names_of(state: State, connection: Connection, folder: str) -> Names | None:
    """Return what this session may know of a folder's names, or None."""
    handle = handle_of(state, connection, folder)
    return None if handle is None else handle.file.names


def handle_of(state: State, connection: Connection, folder: str) -> Handle | None:
    """Return the session's handle on a folder, kept or in use, that licenses to know it."""
    if not state.policy.directory_leases:
        return None
    at = (connection.server, connection.share, folder)
    for handle in state.dormant.at(*at):
        if _licenses(handle, connection):
            state.dormant.refresh(handle, trio.current_time())
            return handle
    return next(
        (one for one in state.connections.live_at(*at) if _licenses(one, connection)), None
    )


def _licenses(handle: Handle, connection: Connection) -> bool:
    return (
        handle.connection is connection
        and handle.file.names is not None
        and handle.access == LOOK
        and is_named(handle)
        and bool(handle.file.lease & f.LEASE_R)
    )


# --- following what we change -----------------------------------------------------------------


@contextmanager
def changing(state: State, connection: Connection, *paths: str) -> Iterator[None]:
    """Ask for a change of names: what was known of them is not told meanwhile.

    Nor is what was known of the files open by them, nor of their folders themselves.
    """
    concerned = [one for path in paths for one in _kept(state, connection, path)]
    files = [file for file, _, _ in concerned]
    for path in paths:
        at = (connection.server, connection.share, path)
        files += [handle.file for handle in state.connections.live_at(*at)]
    known = False
    for _, names, name in concerned:
        names.begin(name)
    try:
        with attributes.changing(state, files):
            yield
        known = True
    except Refused:
        known = True  # nothing was done
        raise
    finally:
        for _, names, name in concerned:
            names.end(name, known=known)


def made(state: State, connection: Connection, path: str, info: FileInfo) -> None:
    """We made a file or folder at `path`."""
    for names, name in _concerned(state, connection, path):
        names.made(name, info)


def moved(state: State, connection: Connection, path: str, target: str) -> None:
    """We renamed what was at `path` to `target`."""
    file = None
    for names, name in _concerned(state, connection, path):
        file = names.take(name) or file
    for names, name in _concerned(state, connection, target):
        names.moved_here(name, file)


def removed(state: State, connection: Connection, path: str) -> None:
    """We removed what was at `path`."""
    for names, name in _concerned(state, connection, path):
        names.removed(name)


def unsure(state: State, connection: Connection, path: str) -> None:
    """What is at `path` goes at its last close."""
    for names, name in _concerned(state, connection, path):
        names.unsure(name)


def changed(state: State, handle: Handle) -> None:
    """We changed the data or the attributes of an open file."""
    for names, name in _concerned(state, handle.connection, handle.path, named=False):
        names.changed(name)


def changed_path(state: State, connection: Connection, path: str) -> None:
    """We changed the attributes of what is at `path`."""
    for names, name in _concerned(state, connection, path, named=False):
        names.changed(name)


def _concerned(
    state: State, connection: Connection, path: str, *, named: bool = True
) -> list[tuple[Names, str]]:
    """Return the names kept of the folder that `path` is in, by any session.

    `named`: a name was made or removed there, so the folder's own attributes changed too.
    """
    found = _kept(state, connection, path)
    for file, _, _ in found:
        file.info_known = file.info_known and not named
    return [(names, name) for _, names, name in found]


def _kept(state: State, connection: Connection, path: str) -> list[tuple[File, Names, str]]:
    if not state.policy.directory_leases:
        return []
    folder, name = split(path)
    at = (connection.server, connection.share, folder)
    handles = (*state.connections.live_at(*at), *state.dormant.at(*at))
    files = dict.fromkeys(handle.file for handle in handles)
    return [(file, file.names, name) for file in files if file.names is not None]


def follow_up(state: State, connection: Connection, path: str) -> FollowUp | None:
    """What to ask with a change of names, so that the folder's own attributes are known again
    when its answer is.
    """
    folder = handle_of(state, connection, split(path)[0])
    if folder is None or not state.watchers:
        return None
    file = folder.file

    def told(reply: m.Message) -> None:
        if isinstance(reply, m.InfoFound) and file.lease & f.LEASE_R:
            file.learn(reply.info)

    return m.QueryInfo(folder.tree, folder.server_handle), told


def known_lines(file: File) -> list[Line] | None:
    """Return all names in an open folder if these are known, or None."""
    licensed = file.names is not None and file.lease & f.LEASE_R
    return file.names.lines() if file.names is not None and licensed else None


def known_entries(state: State, handle: Handle, pattern: str) -> list[m.Entry] | None:
    """Return what matches in an open folder if that is known, or None."""
    names = handle.file.names
    if names is None or not handle.file.lease & f.LEASE_R:
        return None
    return names.entries(compiled(pattern, ignore_case=True))
