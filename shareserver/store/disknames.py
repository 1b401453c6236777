"""What a store on the disk does with names; `disk` opens what they lead to.

Whatever changes a name goes to the folder the name is in, beneath the root, and uses one
component there.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import INT_MAX, FileInfo, VolumeFound, checked_target, components
from shareserver.store.beneath import FOLDER, Opener, best
from shareserver.store.diskfile import described, identified
from shareserver.store.errnos import ON_THE_WAY, WORLD, parent_refusal, refusal
from shareserver.store.renaming import rename_to_free_name


class DiskNames:
    """The names beneath the folder `root`; `beneath` is chosen by what the kernel can do."""

    def __init__(self, root: str, beneath: Opener | None = None) -> None:
        """Open `root`; raises Refused if it is not a folder one may enter."""
        with refusing(root):
            self._root = os.open(root, FOLDER)
        self._beneath = beneath or best(self._root)

    def identify(self, path: str) -> tuple[tuple[int, int], str]:
        """Look at the name itself, in the folder it is in."""
        if not path:
            with refusing(path):
                return identified(os.fstat(self._root))
        with self._folder_of(path) as (folder, name):
            return identified(os.stat(name, dir_fd=folder, follow_symlinks=False))

    def rename(self, path: str, target: str, *, replace: bool) -> None:
        """Give the file or folder at `path` the name `target`."""
        with self._folder_of(path) as (old, name), self._folder_of(target) as (new, new_name):
            try:
                if replace:
                    os.rename(name, new_name, src_dir_fd=old, dst_dir_fd=new)
                else:
                    rename_to_free_name(old, name, new, new_name)
            except OSError as error:
                about = path if error.errno == errno.ENOENT else target
                raise refusal(error, about) from error

    def unlink(self, path: str) -> None:
        """Remove the file or symlink at `path`."""
        with self._folder_of(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def link(self, path: str, target: str) -> FileInfo:
        """Make a hard link."""
        with self._folder_of(path) as (old, name), self._folder_of(target) as (new, new_name):
            try:
                found = os.stat(name, dir_fd=old, follow_symlinks=False)
                if identified(found)[1] == "directory":
                    raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
                os.link(name, new_name, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)
            except OSError as error:
                about = path if error.errno == errno.ENOENT else target
                raise refusal(error, about) from error
            return described(os.stat(new_name, dir_fd=new, follow_symlinks=False))

    def symlink(self, path: str, target: str) -> FileInfo:
        """Make a symbolic link."""
        checked_target(path, target)
        with self._folder_of(path) as (folder, name):
            os.symlink(target.encode(), name, dir_fd=folder)
            return described(os.stat(name, dir_fd=folder, follow_symlinks=False))

    def read_link(self, path: str) -> str:
        """Read a symbolic link; one that is not UTF-8 cannot be told."""
        if self.identify(path)[1] != "symlink":
            raise Refused(Status.STATUS_NOT_A_REPARSE_POINT, path)
        with self._folder_of(path) as (folder, name):
            try:
                return os.readlink(name, dir_fd=folder).decode()
            except UnicodeDecodeError:
                raise Refused(Status.STATUS_OBJECT_NAME_INVALID, path) from None
            except OSError as error:  # another has the name by now
                if error.errno == errno.EINVAL:
                    raise Refused(Status.STATUS_NOT_A_REPARSE_POINT, path) from None
                raise

    def remove_directory(self, path: str) -> None:
        """Remove the empty folder at `path`."""
        with self._folder_of(path) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def volume(self) -> VolumeFound:
        """Ask the file system that the root is on."""
        with refusing(""):
            found = os.fstatvfs(self._root)
        return VolumeFound(
            total_bytes=min(found.f_blocks * found.f_frsize, INT_MAX),
            free_bytes=min(found.f_bavail * found.f_frsize, INT_MAX),
            files=min(found.f_files, INT_MAX),
            files_free=min(found.f_favail, INT_MAX),
            name_max=found.f_namemax,
        )

    def close(self) -> None:
        """Give the root back; no call may be under way."""
        root, self._root = self._root, -1
        if root >= 0:
            os.close(root)

    @contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[int, bytes]]:
        """Open the folder that holds `path`, name the last component, refuse what fails."""
        *way, name = components(path) or ("",)
        if not name:
            raise Refused(Status.STATUS_ACCESS_DENIED, path)
        try:
            folder = self._opened_way(way)
        except OSError as error:
            raise parent_refusal(error, path) from error
        try:
            with refusing(path):
                yield folder, name.encode()
        finally:
            if folder != self._root:
                os.close(folder)

    def _opened_way(self, way: list[str]) -> int:
        if not way:
            return self._root
        return self._beneath(self._root, "/".join(way).encode(), FOLDER, 0)

    def _refusal(self, error: OSError, path: str) -> Refused:
        """Tell a name that is not there from a folder on the way that is not."""
        if error.errno in ON_THE_WAY and path:
            with self._folder_of(path):  # refuses if it is the folder
                pass
        return refusal(error, path)


@contextmanager
def refusing(subject: str) -> Iterator[None]:
    """Turn what the world raises into a refusal about `subject`."""
    try:
        yield
    except WORLD as error:
        raise refusal(error, subject) from error
