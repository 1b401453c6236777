"""What was asked once and never answered as the server died: was it done?

How things are is noted before they are changed. Asked again after a restart, what is done
already counts as done: the name that was to go is gone, the folder that was to be made is
there, the bytes are where the end of the file was. Otherwise it is served anew.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import Message
from shareserver.service import casing
from shareserver.state import Peer, State
from shareserver.store import Store

Answer = Message | Awaitable[Message]
Facts = dict[str, Any]
_ANEW = (m.SetInfo, m.Allocate, m.CopyRange)  # it cannot be seen whether they were done
_MAKES = (f.FILE_CREATE, f.FILE_OPEN_IF, f.FILE_OVERWRITE_IF, f.FILE_SUPERSEDE)


def facts(state: State, peer: Peer, part: Any) -> Facts:
    """Say how things are that a request is about to change."""
    part = _spelled(state, peer, part)
    store = state.stores[state.tree(peer, part.tree).share]
    if isinstance(part, m.Write):
        return {"size": state.handle(peer, part.tree, part.handle).file.info().size}
    if isinstance(part, m.SetXattr | m.RemoveXattr):
        return {"value": _xattr(state, peer, store, part)}
    if isinstance(part, _ANEW):
        return {}
    found: Facts = {"path": _identity(store, part.path)}
    if isinstance(part, m.Rename | m.Link):
        found["target"] = _identity(store, part.target)
    return found


def serve(
    serve: Callable[[Message], Answer], state: State, peer: Peer, part: Any, *, before: Facts
) -> Answer:
    """Answer a request that was begun before: as done if it is, else by serving it."""
    spelled = _spelled(state, peer, part)
    store = state.stores[state.tree(peer, part.tree).share]
    if isinstance(part, m.Create):
        return _create(serve, store, spelled, before)
    if isinstance(part, m.Write):
        return _append(state, peer, part, before) or serve(part)
    if isinstance(part, _ANEW):
        return serve(part)
    if isinstance(part, m.SetXattr | m.RemoveXattr):
        done = _xattr_done(state, peer, store, spelled, before)
    else:
        done = _NAMES[type(part)](store, spelled, before)
    return done or serve(part)


def _spelled(state: State, peer: Peer, part: Any) -> Any:
    return casing.as_named(state, peer, part) if type(part) in casing.PATHS else part


def _identity(store: Store, path: str) -> list[int] | None:
    """Return what has this name; as it is read from a journal again."""
    try:
        return list(store.identify(path)[0])
    except Refused:
        return None


# --- names ------------------------------------------------------------------------------------


def _is_gone(store: Store, path: str, before: Facts) -> bool:
    return before["path"] is not None and _identity(store, path) != before["path"]


def _unlinked(store: Store, part: m.Unlink, before: Facts) -> Message | None:
    return m.Unlinked() if _is_gone(store, part.path, before) else None


def _removed(store: Store, part: m.RemoveDirectory, before: Facts) -> Message | None:
    return m.DirectoryRemoved() if _is_gone(store, part.path, before) else None


def _renamed(store: Store, part: m.Rename, before: Facts) -> Message | None:
    target = _identity(store, part.target)
    moved = target is not None and target != before["target"]
    return m.Renamed() if moved and _is_gone(store, part.path, before) else None


def _linked(store: Store, part: m.Link, before: Facts) -> Message | None:
    target = _identity(store, part.target)
    if before["target"] is not None or target is None or target != before["path"]:
        return None
    return m.Linked(store.info(part.target, follow=False))


def _symlinked(store: Store, part: m.Symlink, before: Facts) -> Message | None:
    if before["path"] is not None or _kind(store, part.path) != "symlink":
        return None
    if store.read_link(part.path) != part.target:
        return None
    return m.Symlinked(store.info(part.path, follow=False))


def _made(store: Store, part: m.MakeDirectory, before: Facts) -> Message | None:
    if before["path"] is not None or _kind(store, part.path) != "directory":
        return None
    return m.DirectoryMade(store.info(part.path, follow=False))


def _kind(store: Store, path: str) -> str:
    try:
        return store.identify(path)[1]
    except Refused:
        return ""


_NAMES: dict[type[Message], Callable[[Store, Any, Facts], Message | None]] = {
    m.Unlink: _unlinked,
    m.RemoveDirectory: _removed,
    m.Rename: _renamed,
    m.Link: _linked,
    m.Symlink: _symlinked,
    m.MakeDirectory: _made,
}


# --- files ------------------------------------------------------------------------------------


def _create(
    serve: Callable[[Message], Answer], store: Store, part: m.Create, before: Facts
) -> Answer:
    """Nobody ever heard of its handle, so it is opened anew; what it made it has made."""
    now = _identity(store, part.path)
    if before["path"] is None and now is not None and part.disposition in _MAKES:
        return _opened(serve, part, f.CREATED)
    if before["path"] == now is not None and _is_emptied(store, part):
        superseded = part.disposition == f.FILE_SUPERSEDE
        return _opened(serve, part, f.SUPERSEDED if superseded else f.OVERWRITTEN)
    return serve(part)


def _is_emptied(store: Store, part: m.Create) -> bool:
    overwrites = part.disposition not in f.KEEPS_CONTENT and part.disposition != f.FILE_CREATE
    return overwrites and store.info(part.path).size == 0


async def _opened(serve: Callable[[Message], Answer], part: m.Create, action: int) -> Message:
    answer = serve(replace(part, disposition=f.FILE_OPEN))
    reply = answer if isinstance(answer, Message) else await answer
    return replace(cast(m.Created, reply), action=action)


def _append(state: State, peer: Peer, part: m.Write, before: Facts) -> Message | None:
    """A write that was cut short by the end of the server is finished."""
    file, start = state.handle(peer, part.tree, part.handle).file, before["size"]
    there = file.read(start, len(part.data))
    if part.offset != m.APPEND or not there or not part.data.startswith(there):
        return None
    if len(there) < len(part.data):
        file.append(part.data[len(there) :])
    return m.DataWritten(len(part.data), start, file.info())


def _xattr(state: State, peer: Peer, store: Store, part: Any) -> str | None:
    """Return an attribute's value in hex, None if there is none."""
    try:
        if isinstance(part.target, int):
            return state.handle(peer, part.tree, part.target).file.xattr(part.name).hex()
        file = store.look(part.target, follow=False)
    except Refused:
        return None
    try:
        return file.xattr(part.name).hex()
    except Refused:
        return None
    finally:
        file.close()


def _xattr_done(
    state: State, peer: Peer, store: Store, part: Any, before: Facts
) -> Message | None:
    wanted = part.value.hex() if isinstance(part, m.SetXattr) else None
    if _xattr(state, peer, store, part) != wanted or before["value"] == wanted:
        return None
    return m.XattrSet() if isinstance(part, m.SetXattr) else m.XattrRemoved()
