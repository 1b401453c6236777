"""A store in memory, for simulation: the same tree, the same refusals, no disk and no clock.

Numbers of files and times are deterministic, so that a run can be replayed. It has no symlinks
and asks nobody for permission; its size is bounded as a disk's is. One thread at a time.
"""

from collections.abc import Callable
from itertools import count

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import (
    NAME_BYTES_MAX,
    FileInfo,
    VolumeFound,
    checked_mode,
    components,
)
from shareserver.store.memoryfile import Disk, MemoryFile, Node


class MemoryStore:
    """A Store of at most `bytes_max` bytes in `files_max` files and folders.

    `clock` gives the time of each change; `device` tells the files of two stores apart.
    """

    def __init__(
        self,
        clock: Callable[[], int] | None = None,
        *,
        device: int = 0,
        bytes_max: int = 2**30,
        files_max: int = 2**20,
    ) -> None:
        """Make an empty tree; without a clock each change is a nanosecond later."""
        self._disk = Disk(clock or count(1).__next__, device, bytes_max, files_max)
        self._root = self._disk.node("", True, 0o755)
        self._closed = False

    def open(
        self,
        path: str,
        *,
        writable: bool,
        create: str,
        directory: bool | None,
        mode: int | None = None,
        follow: bool = True,
    ) -> tuple[MemoryFile, bool]:
        """Open the file or folder at `path`, or make it."""
        found = self._look_up(path)
        if found is not None and create == "must":
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)
        if found is None and create == "never":
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        if create != "never":
            checked_mode(path, mode)
        node = found or self._made(path, bool(directory), mode)
        if directory and not node.is_directory:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY, path)
        if directory is False and node.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
        return MemoryFile(self._disk, node, path, writable), found is None

    def look(self, path: str, *, follow: bool = True) -> MemoryFile:
        """Open what is at `path` for its attributes."""
        return MemoryFile(self._disk, self._found(path), path, False, bare=True)

    def info(self, path: str, *, follow: bool = True) -> FileInfo:
        """Say what is known of the file at `path`."""
        return self._found(path).info()

    def identify(self, path: str) -> tuple[tuple[int, int], str]:
        """Return the node's number on its device, and its kind."""
        node = self._found(path)
        return (self._disk.device, node.number), node.info().kind

    def rename(self, path: str, target: str, *, replace: bool) -> None:
        """Give the file or folder at `path` the name `target`."""
        old, name = self._folder_of(path)
        new, new_name = self._folder_of(target)
        node, there = self._found(path), new.children.get(new_name)
        if there is not None and not replace:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, target)
        if target.startswith(path + "/"):
            raise Refused(Status.STATUS_INVALID_PARAMETER, target)
        if there is node:
            return
        if there is not None:
            self._check_replaced(node, there, target, path.startswith(target + "/"))
            self._remove(new, new_name)
        del old.children[name]
        new.children[new_name] = node
        self._disk.changed(old, new)
        node.ctime_ns = new.ctime_ns

    def unlink(self, path: str) -> None:
        """Remove the file at `path`."""
        folder, name = self._folder_of(path)
        if self._found(path).is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
        self._remove(folder, name)

    def make_directory(self, path: str, mode: int | None = None) -> FileInfo:
        """Make a folder."""
        checked_mode(path, mode)
        if self._look_up(path) is not None:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)
        return self._made(path, True, mode).info()

    def remove_directory(self, path: str) -> None:
        """Remove the empty folder at `path`."""
        folder, name = self._folder_of(path)
        node = self._found(path)
        if not node.is_directory:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY, path)
        if node.children:
            raise Refused(Status.STATUS_DIRECTORY_NOT_EMPTY, path)
        self._remove(folder, name)

    def volume(self) -> VolumeFound:
        """Say what is used of the bounds."""
        self._require_open("")
        disk = self._disk
        return VolumeFound(
            total_bytes=disk.bytes_max,
            free_bytes=disk.bytes_max - disk.bytes,
            files=disk.files_max,
            files_free=disk.files_max - disk.files,
            name_max=NAME_BYTES_MAX,
        )

    def close(self) -> None:
        """Give the root back."""
        self._closed = True

    def _require_open(self, path: str) -> None:
        if self._closed:
            raise Refused(Status.STATUS_FILE_CLOSED, path)

    def _folder_of(self, path: str) -> tuple[Node, str]:
        names = components(path)
        if not names:
            raise Refused(Status.STATUS_ACCESS_DENIED, path)
        self._require_open(path)
        folder = self._root
        for name in names[:-1]:
            child = folder.children.get(name)
            if child is None or not child.is_directory:
                raise Refused(Status.STATUS_OBJECT_PATH_NOT_FOUND, path)
            folder = child
        return folder, names[-1]

    def _look_up(self, path: str) -> Node | None:
        if not path:
            self._require_open(path)
            return self._root
        folder, name = self._folder_of(path)
        return folder.children.get(name)

    def _found(self, path: str) -> Node:
        node = self._look_up(path)
        if node is None:
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        return node

    def _made(self, path: str, is_directory: bool, mode: int | None) -> Node:
        folder, name = self._folder_of(path)
        if mode is None:
            mode = 0o755 if is_directory else 0o644
        node = folder.children[name] = self._disk.node(path, is_directory, mode)
        self._disk.changed(folder)
        return node

    def _remove(self, folder: Node, name: str) -> None:
        node = folder.children.pop(name)
        node.links = 0
        self._disk.let_go(node)
        self._disk.changed(folder)

    def _check_replaced(self, node: Node, there: Node, target: str, holds_it: bool) -> None:
        if there.children and (holds_it or (node.is_directory and there.is_directory)):
            raise Refused(Status.STATUS_DIRECTORY_NOT_EMPTY, target)
        if node.is_directory and not there.is_directory:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY, target)
        if there.is_directory and not node.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, target)
