"""One open file or folder on the disk."""

import errno
import os
import stat
from operator import attrgetter
from threading import Lock

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import INT_MAX, INT_MIN, MODE_MAX, Entry, FileInfo, checked_change
from shareserver.store.descriptor import Descriptor
from shareserver.store.diskparts import DiskParts, is_utf8

RWF_NOWAIT = getattr(os, "RWF_NOWAIT", 0)  # not every C library has it
_KINDS = {stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}


class DiskFile(DiskParts):
    """A StoreFile over a descriptor, which it owns from now on."""

    __slots__ = (
        "_held",
        "_nowait",
        "_position",
        "_subject",
        "_writable",
        "followed",
        "identity",
        "is_directory",
    )

    def __init__(
        self, descriptor: int, found: os.stat_result, subject: str, writable: bool
    ) -> None:
        self.identity, kind = identified(found)
        self.is_directory = kind == "directory"
        self.followed = False
        self._held = Descriptor(descriptor, subject)
        self._subject = subject
        self._writable = writable
        self._nowait = RWF_NOWAIT != 0
        self._position = Lock()  # the descriptor has one position; append and entries move it

    def read_now(self, offset: int, length: int) -> bytes | None:
        """Read what is in the page cache; None if some of it is not."""
        with self._held as descriptor:
            self._refuse_folder()
            if self._nowait:
                try:
                    return _read_cached(descriptor, offset, length)
                except OSError as error:
                    if error.errno == errno.EAGAIN:
                        return None
                    if error.errno != errno.EOPNOTSUPP:
                        raise
                    self._nowait = False
            return _read(descriptor, offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """Read, waiting for the disk if need be."""
        with self._held as descriptor:
            self._refuse_folder()
            return _read(descriptor, offset, length)

    def write(self, offset: int, data: bytes) -> int:
        """Write all of `data` at `offset`."""
        with self._held as descriptor:
            self._refuse_unless_writable()
            written = os.pwrite(descriptor, data, offset)
            while written < len(data):
                # Short: the next call either goes on or says why it cannot.
                written += os.pwrite(descriptor, data[written:], offset + written)
            return written

    def append(self, data: bytes) -> int:
        """Write all of `data` behind whatever anybody else has written."""
        with self._held as descriptor, self._position:
            self._refuse_unless_writable()
            if not data:
                return os.fstat(descriptor).st_size
            return _append(descriptor, data)

    def flush(self) -> None:
        """Wait until the disk has it."""
        with self._held as descriptor:
            os.fsync(descriptor)

    def info(self) -> FileInfo:
        """Ask the disk."""
        with self._held as descriptor:
            return described(os.fstat(descriptor))

    def set_info(
        self,
        *,
        size: int | None = None,
        mode: int | None = None,
        mtime_ns: int | None = None,
        atime_ns: int | None = None,
    ) -> None:
        """Change size, then mode, then times, so that a time given is the one that stays."""
        with self._held as descriptor:
            checked_change(self._subject, size, mode, mtime_ns, atime_ns)
            if size is not None:
                self._refuse_unless_writable()
                os.ftruncate(descriptor, size)
            change_attributes(descriptor, descriptor, mode, mtime_ns, atime_ns)

    def entries(self) -> list[Entry]:
        """List the folder."""
        with self._held as descriptor, self._position:
            if not self.is_directory:
                raise Refused(Status.STATUS_NOT_A_DIRECTORY, self._subject)
            with os.scandir(descriptor) as found:
                listed = [entry for each in found if (entry := _entry(each)) is not None]
        return sorted(listed, key=attrgetter("name"))

    def names(self) -> list[str]:
        """List the folder's names."""
        with self._held as descriptor, self._position:
            if not self.is_directory:
                raise Refused(Status.STATUS_NOT_A_DIRECTORY, self._subject)
            return sorted(name for name in os.listdir(descriptor) if is_utf8(name))

    def close(self) -> None:
        """Close it once nobody uses it."""
        self._held.close()

    def _refuse_folder(self) -> None:
        if self.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, self._subject)

    def _refuse_unless_writable(self) -> None:
        self._refuse_folder()
        if not self._writable:
            raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)


def identified(found: os.stat_result) -> tuple[tuple[int, int], str]:
    """Return the identity and the kind of what a stat found."""
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "file")
    return (found.st_dev, found.st_ino), kind


def described(found: os.stat_result) -> FileInfo:
    """Return what a stat says, in the words of the wire."""
    identity, kind = identified(found)
    return FileInfo(
        identity[1] & INT_MAX,
        kind,
        found.st_size,
        found.st_nlink,
        found.st_mode & MODE_MAX,
        _time(found.st_mtime_ns),
        _time(found.st_atime_ns),
        _time(found.st_ctime_ns),
    )


def change_attributes(
    descriptor: int,
    way: int | str,
    mode: int | None,
    mtime_ns: int | None,
    atime_ns: int | None,
) -> None:
    """Change mode, then times, of an open file by a `way` to it that allows that."""
    if mode is not None:
        os.chmod(way, mode)
    if mtime_ns is not None or atime_ns is not None:
        now = os.fstat(descriptor)
        atime_ns = now.st_atime_ns if atime_ns is None else atime_ns
        mtime_ns = now.st_mtime_ns if mtime_ns is None else mtime_ns
        os.utime(way, ns=(atime_ns, mtime_ns))


def _time(ns: int) -> int:
    # Some file systems keep seconds in 64 bits.
    if INT_MIN <= ns <= INT_MAX:
        return ns
    return INT_MAX if ns > 0 else INT_MIN


def _entry(found: "os.DirEntry[str]") -> Entry | None:
    try:
        name = found.name if found.name.isascii() else os.fsencode(found.name).decode()
        return Entry(name, described(found.stat(follow_symlinks=False)))
    except (UnicodeDecodeError, FileNotFoundError):
        return None


def _read_cached(descriptor: int, offset: int, length: int) -> bytes:
    if offset < 0:
        raise ValueError("to preadv -1 means the descriptor's position")
    room = bytearray(length)
    done = count = os.preadv(descriptor, [room], offset, RWF_NOWAIT)
    while count and done < length:
        # Short: at the end of the file, or of what is cached; the next call says which.
        count = os.preadv(descriptor, [memoryview(room)[done:]], offset + done, RWF_NOWAIT)
        done += count
    return bytes(room if done == length else room[:done])


def _read(descriptor: int, offset: int, length: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    if not data or len(data) == length:
        return data
    parts, done = [data], len(data)
    while done < length and (data := os.pread(descriptor, length - done, offset + done)):
        parts.append(data)
        done += len(data)
    return b"".join(parts)


def _append(descriptor: int, data: bytes) -> int:
    count = os.pwritev(descriptor, [data], -1, os.RWF_APPEND)
    start = os.lseek(descriptor, 0, os.SEEK_CUR) - count
    while count < len(data):
        # Short: the next call says why; should it go on instead, nobody may have come between.
        count += os.pwritev(descriptor, [data[count:]], -1, os.RWF_APPEND)
        if os.lseek(descriptor, 0, os.SEEK_CUR) != start + count:
            raise OSError(errno.EIO, "an append was torn by another writer")
    return start
