"""Create: the way to every handle.

The file is opened on the disk first, without changing it; then the tables say whether it may
be. Whoever stands in the way only by a handle that nobody uses is asked to give it up (its
lease is broken), and the tables are asked again.
"""

from collections.abc import Awaitable
from functools import partial

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.files import LEASE_H, LEASE_NONE, LEASE_R, LEASE_W
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver import inway
from shareserver.breaking import after_breaks, close_handle, give_way
from shareserver.handles import OpenEntry
from shareserver.leases import Break
from shareserver.ledger import Use
from shareserver.state import Peer, State
from shareserver.store import StoreFile

_CREATES = {
    f.FILE_SUPERSEDE: "may",
    f.FILE_OPEN: "never",
    f.FILE_CREATE: "must",
    f.FILE_OPEN_IF: "may",
    f.FILE_OVERWRITE: "never",
    f.FILE_OVERWRITE_IF: "may",
}
_CHANGES = f.WRITES | f.DELETE | f.FILE_WRITE_ATTRIBUTES


def create(state: State, peer: Peer, request: m.Create) -> Message | Awaitable[Message]:
    """Open or make a file."""
    use = state.tree(peer, request.tree)
    _require_sense(request)
    if state.share_of(use).read_only:
        _require_no_change(request)
    _require_room(state, request.path)
    if request.access & f.DELETE and not request.path:
        raise Refused(Status.STATUS_CANNOT_DELETE, "the root of a share")
    breaks = _name_in_way(state, peer, use, request)
    if not breaks:
        file, created = _open_with_room(state, use, request)
        try:
            if not _made_way(state, request, file):
                breaks = _in_way(state, peer, use, request, file)
                if not breaks:
                    return _finish(state, peer, use, request, file, created)
        except BaseException:
            file.close()
            raise
        file.close()
    return after_breaks(state, peer.lessee, breaks, partial(create, state, peer, request))


def _require_room(state: State, path: str) -> None:
    while len(state.handles) >= state.config.handles_max:
        if not _closed_oldest(state):
            raise Refused(Status.STATUS_TOO_MANY_OPENED_FILES, path)


def _closed_oldest(state: State) -> bool:
    """What is only kept goes before anybody is refused."""
    oldest = state.durable.oldest()
    handle = None if oldest is None else state.handles.find(*oldest)
    if handle is not None:
        close_handle(state, handle)
    return handle is not None


def _require_sense(request: m.Create) -> None:
    directory = request.options & f.FILE_DIRECTORY_FILE
    sensible = (
        request.access
        and not request.access & ~f.ACCESS_ALL
        and not request.share & ~f.SHARE_ALL
        and request.disposition in _CREATES
        and not request.options & ~f.OPTIONS_ALL
        and not (directory and request.options & f.FILE_NON_DIRECTORY_FILE)
        and not (directory and not _keeps_content(request))
        and 0 <= request.lease <= f.LEASE_RWH
    )
    if not sensible:
        raise Refused(Status.STATUS_INVALID_PARAMETER, request.path)
    if request.options & f.FILE_DELETE_ON_CLOSE and not request.access & f.DELETE:
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"{request.path}: needs DELETE access")


def _keeps_content(request: m.Create) -> bool:
    return request.disposition in (f.FILE_OPEN, f.FILE_OPEN_IF, f.FILE_CREATE)


def _require_no_change(request: m.Create) -> None:
    if request.access & _CHANGES or request.disposition not in f.KEEPS_CONTENT:
        raise Refused(Status.STATUS_MEDIA_WRITE_PROTECTED, request.path)


def _open_with_room(state: State, use: Use, request: m.Create) -> tuple[StoreFile, bool]:
    """This process may have as many files open as the system lets it."""
    while True:
        try:
            return _open(state, use, request)
        except Refused as no:
            full = no.status is Status.STATUS_TOO_MANY_OPENED_FILES
            if not (full and _closed_oldest(state)):
                raise


def _open(state: State, use: Use, request: m.Create) -> tuple[StoreFile, bool]:
    options = request.options
    directory = True if options & f.FILE_DIRECTORY_FILE else None
    if options & f.FILE_NON_DIRECTORY_FILE or not _keeps_content(request):
        directory = False
    read_only = state.share_of(use).read_only
    return state.stores[use.share].open(
        request.path,
        writable=bool(request.access & f.WRITES) or not _keeps_content(request),
        create="never" if read_only else _CREATES[request.disposition],
        directory=directory,
        mode=request.mode,
        follow=not options & f.FILE_OPEN_REPARSE_POINT,
    )


def _needed(request: m.Create) -> int:
    """Return the access that share modes are tested with: overwriting writes."""
    return request.access | (0 if _keeps_content(request) else f.FILE_WRITE_DATA)


def _made_way(state: State, request: m.Create, file: StoreFile) -> bool:
    """Whether handles whose redirector is away stood in the way, and are closed now."""
    entry = state.handles.entry(file.identity) if state.durable else None
    if entry is None:
        return False
    if entry.delete_pending:
        return give_way(state, entry.handles.values())
    needed = _needed(request)
    return give_way(state, state.handles.in_conflict(file.identity, needed, request.share))


def _in_way(
    state: State, peer: Peer, use: Use, request: m.Create, file: StoreFile
) -> list[Break]:
    """Which leases stand in the way; refuses at once what no break would help."""
    lessee, entry = peer.lessee, state.handles.entry(file.identity)
    breaks: list[Break] = []
    overwrites = not _keeps_content(request)
    if entry is not None:
        if entry.delete_pending:
            kept = inway.of_file(state, "", file.identity, LEASE_H)  # perhaps unused
            if kept:
                return kept
            raise Refused(Status.STATUS_DELETE_PENDING, request.path)
        in_way = state.handles.in_conflict(file.identity, _needed(request), request.share)
        for handle in in_way:
            own = handle.lessee == lessee
            if own or not state.leases.state(file.identity, handle.lessee) & LEASE_H:
                raise Refused(Status.STATUS_SHARING_VIOLATION, request.path)
        bits = LEASE_W | (LEASE_H if in_way else 0) | (LEASE_R if overwrites else 0)
        breaks = inway.of_file(state, lessee, file.identity, bits)
    if overwrites or _may_write_unseen(state, lessee, request, entry, file):
        breaks += inway.of_attributes(state, lessee, use.share, request.path, file)
    return breaks


def _may_write_unseen(
    state: State, lessee: str, request: m.Create, entry: OpenEntry | None, file: StoreFile
) -> bool:
    """Whether others who know the folder would not notice what is written after this open."""
    if not state.leases.others_know_folders(lessee) or file.is_directory:
        return False
    writes = request.access & f.WRITES or (entry is not None and entry.is_written())
    lease = request.lease | state.leases.state(file.identity, lessee)
    return bool(writes and lease & LEASE_W)


def _name_in_way(state: State, peer: Peer, use: Use, request: m.Create) -> list[Break]:
    """Which leases on its folder stand in the way of a file that would be made."""
    if not state.leases.others_know_folders(peer.lessee):
        return []
    if _CREATES[request.disposition] == "never" or state.share_of(use).read_only:
        return []
    try:
        state.stores[use.share].identify(request.path)
    except Refused as no:
        if no.status is Status.STATUS_OBJECT_NAME_NOT_FOUND:
            return inway.of_names(state, peer.lessee, use.share, request.path)
    return []


def _finish(
    state: State, peer: Peer, use: Use, request: m.Create, file: StoreFile, created: bool
) -> Message:
    if not created and not _keeps_content(request):
        file.set_info(size=0)
    info = file.info()
    lessee = peer.lessee
    handle = state.handles.open(
        file.identity,
        use.share,
        request.path,
        file,
        tree=use.number,
        session=use.session,
        lessee=lessee,
        access=request.access,
        share=request.share,
        delete_on_close=bool(request.options & f.FILE_DELETE_ON_CLOSE),
        now_ns=state.world.wall_now(),
    )
    entry = handle.entry
    sole = entry.lessees.keys() == {lessee}
    wanted = LEASE_NONE if info.kind == "symlink" else request.lease
    if state.locks.is_mandatory(file.identity):  # who has locked it must see every read
        wanted &= LEASE_H
    lease = state.leases.grant(
        file.identity,
        entry.number,
        lessee,
        wanted,
        sole=sole,
        directory=file.is_directory,
    )
    if "durable" in peer.capabilities:
        follow = not request.options & f.FILE_OPEN_REPARSE_POINT
        held = state.leases.state(file.identity, lessee)
        state.journal.opened(handle, use, held, follow=follow)
    action = _action(request, created)
    # Under another spelling nobody would be told either.
    unsure = file.followed or state.share_of(use).ignore_case
    return m.Created(handle.number, action, lease, entry.number, info, unsure)


def _action(request: m.Create, created: bool) -> int:
    if created:
        return f.CREATED
    if request.disposition == f.FILE_SUPERSEDE:
        return f.SUPERSEDED
    return f.OPENED if _keeps_content(request) else f.OVERWRITTEN
