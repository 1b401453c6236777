"""How sessions come to know folders: what is asked for, and folders kept open beside.

A folder that is looked into is opened for its lease, if the policy has directory leases, and
kept like a closed file.
"""

from redird import opening
from redird.finding import tree_of
from redird.holdings import Connection, Handle
from redird.leased.flushing import flush_share
from redird.leased.folders import LOOK, handle_of, names_of, split
from redird.state import State
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import FileInfo
from redird.wire.patterns import compiled
from redird.wire.status import Status


async def ask(state: State, connection: Connection, request: m.QueryInfo) -> FileInfo:
    """Ask about a path, keeping the answer where a lease on its folder allows."""
    path = request.target
    assert isinstance(path, str)
    await flush_share(state, connection)
    link, (folder, name) = state.links[connection.link], split(path)
    itself = handle_of(state, connection, path)
    if itself is not None:
        return await _ask_of_folder(state, itself, m.QueryInfo(tree_of(connection), path))
    names = names_of(state, connection, folder) if name else None
    if names is None:
        keep_open(state, connection, folder)
        return await link.query_info(m.QueryInfo(tree_of(connection), path, request.follow))
    version = names.version

    def told(info: FileInfo) -> None:
        names.found(name, info, version)
        if info.kind == "directory":  # its attributes are its own lease's to keep
            keep_open(state, connection, path)

    try:
        info = await link.query_info(m.QueryInfo(tree_of(connection), path, False), told)
    except Refused as no:
        if no.status is Status.STATUS_OBJECT_NAME_NOT_FOUND:
            names.found_missing(name, version)
        raise
    if info.kind == "symlink" and request.follow:
        return await link.query_info(m.QueryInfo(tree_of(connection), path))
    return info


async def _ask_of_folder(state: State, handle: Handle, query: m.QueryInfo) -> FileInfo:
    """Ask about a folder that is kept open; the answer may be told again under its lease."""
    file, names = handle.file, handle.file.names
    assert names is not None
    version = names.version

    def told(info: FileInfo) -> None:
        if names.version == version and file.lease & f.LEASE_R:
            file.learn(info)

    return await state.links[handle.connection.link].query_info(query, told)


def keep_open(state: State, connection: Connection, folder: str) -> None:
    """Open a folder for its lease, beside whatever else is going on."""
    key = connection.number, folder
    if state.policy.directory_leases and key not in state.folders_opening:
        state.folders_opening.add(key)
        state.spawn(_keep_open, state, connection, folder)


async def _keep_open(state: State, connection: Connection, folder: str) -> None:
    request = m.Create(
        connection.number,
        folder,
        LOOK,
        f.SHARE_ALL,
        f.FILE_OPEN,
        f.FILE_DIRECTORY_FILE,
    )
    try:
        if connection.tree is not None and names_of(state, connection, folder) is None:
            await opening.open_and_park(state, connection, request)
    except Refused:
        return  # then nothing is kept of it
    finally:
        state.folders_opening.discard((connection.number, folder))


async def fetch_entries(state: State, handle: Handle, pattern: str) -> list[m.Entry]:
    """Ask for all entries of an open folder that match; under a lease all are kept."""
    await flush_share(state, handle.connection)
    names = handle.file.names if handle.file.lease & f.LEASE_R else None
    version = names.version if names is not None else 0
    entries = await _pages(state, handle, pattern if names is None else "*")
    if names is None or pattern == "*":
        matching = entries
    else:
        matches = compiled(pattern, ignore_case=True)
        matching = [entry for entry in entries if matches(entry.name)]
    if names is not None:
        names.listed(entries, version)
    return matching


async def _pages(state: State, handle: Handle, pattern: str) -> list[m.Entry]:
    link = state.links[handle.connection.link]
    entries: list[m.Entry] = []
    epoch = link.epoch
    while True:
        query = m.QueryDirectory(handle.tree, handle.server_handle, pattern, not entries)
        try:
            found = await link.ask(query, m.DirectoryFound)
        except Refused as no:
            if no.status not in (Status.STATUS_NO_SUCH_FILE, Status.STATUS_NO_MORE_FILES):
                raise
            found = m.DirectoryFound((), True)
        if link.epoch != epoch:  # nobody knows where the enumeration stood at the loss
            epoch, entries = link.epoch, []
            continue
        entries += found.entries
        if found.last:
            return entries
