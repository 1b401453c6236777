"""What is done with names: rename, delete, make and remove folders.

A handle that nobody uses must not stand in the way, wherever it is kept: leases with H on the
file, on a target to be replaced, and on everything below a folder are broken first. Below means
by whole components: deleting `foo` has nothing to do with `foo.tmp`.

NT keeps a name while somebody has the file open. A request that says `posix` does not: leases
are broken and share modes asked all the same, but then the name goes, and whoever has the file
open goes on without it.
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
    await _require_free(state, peer, source, request.path)
    await _break_below(state, peer, share, request)
    target = _identity_if_any(store, request.target) if request.replace else None
    if target is not None and target != source:
        await _require_replaceable(state, peer, target, request)
    store.rename(request.path, request.target, replace=request.replace)
    if target != source:  # two names of one file: rename(2) has left both
        state.handles.moved(share, request.path, request.target)
    return m.Renamed()


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file; while others that allow it have it open, it is pending."""
    store, share = _writable(state, peer, request.tree, request.path)
    identity, kind = store.identify(request.path)
    if kind == "directory":
        raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, request.path)
    entry = await _require_free(state, peer, identity, request.path)
    if entry is not None and entry.delete_pending:
        raise Refused(Status.STATUS_DELETE_PENDING, request.path)
    if entry is None or request.posix or not entry.is_named(share, request.path):
        store.unlink(request.path)
        state.handles.removed(share, request.path)
    else:
        entry.delete_pending, entry.path = True, request.path
        break_for_deletion(state, entry)
    return m.Unlinked()


async def link(state: State, peer: Peer, request: m.Link) -> Message:
    """Give a file a second name; what others remember of the file is wrong then."""
    store, _ = _writable(state, peer, request.tree, request.path)
    await _break_handles(state, peer, store.identify(request.path)[0])
    return m.Linked(store.link(request.path, request.target))


def symlink(state: State, peer: Peer, request: m.Symlink) -> Message:
    """Make a symbolic link, whatever it says."""
    store, _ = _writable(state, peer, request.tree, request.path)
    return m.Symlinked(store.symlink(request.path, request.target))


def read_link(state: State, peer: Peer, request: m.ReadLink) -> Message:
    """Say what a symbolic link says."""
    store = state.stores[state.tree(peer, request.tree).share]
    return m.LinkRead(store.read_link(request.path))


def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Message:
    """Make a folder."""
    store, _ = _writable(state, peer, request.tree, request.path)
    return m.DirectoryMade(store.make_directory(request.path, request.mode))


async def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Message:
    """Remove an empty folder."""
    store, share = _writable(state, peer, request.tree, request.path)
    identity = store.identify(request.path)[0]
    await _require_free(state, peer, identity, request.path)
    store.remove_directory(request.path)
    state.handles.removed(share, request.path)
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
    state: State, peer: Peer, identity: Identity, path: str
) -> OpenEntry | None:
    """Whoever has the file open must allow its deletion; returns the entry if somebody does."""
    entry = await _break_handles(state, peer, identity)
    if state.handles.in_conflict(identity, f.DELETE, f.SHARE_ALL):
        raise Refused(Status.STATUS_SHARING_VIOLATION, path)
    return entry


async def _require_replaceable(
    state: State, peer: Peer, identity: Identity, request: m.Rename
) -> None:
    """A file about to be replaced must be open nowhere (MS-FSA 2.1.5.15.11), unless posix."""
    if request.posix:
        entry = await _require_free(state, peer, identity, request.target)
        if entry is not None and entry.delete_pending:
            raise Refused(Status.STATUS_DELETE_PENDING, request.target)
    elif await _break_handles(state, peer, identity) is not None:
        raise Refused(Status.STATUS_ACCESS_DENIED, request.target)


async def _break_below(state: State, peer: Peer, share: str, request: m.Rename) -> None:
    """Names below change too: nobody keeps what he does not use, and, unless posix, uses."""
    for entry in state.handles.entries_under(share, request.path):
        still_open = await _break_handles(state, peer, entry.identity) is not None
        if still_open and not request.posix:
            raise Refused(Status.STATUS_ACCESS_DENIED, entry.subject)
