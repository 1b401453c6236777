"""The only room that touches the disk: what a store is, and which paths it takes.

Two stores serve the interface alike, and one suite holds them to it: `disk.DiskStore` over a
real folder and `memory.MemoryStore` for simulation. Everything is synchronous. Whatever goes
wrong is a `Refused` with an NT status; a path never leads out of the share.
"""

from typing import Protocol

from redird.wire.errors import Refused
from redird.wire.messages import Entry, FileInfo, VolumeFound
from redird.wire.status import Status

__all__ = [
    "Entry",
    "FileInfo",
    "Store",
    "StoreFile",
    "VolumeFound",
    "checked_change",
    "checked_mode",
    "checked_target",
    "components",
]

NAME_BYTES_MAX = 255
PATH_BYTES_MAX = 4095
MODE_MAX = 0o7777
INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class StoreFile(Protocol):
    """One open file or folder. Calls may come from several threads at once.

    A close waits for nobody: calls under way end as if it came after them, later ones are
    refused with STATUS_FILE_CLOSED. Data calls on a folder are STATUS_FILE_IS_A_DIRECTORY, on
    a symlink, or on what was only looked at, STATUS_ACCESS_DENIED.
    """

    identity: tuple[int, int]  # equal exactly for the same file: (device, inode)
    is_directory: bool
    followed: bool  # symlinks led here, which may lead elsewhere later

    def read_now(self, offset: int, length: int) -> bytes | None:
        """Read as `read` does if that needs no wait for the disk, else return None."""

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end of the file, b"" at or past it."""

    def write(self, offset: int, data: bytes) -> int:
        """Write all of `data`, or be refused, when a first part of it may have been written."""

    def append(self, data: bytes) -> int:
        """Write all of `data` in one piece at the end and return the offset it went to."""

    def flush(self) -> None:
        """Bring data and metadata to the disk."""

    def info(self) -> FileInfo:
        """Say what is known of the file now; what is neither folder nor symlink is a file."""

    def set_info(
        self,
        *,
        size: int | None = None,
        mode: int | None = None,
        mtime_ns: int | None = None,
        atime_ns: int | None = None,
    ) -> None:
        """Change what is not None; a size needs a file opened writable, the rest does not.

        A symlink has no mode of its own: STATUS_NOT_SUPPORTED.
        """

    def xattr(self, name: str) -> bytes:
        """Return an extended attribute; STATUS_NONEXISTENT_EA_ENTRY if there is none.

        Only those of the namespace `user.` are there for anybody.
        """

    def xattrs(self) -> list[str]:
        """Return the names of the extended attributes, sorted."""

    def set_xattr(self, name: str, value: bytes, must: str) -> None:
        """Set one; `must` is "create", "replace" or ""."""

    def remove_xattr(self, name: str) -> None:
        """Remove one."""

    def allocate(self, how: int, offset: int, length: int) -> None:
        """Do as fallocate(2) with `wire.files.ALLOCATE_...`."""

    def seek(self, offset: int, hole: bool) -> int:
        """Return where the next data or hole is; the end of a file counts as a hole.

        STATUS_END_OF_FILE: `offset` is past the end, or only a hole follows.
        """

    def copy_from(
        self, source: "StoreFile", source_offset: int, offset: int, length: int
    ) -> int:
        """Copy from another open file; returns how much, at most `parts.COPY_BYTES_MAX`.

        Ranges of one file must not overlap.
        """

    def entries(self) -> list[Entry]:
        """List a folder, sorted by name, symlinks as themselves.

        Names that are not UTF-8 cannot be asked for and are left out.
        """

    def names(self) -> list[str]:
        """List a folder as `entries` does, but nothing but names."""

    def close(self) -> None:
        """Give the file back; the second time nothing happens. Never refused."""


class Store(Protocol):
    """A tree of files; every path is relative to its root, which is the empty path.

    Symlinks are followed as long as they stay beneath the root; one that leaves it is refused
    with STATUS_ACCESS_DENIED, and so is the opening of FIFOs, devices and sockets.
    """

    def open(
        self,
        path: str,
        *,
        writable: bool,
        create: str,
        directory: bool | None,
        mode: int | None = None,
        follow: bool = True,
    ) -> tuple[StoreFile, bool]:
        """Return the open file and whether it was made by this call. Never truncates.

        `create` is "never", "may" or "must". `directory` True: a folder is wanted or made;
        False: no folder; None: either, but a file is made. What is made has exactly `mode`, or
        a usual one. `writable` says nothing about a folder. Without `follow` a symlink at
        `path` is opened itself.
        """

    def look(self, path: str, *, follow: bool = True) -> StoreFile:
        """Return what is at `path` only to be told about and changed in its attributes.

        Nobody needs to be allowed to read it for that.
        """

    def info(self, path: str, *, follow: bool = True) -> FileInfo:
        """Say what is known of the file at `path`; `follow`: of the one a symlink leads to."""

    def identify(self, path: str) -> tuple[tuple[int, int], str]:
        """Return the identity and the kind of what has this very name, be it a symlink."""

    def rename(self, path: str, target: str, *, replace: bool) -> None:
        """Give a file or folder a new name; without `replace` the new name must be free."""

    def unlink(self, path: str) -> None:
        """Remove a file, or a symlink itself."""

    def link(self, path: str, target: str) -> FileInfo:
        """Give a file, or a symlink itself, a second name, which must be free."""

    def symlink(self, path: str, target: str) -> FileInfo:
        """Make a symlink that says `target`, wherever that leads; returns its own info."""

    def read_link(self, path: str) -> str:
        """Return what a symlink says; STATUS_NOT_A_REPARSE_POINT if it is none."""

    def make_directory(self, path: str, mode: int | None = None) -> FileInfo:
        """Make a folder with exactly `mode`, or a usual one, in one that must be there."""

    def remove_directory(self, path: str) -> None:
        """Remove an empty folder."""

    def volume(self) -> VolumeFound:
        """Say how large and how full the disk is."""

    def close(self) -> None:
        """Give the root back; open files stay open."""


def components(path: str) -> tuple[str, ...]:
    """Split `path`, refusing every one that is not plainly beneath the root."""
    if not path:
        return ()
    if len(path) > PATH_BYTES_MAX:
        raise Refused(Status.STATUS_NAME_TOO_LONG, ascii(path[:32]) + "...")
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise Refused(Status.STATUS_OBJECT_NAME_INVALID, ascii(path)) from None
    if "\0" in path:
        raise Refused(Status.STATUS_OBJECT_NAME_INVALID, path)
    names = tuple(path.split("/"))
    if "" in names or "." in names or ".." in names:
        raise Refused(Status.STATUS_OBJECT_PATH_SYNTAX_BAD, path)
    if len(encoded) > NAME_BYTES_MAX and not _fits(encoded):
        raise Refused(Status.STATUS_NAME_TOO_LONG, path)
    return names


def checked_target(path: str, target: str) -> None:
    """Refuse what no symlink can say."""
    try:
        size = len(target.encode())
    except UnicodeEncodeError:
        size = 0
    if not size or "\0" in target:
        raise Refused(Status.STATUS_OBJECT_NAME_INVALID, path)
    if size > PATH_BYTES_MAX:
        raise Refused(Status.STATUS_NAME_TOO_LONG, path)


def _fits(path: bytes) -> bool:
    longest = max(len(name) for name in path.split(b"/"))
    return len(path) <= PATH_BYTES_MAX and longest <= NAME_BYTES_MAX


def checked_mode(path: str, mode: int | None) -> None:
    """Refuse a mode that no file could have."""
    if mode is not None and not 0 <= mode <= MODE_MAX:
        raise Refused(Status.STATUS_INVALID_PARAMETER, path)


def checked_change(
    subject: str, size: int | None, mode: int | None, mtime_ns: int | None, atime_ns: int | None
) -> None:
    """Refuse what no file could have, before a change is made by half."""
    sound = (
        (size is None or 0 <= size <= INT_MAX)
        and (mode is None or 0 <= mode <= MODE_MAX)
        and (mtime_ns is None or INT_MIN <= mtime_ns <= INT_MAX)
        and (atime_ns is None or INT_MIN <= atime_ns <= INT_MAX)
    )
    if not sound:
        raise Refused(Status.STATUS_INVALID_PARAMETER, subject)
