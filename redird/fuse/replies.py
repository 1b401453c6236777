"""What the kernel is told: bytes by the layouts of linux/fuse.h. Durations in seconds."""

import math
import struct
from collections.abc import Iterable
from typing import NamedTuple

from redird.fuse import kernel
from redird.wire.messages import FileInfo, VolumeFound

NANO = 1_000_000_000
BLOCK_BYTES = 512  # what st_blocks counts
IO_BYTES = 64 * 1024  # st_blksize: how much a buffered program writes at once
VOLUME_BLOCK_BYTES = 4096
VALID_S_MAX = 10**9
KINDS = {"file": 0o100000, "directory": 0o040000, "symlink": 0o120000}

_HEADER = struct.Struct("=IiQ")
_ATTRIBUTES = struct.Struct("=QQQqqqIIIIIIIIII")
_ENTRY = struct.Struct("=QQQQII")
_ATTRIBUTES_VALID = struct.Struct("=QI4x")
_OPENED = struct.Struct("=QI4x")
_WRITTEN = struct.Struct("=I4x")
_VOLUME = struct.Struct("=QQQQQIII28x")
_LOCK = struct.Struct("=QQII")
_NUMBER = struct.Struct("=Q")
_DIRENT = struct.Struct("=QQII")
_INVAL_INODE = struct.Struct("=Qqq")
_INVAL_ENTRY = struct.Struct("=QII")
_DELETE = struct.Struct("=QQI4x")
_NO_ENTRY = bytes(_ENTRY.size + _ATTRIBUTES.size)


class Owner(NamedTuple):
    """Whose the files of a mount are."""

    uid: int
    gid: int


def answer(unique: int, payload: bytes) -> tuple[bytes, bytes]:
    """Return a reply in the two pieces to be written together."""
    return _HEADER.pack(_HEADER.size + len(payload), 0, unique), payload


def failure(unique: int, error: int) -> bytes:
    """Return the reply that refuses with an errno."""
    return _HEADER.pack(_HEADER.size, -error, unique)


def mode_of(info: FileInfo) -> int:
    """Return kind and permissions as st_mode has them."""
    return KINDS.get(info.kind, KINDS["file"]) | info.mode & 0o7777


def attributes(info: FileInfo, owner: Owner) -> bytes:
    """Return a file's attributes; `ino` is its number at the server."""
    atime_s, atime_ns = divmod(info.atime_ns, NANO)
    mtime_s, mtime_ns = divmod(info.mtime_ns, NANO)
    ctime_s, ctime_ns = divmod(info.ctime_ns, NANO)
    return _ATTRIBUTES.pack(
        info.file_id,
        info.size,
        -(-info.size // BLOCK_BYTES),
        atime_s,
        mtime_s,
        ctime_s,
        atime_ns,
        mtime_ns,
        ctime_ns,
        mode_of(info),
        info.links,
        owner.uid,
        owner.gid,
        0,
        IO_BYTES,
        0,
    )


def _valid(seconds: float) -> tuple[int, int]:
    fraction, whole = math.modf(min(seconds, VALID_S_MAX))
    return int(whole), int(fraction * NANO)


def attributes_found(valid_s: float, packed: bytes) -> bytes:
    """Return the answer to GETATTR and SETATTR; `packed` comes from `attributes`."""
    return _ATTRIBUTES_VALID.pack(*_valid(valid_s)) + packed


def entry(node: int, entry_valid_s: float, attr_valid_s: float, packed: bytes) -> bytes:
    """Return the answer to LOOKUP and to whatever makes a name."""
    (name_s, name_ns), (attr_s, attr_ns) = _valid(entry_valid_s), _valid(attr_valid_s)
    return _ENTRY.pack(node, 1, name_s, attr_s, name_ns, attr_ns) + packed


def no_entry(valid_s: float) -> bytes:
    """Return the answer to LOOKUP that the name is free, to be remembered for `valid_s`."""
    name_s, name_ns = _valid(valid_s)
    return _ENTRY.pack(0, 0, name_s, 0, name_ns, 0) + bytes(_ATTRIBUTES.size)


def opened(handle: int, how: int) -> bytes:
    """Return the answer to OPEN and OPENDIR; CREATE's is an entry before it."""
    return _OPENED.pack(handle, how)


def written(count: int) -> bytes:
    """Return the answer to WRITE and COPY_FILE_RANGE; for xattrs, how long a value is."""
    return _WRITTEN.pack(count)


def volume(found: VolumeFound) -> bytes:
    """Return the answer to STATFS."""
    blocks, free = (
        found.total_bytes // VOLUME_BLOCK_BYTES,
        found.free_bytes // VOLUME_BLOCK_BYTES,
    )
    size = VOLUME_BLOCK_BYTES
    files, files_free = found.files, found.files_free
    return _VOLUME.pack(blocks, free, free, files, files_free, size, found.name_max, size)


def lock(start: int, end: int, kind: int) -> bytes:
    """Return the answer to GETLK; whose process holds it is not known here."""
    return _LOCK.pack(start, end, kind, 0)


def offset(at: int) -> bytes:
    """Return the answer to LSEEK."""
    return _NUMBER.pack(at)


# --- listings ---------------------------------------------------------------------------------


class Listed(NamedTuple):
    """One line of a listing; `after` is the offset that goes on behind it.

    `entry` is its answer to LOOKUP, empty for the folder itself and the one above.
    """

    after: int
    file_id: int
    mode: int
    name: bytes
    entry: bytes = b""


def line_bytes(name: bytes, *, plus: bool) -> int:
    """How much room a line takes in a listing."""
    size = -(-(_DIRENT.size + len(name)) // 8) * 8
    return size + len(_NO_ENTRY) if plus else size


def listing(lines: Iterable[Listed], *, plus: bool) -> bytes:
    """Return the answer to READDIR, or to READDIRPLUS."""
    parts: list[bytes] = []
    for line in lines:
        if plus:
            parts.append(line.entry or _NO_ENTRY)
        name = line.name
        parts += (_DIRENT.pack(line.file_id, line.after, len(name), line.mode >> 12), name)
        parts.append(bytes(-len(name) % 8))
    return b"".join(parts)


# --- what the kernel is told unasked ----------------------------------------------------------


def _notification(code: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return _HEADER.pack(_HEADER.size + len(body), code, 0) + body


def forget_data(node: int) -> bytes:
    """Tell the kernel to drop what it remembers of a file: attributes and data."""
    return _notification(kernel.NOTIFY_INVAL_INODE, _INVAL_INODE.pack(node, 0, 0))


def forget_attributes(node: int) -> bytes:
    """Tell the kernel to drop a file's attributes and to keep its data."""
    return _notification(kernel.NOTIFY_INVAL_INODE, _INVAL_INODE.pack(node, -1, 0))


def forget_name(folder: int, name: bytes) -> bytes:
    """Tell the kernel to ask again for a name; who stands in a folder of that name stays."""
    head = _INVAL_ENTRY.pack(folder, len(name), kernel.EXPIRE_ONLY)
    return _notification(kernel.NOTIFY_INVAL_ENTRY, head, name, b"\0")


def forget_names() -> bytes:
    """Tell the kernel to ask again for every name. It takes no folder's lock for that."""
    return _notification(kernel.NOTIFY_INC_EPOCH)


def name_deleted(folder: int, node: int, name: bytes) -> bytes:
    """Tell the kernel that a name is gone, so that a mount or a watch on it ends."""
    head = _DELETE.pack(folder, node, len(name))
    return _notification(kernel.NOTIFY_DELETE, head, name, b"\0")
