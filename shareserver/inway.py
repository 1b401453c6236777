"""Which promises to others stand in the way of a request: what must be broken before it.

A file's folder is found by its path. Where that is not certain (the file was opened through a
symlink, or lost its name) every folder might be the one. A file with more names than one is in
nobody's knowledge of a folder. Nothing is looked up as long as nobody else knows a folder.
"""

from redird.wire.errors import Refused
from redird.wire.files import LEASE_R, LEASE_RWH, LEASE_W
from shareserver.handles import Handle, Identity
from shareserver.leases import Break
from shareserver.state import State
from shareserver.store import Store, StoreFile


def of_file(state: State, lessee: str, identity: Identity, bits: int) -> list[Break]:
    """What must go before something happens to a file that `bits` license not to notice."""
    return [(lease, bits) for lease in state.leases.to_break(identity, lessee, bits)]


def of_change(state: State, handle: Handle) -> list[Break]:
    """Before data or attributes of an open file change by one of its handles."""
    entry, lessee = handle.entry, handle.lessee
    breaks = of_file(state, lessee, entry.identity, LEASE_R | LEASE_W)
    if state.leases.others_know_folders(lessee):
        breaks += of_attributes(state, lessee, entry.share, handle.path, handle.file)
    return breaks


def of_attributes(
    state: State, lessee: str, share: str, path: str | None, file: StoreFile
) -> list[Break]:
    """Before the attributes of a file change that is known by `path`."""
    if not state.leases.others_know_folders(lessee) or file.info().links != 1:
        return []
    return of_entry(state, lessee, share, path, file.identity)


def of_entry(
    state: State, lessee: str, share: str, path: str | None, identity: Identity
) -> list[Break]:
    """Before what a folder tells of a file in it is wrong."""
    if not state.leases.others_know_folders(lessee):
        return []
    numbers = _folder(state.stores[share], path, identity)
    return [(lease, LEASE_R) for lease in state.leases.folders(lessee, numbers)]


def of_names(state: State, lessee: str, share: str, *paths: str) -> list[Break]:
    """Before names are made or removed; their folders' own attributes change with that."""
    if not state.leases.others_know_folders(lessee):
        return []
    found = [_naming(state.stores[share], path) for path in paths]
    known = [one for one in found if one is not None]
    numbers = set[int]().union(*known) if len(known) == len(found) else None
    return [(lease, LEASE_R) for lease in state.leases.folders(lessee, numbers)]


def of_removal(state: State, lessee: str, identity: Identity) -> list[Break]:
    """Before a name of a file changes or goes: nothing of it may be kept."""
    return of_file(state, lessee, identity, LEASE_RWH)


def of_telling(state: State, lessee: str, number: int) -> list[Break]:
    """Before the attributes of the file of that number are told."""
    if not state.leases.others_write_unseen(lessee):
        return []
    return [(lease, LEASE_W) for lease in state.leases.unseen(lessee, (number,))]


def _folder(store: Store, path: str | None, identity: Identity) -> set[int] | None:
    """Return the number of the folder a file is in; None if that is not certain."""
    if path == "":
        return set()
    try:
        if path is None or store.identify(path)[0] != identity:
            return None
        return {store.info(_above(path)).file_id}
    except Refused:
        return None


def _naming(store: Store, path: str) -> set[int] | None:
    """Return the numbers of the folders that tell of a name, or of what changes with it.

    None if that is not certain. Where there is no folder nothing will change.
    """
    above = _above(path)
    try:
        folder = store.info(above)
        if folder.links != 1 or not above:
            return {folder.file_id}
        if store.identify(above)[1] == "symlink":
            return None
        return {folder.file_id, store.info(_above(above)).file_id}
    except Refused:
        return set()


def _above(path: str) -> str:
    return path.rpartition("/")[0]
