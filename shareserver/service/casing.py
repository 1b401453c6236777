"""Names on a share that ignores case: as they are spelled on the disk, whoever asks how.

The name as given comes first; only where there is none are the folder's names looked through.
Of several that differ in case alone, the first in order is meant.
"""

from dataclasses import replace
from typing import Any

from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver.state import Peer, State
from shareserver.store import Store, components

PATHS: dict[type[Message], tuple[str, ...]] = {  # the fields that say a path
    m.Create: ("path",),
    m.Unlink: ("path",),
    m.Rename: ("path",),
    m.Link: ("path", "target"),
    m.Symlink: ("path",),
    m.ReadLink: ("path",),
    m.MakeDirectory: ("path",),
    m.RemoveDirectory: ("path",),
    m.QueryInfo: ("target",),
    m.SetInfo: ("target",),
    m.GetXattr: ("target",),
    m.ListXattrs: ("target",),
    m.SetXattr: ("target",),
    m.RemoveXattr: ("target",),
}
_MISSING = (Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_OBJECT_PATH_NOT_FOUND)


def as_named(state: State, peer: Peer, request: Any) -> Any:
    """Return the request with its paths spelled as on the disk, if its share ignores case."""
    use = state.tree(peer, request.tree)
    if not state.share_of(use).ignore_case:
        return request
    store = state.stores[use.share]
    given = {field: getattr(request, field) for field in PATHS[type(request)]}
    spelled = {
        field: actual(store, path) for field, path in given.items() if isinstance(path, str)
    }
    if isinstance(request, m.Rename):
        spelled["target"] = _new_name(store, spelled["path"], request.target)
    return replace(request, **spelled)


def actual(store: Store, path: str) -> str:
    """Return `path` as it is spelled on the disk, as far as it is there."""
    if _is_there(store, path):
        return path
    found = ""
    names = components(path)
    for at, name in enumerate(names):
        below = f"{found}/{name}" if found else name
        if not _is_there(store, below):
            spelled = _spelled(store, found, name)
            if spelled is None:
                return "/".join(([found] if found else []) + list(names[at:]))
            below = f"{found}/{spelled}" if found else spelled
        found = below
    return found


def _new_name(store: Store, path: str, target: str) -> str:
    """A target that is the very file is a change of its spelling."""
    spelled = actual(store, target)
    if spelled != path:
        return spelled
    folder, slash, _ = spelled.rpartition("/")
    return folder + slash + target.rpartition("/")[2]


def _is_there(store: Store, path: str) -> bool:
    try:
        store.identify(path)
    except Refused as no:
        return no.status not in _MISSING  # whatever else is wrong is said by who is asked
    return True


def _spelled(store: Store, folder: str, name: str) -> str | None:
    """Return the first name in a folder that differs from `name` in case only."""
    wanted = name.casefold()
    try:
        opened, _ = store.open(folder, writable=False, create="never", directory=True)
    except Refused:
        return None
    try:
        return next((one for one in opened.names() if one.casefold() == wanted), None)
    finally:
        opened.close()
