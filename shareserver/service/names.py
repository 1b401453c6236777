"""What is done with names: rename, delete, make and remove folders.

A handle that nobody uses must not stand in the way, wherever it is kept: leases on the file,
on a target to be replaced, and on everything below a folder are broken first, then those of
whoever knows the folders. Below means by whole components: deleting `foo` has nothing to do
with `foo.tmp`.

NT keeps a name while somebody has the file open. A request that says `posix` does not: leases
are broken and share modes asked all the same, but then the name goes, and whoever has the file
open goes on without it.
"""

from collections.abc import Awaitable
from functools import partial

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver import inway
from shareserver.breaking import after_breaks, break_for_deletion, give_way
from shareserver.handles import Identity, OpenEntry
from shareserver.state import Peer, State
from shareserver.store import Store

Answer = Message | Awaitable[Message]


def rename(state: State, peer: Peer, request: m.Rename) -> Answer:
    """Rename a file or folder inside its share."""
    store, share = _writable(state, peer, request.tree, request.path)
    lessee, paths = peer.lessee, (request.path, request.target)
    if state.durable:
        _make_way_to_rename(state, share, request)
    source = store.identify(request.path)[0]
    target = _identity_if_any(store, request.target) if request.replace else None
    replaced = target if target != source else None
    breaks = inway.of_removal(state, lessee, source)
    breaks += [] if replaced is None else inway.of_removal(state, lessee, replaced)
    for entry in state.handles.entries_under(share, request.path):
        breaks += inway.of_removal(state, lessee, entry.identity)
    if not breaks:
        _require_free(state, source, request.path)
        _require_closed_below(state, share, request)
        if replaced is not None:
            _require_replaceable(state, replaced, request)
        breaks = inway.of_names(state, lessee, share, *paths)
    if breaks:
        return after_breaks(state, lessee, breaks, partial(rename, state, peer, request))
    store.rename(request.path, request.target, replace=request.replace)
    if target != source:  # two names of one file: rename(2) has left both
        moved = state.handles.moved(share, request.path, request.target)
        state.journal.moved(moved)
    return m.Renamed()


def unlink(state: State, peer: Peer, request: m.Unlink) -> Answer:
    """Delete a file; while others that allow it have it open, it is pending."""
    store, share = _writable(state, peer, request.tree, request.path)
    _make_way(state, share, request.path, all_of=not request.posix)
    identity, kind = store.identify(request.path)
    if kind == "directory":
        raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, request.path)
    breaks = inway.of_removal(state, peer.lessee, identity)
    if not breaks:
        entry = _require_free(state, identity, request.path)
        if entry is not None and entry.delete_pending:
            raise Refused(Status.STATUS_DELETE_PENDING, request.path)
        if entry is not None and not request.posix and entry.is_named(share, request.path):
            entry.delete_pending, entry.path = True, request.path
            state.journal.doomed(entry)
            break_for_deletion(state, entry)
            return m.Unlinked(pending=True)
        breaks = inway.of_names(state, peer.lessee, share, request.path)
    if breaks:
        again = partial(unlink, state, peer, request)
        return after_breaks(state, peer.lessee, breaks, again)
    store.unlink(request.path)
    state.journal.moved(state.handles.removed(share, request.path))
    return m.Unlinked()


def link(state: State, peer: Peer, request: m.Link) -> Answer:
    """Give a file a second name; what others remember of the file is wrong then."""
    store, share = _writable(state, peer, request.tree, request.path)
    lessee, identity = peer.lessee, store.identify(request.path)[0]
    breaks = inway.of_removal(state, lessee, identity)
    breaks += inway.of_entry(state, lessee, share, request.path, identity)
    if not breaks:
        breaks = inway.of_names(state, lessee, share, request.target)
    if breaks:
        return after_breaks(state, lessee, breaks, partial(link, state, peer, request))
    return m.Linked(store.link(request.path, request.target))


def symlink(state: State, peer: Peer, request: m.Symlink) -> Answer:
    """Make a symbolic link, whatever it says."""
    store, share = _writable(state, peer, request.tree, request.path)
    breaks = inway.of_names(state, peer.lessee, share, request.path)
    if breaks:
        again = partial(symlink, state, peer, request)
        return after_breaks(state, peer.lessee, breaks, again)
    return m.Symlinked(store.symlink(request.path, request.target))


def read_link(state: State, peer: Peer, request: m.ReadLink) -> Message:
    """Say what a symbolic link says."""
    store = state.stores[state.tree(peer, request.tree).share]
    return m.LinkRead(store.read_link(request.path))


def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Answer:
    """Make a folder."""
    store, share = _writable(state, peer, request.tree, request.path)
    breaks = inway.of_names(state, peer.lessee, share, request.path)
    if breaks:
        again = partial(make_directory, state, peer, request)
        return after_breaks(state, peer.lessee, breaks, again)
    return m.DirectoryMade(store.make_directory(request.path, request.mode))


def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Answer:
    """Remove an empty folder."""
    store, share = _writable(state, peer, request.tree, request.path)
    _make_way(state, share, request.path)
    identity = store.identify(request.path)[0]
    breaks = inway.of_removal(state, peer.lessee, identity)
    if not breaks:
        _require_free(state, identity, request.path)
        breaks = inway.of_names(state, peer.lessee, share, request.path)
    if breaks:
        again = partial(remove_directory, state, peer, request)
        return after_breaks(state, peer.lessee, breaks, again)
    store.remove_directory(request.path)
    state.journal.moved(state.handles.removed(share, request.path))
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


def _make_way_to_rename(state: State, share: str, request: m.Rename) -> None:
    _make_way(state, share, request.path)
    if request.replace:
        _make_way(state, share, request.target, all_of=not request.posix)
    if not request.posix:
        for entry in state.handles.entries_under(share, request.path):
            give_way(state, entry.handles.values())


def _make_way(state: State, share: str, path: str, *, all_of: bool = False) -> None:
    """Close what stands in the way of a name's end and has nobody there who uses it."""
    if not state.durable:
        return
    identity = _identity_if_any(state.stores[share], path)
    entry = None if identity is None else state.handles.entry(identity)
    if entry is None:
        return
    everything = all_of or entry.delete_pending
    in_way = state.handles.in_conflict(entry.identity, f.DELETE, f.SHARE_ALL)
    give_way(state, entry.handles.values() if everything else in_way)


def _require_free(state: State, identity: Identity, path: str) -> OpenEntry | None:
    """Whoever has the file open must allow its deletion; returns the entry if somebody does."""
    if state.handles.in_conflict(identity, f.DELETE, f.SHARE_ALL):
        raise Refused(Status.STATUS_SHARING_VIOLATION, path)
    return state.handles.entry(identity)


def _require_replaceable(state: State, identity: Identity, request: m.Rename) -> None:
    """A file about to be replaced must be open nowhere (MS-FSA 2.1.5.15.11), unless posix."""
    if request.posix:
        entry = _require_free(state, identity, request.target)
        if entry is not None and entry.delete_pending:
            raise Refused(Status.STATUS_DELETE_PENDING, request.target)
    elif state.handles.entry(identity) is not None:
        raise Refused(Status.STATUS_ACCESS_DENIED, request.target)


def _require_closed_below(state: State, share: str, request: m.Rename) -> None:
    """Names below a folder change too: nobody may use them, unless posix."""
    open_below = state.handles.entries_under(share, request.path)
    if open_below and not request.posix:
        raise Refused(Status.STATUS_ACCESS_DENIED, open_below[0].subject)
