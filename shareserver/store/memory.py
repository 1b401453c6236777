"""A store in memory, for simulation: the same tree, the same refusals, no disk and no clock.

Numbers of files and times are deterministic, so that a run can be replayed. It asks nobody for
permission; its size is bounded as a disk's is. One thread at a time.
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
    checked_target,
    components,
)
from shareserver.store.memorydisk import Disk, Node
from shareserver.store.memoryfile import MemoryFile
from shareserver.store.memorywalk import ON_THE_WAY, Astray, walk


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
        components(path)
        if create != "never":
            checked_mode(path, mode)
        found, followed = None, False
        if create != "must":
            found, followed = self._reached(path, follow)
        if found is None and create == "never":
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        node = found or self._made(path, bool(directory), mode)
        if found is None:
            _, followed = self._reached(path, follow)
        if directory and not node.is_directory:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY, path)
        if directory is False and node.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
        file = MemoryFile(self._disk, node, path, writable)
        file.followed = followed
        return file, found is None

    def look(self, path: str, *, follow: bool = True) -> MemoryFile:
        """Open what is at `path` for its attributes."""
        return MemoryFile(self._disk, self._found(path, follow), path, False, bare=True)

    def info(self, path: str, *, follow: bool = True) -> FileInfo:
        """Say what is known of the file at `path`."""
        return self._found(path, follow).info()

    def identify(self, path: str) -> tuple[tuple[int, int], str]:
        """Return the node's number on its device, and its kind."""
        node = self._found(path, follow=False)
        return (self._disk.device, node.number), node.kind

    def rename(self, path: str, target: str, *, replace: bool) -> None:
        """Give the file or folder at `path` the name `target`."""
        (*above, old), name = self._way_of(path)
        (*around, new), new_name = self._way_of(target)
        node, there = self._found(path, follow=False), new.children.get(new_name)
        if there is not None and not replace:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, target)
        if node in (*around, new):
            raise Refused(Status.STATUS_INVALID_PARAMETER, target)
        if there is node:
            return
        if there is not None:
            self._check_replaced(node, there, target, there in (*above, old))
            self._remove(new, new_name)
        del old.children[name]
        new.children[new_name] = node
        self._disk.changed(old, new)
        node.ctime_ns = new.ctime_ns

    def unlink(self, path: str) -> None:
        """Remove the file at `path`."""
        folder, name = self._folder_of(path)
        if self._found(path, follow=False).is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
        self._remove(folder, name)

    def link(self, path: str, target: str) -> FileInfo:
        """Make a hard link."""
        self._folder_of(path)
        folder, name = self._folder_of(target)
        node = self._found(path, follow=False)
        if node.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
        if name in folder.children:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, target)
        folder.children[name] = node
        node.links += 1
        self._disk.changed(folder)
        node.ctime_ns = folder.ctime_ns
        return node.info()

    def symlink(self, path: str, target: str) -> FileInfo:
        """Make a symbolic link."""
        checked_target(path, target)
        self._folder_of(path)
        node = self._made(path, False, 0o777)
        node.target = target
        return node.info()

    def read_link(self, path: str) -> str:
        """Read a symbolic link."""
        target = self._found(path, follow=False).target
        if target is None:
            raise Refused(Status.STATUS_NOT_A_REPARSE_POINT, path)
        return target

    def make_directory(self, path: str, mode: int | None = None) -> FileInfo:
        """Make a folder."""
        checked_mode(path, mode)
        return self._made(path, True, mode).info()

    def remove_directory(self, path: str) -> None:
        """Remove the empty folder at `path`."""
        folder, name = self._folder_of(path)
        node = self._found(path, follow=False)
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
        way, name = self._way_of(path)
        return way[-1], name

    def _way_of(self, path: str) -> tuple[list[Node], str]:
        """Return the folders from the root to the one that holds `path`, and the last name."""
        *names, name = components(path) or ("",)
        if not name:
            raise Refused(Status.STATUS_ACCESS_DENIED, path)
        self._require_open(path)
        try:
            way, _ = walk(self._root, "/".join(names), follow=True)
        except Astray as astray:
            lost = astray.status in ON_THE_WAY
            status = Status.STATUS_OBJECT_PATH_NOT_FOUND if lost else astray.status
            raise Refused(status, path) from None
        if not way[-1].is_directory:
            raise Refused(Status.STATUS_OBJECT_PATH_NOT_FOUND, path)
        return way, name

    def _reached(self, path: str, follow: bool) -> tuple[Node | None, bool]:
        """Return what is at `path`, if anything, and whether symlinks were followed."""
        if path:
            self._way_of(path)
        self._require_open(path)
        try:
            way, followed = walk(self._root, path, follow)
        except Astray as astray:
            if astray.status is Status.STATUS_OBJECT_NAME_NOT_FOUND:
                return None, False
            raise Refused(astray.status, path) from None
        return way[-1], followed

    def _found(self, path: str, follow: bool) -> Node:
        components(path)
        node, _ = self._reached(path, follow)
        if node is None:
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        return node

    def _made(self, path: str, is_directory: bool, mode: int | None) -> Node:
        if not path:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)
        folder, name = self._folder_of(path)
        if name in folder.children:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)
        if mode is None:
            mode = 0o755 if is_directory else 0o644
        node = folder.children[name] = self._disk.node(path, is_directory, mode)
        self._disk.changed(folder)
        return node

    def _remove(self, folder: Node, name: str) -> None:
        node = folder.children.pop(name)
        node.links -= 1
        self._disk.let_go(node)
        self._disk.changed(folder)
        node.ctime_ns = folder.ctime_ns

    def _check_replaced(self, node: Node, there: Node, target: str, holds_it: bool) -> None:
        if there.children and (holds_it or (node.is_directory and there.is_directory)):
            raise Refused(Status.STATUS_DIRECTORY_NOT_EMPTY, target)
        if node.is_directory and not there.is_directory:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY, target)
        if there.is_directory and not node.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, target)
