"""What is done with names: rename, delete, make and remove folders.

A handle that nobody uses must not stand in the way, wherever it is kept: leases with H on the
file, on a target to be replaced, and on everything below a folder are broken first. Below means
by whole components: deleting `foo` has nothing to do with `foo.tmp`.
"""

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver.breaking import break_for_deletion, break_leases
from shareserver.handles import Identity, OpenEntry
from shareserver.state import Peer, State
from shareserver.store import Store


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename a file or folder inside its share."""
    store, share = _writable(state, peer, request.tree, request.path)
    source = store.identify(request.path)[0]
    await _require_free(state, peer, source, request.path, Status.STATUS_SHARING_VIOLATION)
    await _require_nothing_open_below(state, peer, share, request.path)
    if request.replace:
        target = _identity_if_any(store, request.target)
        if target is not None and target != source:
            await _require_closed(state, peer, target, request.target)
    store.rename(request.path, request.target, replace=request.replace)
    state.handles.moved(share, request.path, request.target)
    return m.Renamed()


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file; while others that allow it have it open, it is pending."""
    store, _ = _writable(state, peer, request.tree, request.path)
    identity, kind = store.identify(request.path)
    if kind == "symlink":  # leads elsewhere: what it leads to is left alone
        store.unlink(request.path)
        return m.Unlinked()
    if kind == "directory":
        raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, request.path)
    entry = await _require_free(
        state, peer, identity, request.path, Status.STATUS_SHARING_VIOLATION
    )
    if entry is not None:
        if entry.delete_pending:
            raise Refused(Status.STATUS_DELETE_PENDING, request.path)
        entry.delete_pending = True
        break_for_deletion(state, entry)
    else:
        store.unlink(request.path)
    return m.Unlinked()


def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Message:
    """Make a folder."""
    store, _ = _writable(state, peer, request.tree, request.path)
    store.make_directory(request.path)
    return m.DirectoryMade(store.info(request.path))


async def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Message:
    """Remove an empty folder."""
    store, _ = _writable(state, peer, request.tree, request.path)
    identity = store.identify(request.path)[0]
    await _require_free(state, peer, identity, request.path, Status.STATUS_SHARING_VIOLATION)
    store.remove_directory(request.path)
    return m.DirectoryRemoved()


def _writable(state: State, peer: Peer, tree: int, path: str) -> tuple[Store, str]:
    use = state.tree(peer, tree)
    if state.share_of(use).read_only:
        raise Refused(Status.STATUS_MEDIA_WRITE_PROTECTED, path)
    return state.stores[use.share], use.share


def _identity_if_any(store: Store, path: str) -> Identity | None:
    try:
        return store.identify(path)[0]
    except Refused as no:
        if no.status is Status.STATUS_OBJECT_NAME_NOT_FOUND:
            return None
        raise


async def _break_handles(state: State, peer: Peer, identity: Identity) -> OpenEntry | None:
    if state.leases.to_break(identity, peer.lessee, f.LEASE_H):
        await break_leases(state, identity, peer.lessee, f.LEASE_H | f.LEASE_W)
    return state.handles.entry(identity)


async def _require_free(
    state: State, peer: Peer, identity: Identity, path: str, status: Status
) -> OpenEntry | None:
    """Whoever has the file open must allow its deletion; returns the entry if somebody does."""
    entry = await _break_handles(state, peer, identity)
    if state.handles.in_conflict(identity, f.DELETE, f.SHARE_ALL):
        raise Refused(status, path)
    return entry


async def _require_closed(state: State, peer: Peer, identity: Identity, path: str) -> None:
    """A file about to be replaced must be open nowhere (MS-FSA 2.1.5.15.11)."""
    if await _break_handles(state, peer, identity) is not None:
        raise Refused(Status.STATUS_ACCESS_DENIED, path)


async def _require_nothing_open_below(state: State, peer: Peer, share: str, path: str) -> None:
    for entry in state.handles.entries_under(share, path):
        if await _break_handles(state, peer, entry.identity) is not None:
            raise Refused(Status.STATUS_ACCESS_DENIED, entry.path)
