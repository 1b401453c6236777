"""A store over a real folder of this host.

Every path is opened beneath the root by an opener from `beneath`. An existing file costs one
open and one fstat; the ways that can fail are told apart only once one has failed.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import FileInfo, checked_mode, components
from shareserver.store.barefile import BareFile
from shareserver.store.diskfile import DiskFile, described
from shareserver.store.disknames import DiskNames
from shareserver.store.errnos import refusal

# O_NONBLOCK so that no FIFO or device makes an open wait; it says nothing about files.
_ALWAYS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | getattr(os, "O_LARGEFILE", 0)
_READABLE = os.O_RDONLY | _ALWAYS
_WRITABLE = os.O_RDWR | _ALWAYS
_LISTABLE = os.O_RDONLY | os.O_DIRECTORY | _ALWAYS
_LOOKED_AT = os.O_PATH | os.O_CLOEXEC
_TRIES_MAX = 16
_SERVED_KINDS = (stat.S_IFREG, stat.S_IFDIR)
_LOOKED_AT_KINDS = (*_SERVED_KINDS, stat.S_IFLNK)


class DiskStore(DiskNames):
    """A Store over a folder."""

    def open(
        self,
        path: str,
        *,
        writable: bool,
        create: str,
        directory: bool | None,
        mode: int | None = None,
        follow: bool = True,
    ) -> tuple[DiskFile, bool]:
        """Open the file or folder at `path`, or make it; without `mode` the umask applies."""
        components(path)
        if create == "never":
            return self._existing(path, writable, directory, follow), False
        checked_mode(path, mode)
        if create == "must":
            return self._made(path, writable, directory, mode), True
        # The kernel's own "open or make" does not say which it did, so it is asked in turns.
        for _ in range(_TRIES_MAX):
            with _unless(Status.STATUS_OBJECT_NAME_NOT_FOUND):
                return self._existing(path, writable, directory, follow), False
            with _unless(Status.STATUS_OBJECT_NAME_COLLISION):
                return self._made(path, writable, directory, mode), True
        # There and not there all the time: a symlink to nothing.
        raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)

    def look(self, path: str, *, follow: bool = True) -> BareFile:
        """Open what is at `path` for its attributes."""
        components(path)
        descriptor = self._looked_at(path, follow)
        return BareFile(descriptor, _checked(descriptor, path, _LOOKED_AT_KINDS), path, False)

    def info(self, path: str, *, follow: bool = True) -> FileInfo:
        """Say what is known of the file at `path`."""
        components(path)
        descriptor = self._looked_at(path, follow)
        try:
            return described(os.fstat(descriptor))
        except OSError as error:
            raise refusal(error, path) from error
        finally:
            os.close(descriptor)

    def _looked_at(self, path: str, follow: bool) -> int:
        flags = _LOOKED_AT if follow else _LOOKED_AT | os.O_NOFOLLOW
        try:
            return self._beneath(self._root, _encoded(path), flags, 0)
        except OSError as error:
            raise self._refusal(error, path) from error

    def make_directory(self, path: str, mode: int | None = None) -> FileInfo:
        """Make a folder."""
        checked_mode(path, mode)
        made = self._made_directory(path, mode)
        try:
            return made.info()
        finally:
            made.close()

    def _existing(
        self, path: str, writable: bool, directory: bool | None, follow: bool = True
    ) -> DiskFile:
        flags = _LISTABLE if directory else _WRITABLE if writable else _READABLE
        flags |= 0 if follow else os.O_NOFOLLOW
        try:
            descriptor, followed = self._reached(path, flags)
        except OSError as error:
            if error.errno == errno.EISDIR and directory is None:
                return self._existing(path, writable, True, follow)
            if error.errno == errno.ELOOP and not follow:
                return self._symlink(path)
            raise self._refusal(error, path) from error
        return _accepted(descriptor, path, writable, directory, followed)

    def _reached(self, path: str, flags: int, mode: int = 0) -> tuple[int, bool]:
        """Open, and say whether symlinks had to be followed."""
        try:
            return self._beneath(self._root, _encoded(path), flags, mode, plain=True), False
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        return self._beneath(self._root, _encoded(path), flags, mode), True

    def _symlink(self, path: str) -> BareFile:
        try:
            descriptor, followed = self._reached(path, _LOOKED_AT | os.O_NOFOLLOW)
        except OSError as error:
            raise self._refusal(error, path) from error
        found = _checked(descriptor, path, (stat.S_IFLNK,))
        file = BareFile(descriptor, found, path, False)
        file.followed = followed
        return file

    def _made(
        self, path: str, writable: bool, directory: bool | None, mode: int | None
    ) -> DiskFile:
        if directory:
            return self._made_directory(path, mode)
        if not path:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)
        flags = (_WRITABLE if writable else _READABLE) | os.O_CREAT | os.O_EXCL
        try:
            descriptor, followed = self._reached(path, flags, 0o644 if mode is None else mode)
        except OSError as error:
            raise self._refusal(error, path) from error
        return _with_mode(_accepted(descriptor, path, writable, directory, followed), mode)

    def _made_directory(self, path: str, mode: int | None) -> DiskFile:
        if not path:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, path)
        with self._folder_of(path) as (folder, name):
            os.mkdir(name, 0o755 if mode is None else mode | 0o700, dir_fd=folder)
        try:
            return _with_mode(self._existing(path, False, True), mode)
        except Refused:
            with suppress(Refused):
                self.remove_directory(path)
            raise


def _encoded(path: str) -> bytes:
    return path.encode() or b"."


def _accepted(
    descriptor: int, path: str, writable: bool, directory: bool | None, followed: bool
) -> DiskFile:
    """Return the open file unless it is of a kind not asked for or not served."""
    found = _checked(descriptor, path, _SERVED_KINDS)
    if directory is False and stat.S_ISDIR(found.st_mode):
        os.close(descriptor)
        raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, path)
    file = DiskFile(descriptor, found, path, writable)
    file.followed = followed
    return file


def _checked(descriptor: int, path: str, kinds: tuple[int, ...]) -> os.stat_result:
    """Return what is known of an open file, or close it if it is of none of `kinds`."""
    try:
        found = os.fstat(descriptor)
        if stat.S_IFMT(found.st_mode) not in kinds:
            raise Refused(Status.STATUS_ACCESS_DENIED, path)
    except Refused:
        os.close(descriptor)
        raise
    except OSError as error:
        os.close(descriptor)
        raise refusal(error, path) from error
    return found


def _with_mode(file: DiskFile, mode: int | None) -> DiskFile:
    """Give a new file its exact mode, whatever the umask."""
    if mode is not None:
        try:
            file.set_info(mode=mode)
        except Refused:
            file.close()
            raise
    return file


@contextmanager
def _unless(status: Status) -> Iterator[None]:
    """Go on after a refusal with `status`."""
    try:
        yield
    except Refused as refused:
        if refused.status is not status:
            raise
