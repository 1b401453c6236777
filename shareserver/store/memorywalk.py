"""How a path leads through a store in memory, symlinks included, as it does on a disk."""

from redird.wire.status import Status
from shareserver.store.memorydisk import Node

SYMLINKS_MAX = 40  # as many as Linux follows
ON_THE_WAY = (Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_NOT_A_DIRECTORY)


class Astray(Exception):
    """A path leads nowhere, or out from beneath the root."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


def walk(root: Node, path: str, follow: bool) -> tuple[list[Node], bool]:
    """Return the nodes from the root to what `path` leads to, and whether symlinks did.

    `follow`: what a symlink at the very end leads to, not itself. Raises Astray.
    """
    way, ahead, followed = [root], _names(path), 0
    while ahead:
        name = ahead.pop()
        if name in (".", ".."):
            _stay_or_go_up(way, name)
            continue
        child = _child(way[-1], name)
        if child.target is None or not (ahead or follow):
            way.append(child)
            continue
        followed += 1
        if followed > SYMLINKS_MAX or child.target.startswith("/"):
            raise Astray(Status.STATUS_ACCESS_DENIED)
        ahead += _names(child.target)
    return way, followed > 0


def _names(path: str) -> list[str]:
    """Return the names in reverse; "." only where it says that a folder is meant."""
    *names, last = path.split("/")
    kept = [name for name in names if name not in ("", ".")]
    if last in ("", ".") and path:
        kept.append(".")
    elif last:
        kept.append(last)
    return kept[::-1]


def _child(folder: Node, name: str) -> Node:
    if not folder.is_directory:
        raise Astray(Status.STATUS_NOT_A_DIRECTORY)
    child = folder.children.get(name)
    if child is None:
        raise Astray(Status.STATUS_OBJECT_NAME_NOT_FOUND)
    return child


def _stay_or_go_up(way: list[Node], name: str) -> None:
    if not way[-1].is_directory:
        raise Astray(Status.STATUS_NOT_A_DIRECTORY)
    if name == ".":
        return
    if len(way) == 1:
        raise Astray(Status.STATUS_ACCESS_DENIED)
    way.pop()
