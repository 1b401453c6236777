"""What is done with parts of an open file on the disk: extended attributes and extents."""

import ctypes
import errno
import os
from threading import Lock

from redird.wire import files as f
from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import StoreFile
from shareserver.store.descriptor import Descriptor
from shareserver.store.parts import (
    COPY_BYTES_MAX,
    XATTR_PREFIX,
    checked_allocation,
    checked_copy,
    checked_xattr,
    copied_by_hand,
)

_MUST = {"": 0, "create": os.XATTR_CREATE, "replace": os.XATTR_REPLACE}
_NO_COPYING = (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_libc = ctypes.CDLL(None, use_errno=True)
_fallocate = getattr(_libc, "fallocate64", None) or _libc.fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class DiskParts:
    """The half of `diskfile.DiskFile` that is about parts."""

    __slots__ = ()
    identity: tuple[int, int]
    _held: Descriptor
    _position: Lock
    _subject: str

    def _refuse_folder(self) -> None:
        raise NotImplementedError

    def _refuse_unless_writable(self) -> None:
        raise NotImplementedError

    def _way(self, descriptor: int) -> int | str:
        return descriptor

    # --- extended attributes ---

    def xattr(self, name: str) -> bytes:
        """Read one."""
        with self._held as descriptor:
            if not name.startswith(XATTR_PREFIX):
                raise Refused(Status.STATUS_NONEXISTENT_EA_ENTRY, self._subject)
            return os.getxattr(self._way(descriptor), name)

    def xattrs(self) -> list[str]:
        """List the names of those that are for users."""
        with self._held as descriptor:
            names = os.listxattr(self._way(descriptor))
        return sorted(name for name in names if name.startswith(XATTR_PREFIX) and is_utf8(name))

    def set_xattr(self, name: str, value: bytes, must: str) -> None:
        """Set one."""
        with self._held as descriptor:
            checked_xattr(name, value, must)
            os.setxattr(self._way(descriptor), name, value, _MUST[must])

    def remove_xattr(self, name: str) -> None:
        """Remove one."""
        with self._held as descriptor:
            checked_xattr(name)
            os.removexattr(self._way(descriptor), name)

    # --- extents ---

    def allocate(self, how: int, offset: int, length: int) -> None:
        """Do as fallocate(2); a range is zeroed though the file system knows no way."""
        with self._held as descriptor:
            self._refuse_unless_writable()
            checked_allocation(self._subject, how, offset, length)
            try:
                _allocate(descriptor, how, offset, length)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP or not how & f.ALLOCATE_ZERO_RANGE:
                    raise
                punch = f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_KEEP_SIZE
                _allocate(descriptor, punch, offset, length)
                _allocate(descriptor, how & f.ALLOCATE_KEEP_SIZE, offset, length)

    def seek(self, offset: int, hole: bool) -> int:
        """Find the next data or hole."""
        with self._held as descriptor, self._position:
            self._refuse_folder()
            if offset < 0:
                raise Refused(Status.STATUS_INVALID_PARAMETER, self._subject)
            try:
                return os.lseek(descriptor, offset, os.SEEK_HOLE if hole else os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    raise Refused(Status.STATUS_END_OF_FILE, self._subject) from None
                raise

    def copy_from(self, source: StoreFile, source_offset: int, offset: int, length: int) -> int:
        """Let the kernel copy, which may share the blocks; else do it by hand."""
        with self._held as descriptor:
            self._refuse_unless_writable()
            same = source.identity == self.identity
            checked_copy(self._subject, source_offset, offset, length, same=same)
            length = min(length, COPY_BYTES_MAX)
            if isinstance(source, DiskParts):
                with source._held as from_descriptor:
                    source._refuse_folder()
                    try:
                        return _copy(from_descriptor, source_offset, descriptor, offset, length)
                    except OSError as error:
                        if error.errno not in _NO_COPYING:
                            raise
            return copied_by_hand(source, source_offset, self, offset, length)

    def write(self, offset: int, data: bytes) -> int:
        """Write all of `data` at `offset`."""
        raise NotImplementedError


def is_utf8(name: str) -> bool:
    """Whether a name of the disk can be told on the wire."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _allocate(descriptor: int, how: int, offset: int, length: int) -> None:
    while _fallocate(descriptor, how, offset, length):
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def _copy(source: int, source_offset: int, target: int, offset: int, length: int) -> int:
    done = 0
    while done < length:
        count = os.copy_file_range(
            source, target, length - done, source_offset + done, offset + done
        )
        if not count:
            break
        done += count
    return done
