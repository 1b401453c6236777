"""What the kernel asks, from bytes to typed requests; layouts as in linux/fuse.h.

Numbers are in the host's byte order. A packet is a header, the fields of its opcode, and what
varies in length: names that end with a NUL, or data.
"""

import errno
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from redird.fuse.bodies import (
    Access,
    Allocate,
    BatchForget,
    CopyRange,
    Create,
    Flush,
    Forget,
    GetAttr,
    GetXattr,
    Init,
    Interrupt,
    Link,
    ListXattrs,
    Lock,
    MakeFolder,
    MakeNode,
    Name,
    Nothing,
    Open,
    Read,
    Release,
    Rename,
    Seek,
    SetAttr,
    SetXattr,
    Symlink,
    Sync,
    Write,
)
from redird.fuse.kernel import Opcode

_HEADER = struct.Struct("=IIQQIIIHxx")
_FORGET = struct.Struct("=QQ")


class Malformed(Exception):
    """A packet that is no request; `error` is the errno to answer `unique` with (0: nobody)."""

    def __init__(self, unique: int, opcode: int, error: int, why: str) -> None:
        super().__init__(f"opcode {opcode}: {why}")
        self.unique = unique
        self.opcode = opcode
        self.error = error


class Request(NamedTuple):
    """One request: who asks (`pid` is a thread's), about which node, and what."""

    opcode: int
    unique: int
    node: int
    uid: int
    gid: int
    pid: int
    body: Any


class Layout(NamedTuple):
    """How a body travels: its fields, then `names` strings, then (`data`) the rest."""

    make: Callable[..., Any]
    fields: struct.Struct
    names: int = 0
    data: bool = False


def _rename(folder: int, name: bytes, target: bytes) -> Rename:
    return Rename(folder, 0, name, target)


def _write(handle: int, offset: int, size: int, how: int, flags: int, data: bytes) -> Write:
    if len(data) != size or offset < 0:
        raise ValueError(f"{len(data)} bytes of data at {offset}, {size} announced")
    return Write(handle, offset, size, how, flags, data)


def _set_xattr(size: int, flags: int, name: bytes, value: bytes) -> SetXattr:
    if len(value) != size:
        raise ValueError(f"{len(value)} bytes of data, {size} announced")
    return SetXattr(flags, name, value)


def _init(major: int, minor: int, readahead: int, flags: int, more: bytes) -> Init:
    flags |= int.from_bytes(more[:4], _ORDER) << 32
    return Init(major, minor, readahead, flags)


def _batch_forget(count: int, data: bytes) -> BatchForget:
    if len(data) < count * _FORGET.size:
        raise ValueError(f"{len(data)} bytes for {count} nodes")
    return BatchForget(tuple(_FORGET.iter_unpack(data[: count * _FORGET.size])))


def _layout(
    make: Callable[..., Any], fields: str = "", names: int = 0, data: bool = False
) -> Layout:
    return Layout(make, struct.Struct(f"={fields}"), names, data)


_ORDER: Any = "little" if struct.pack("=H", 1)[0] else "big"
_NOTHING = _layout(Nothing)
_NAME = _layout(Name, names=1)
_LOCK = _layout(Lock, "QqQQI4xI4x")
_READ = _layout(Read, "QqI4x8x8x")
_RELEASE = _layout(Release, "Q4xIq")
_SYNC = _layout(Sync, "QI4x")
_OPEN = _layout(Open, "II")
LAYOUTS: dict[int, Layout] = {
    Opcode.LOOKUP: _NAME,
    Opcode.FORGET: _layout(Forget, "Q"),
    Opcode.GETATTR: _layout(GetAttr, "I4xQ"),
    Opcode.SETATTR: _layout(SetAttr, "I4xQQ8xqq8xII4xI4xII4x"),
    Opcode.READLINK: _NOTHING,
    Opcode.SYMLINK: _layout(Symlink, names=2),
    Opcode.MKNOD: _layout(MakeNode, "II8x", 1),
    Opcode.MKDIR: _layout(MakeFolder, "I4x", 1),
    Opcode.UNLINK: _NAME,
    Opcode.RMDIR: _NAME,
    Opcode.RENAME: _layout(_rename, "Q", 2),
    Opcode.LINK: _layout(Link, "Q", 1),
    Opcode.OPEN: _OPEN,
    Opcode.READ: _READ,
    Opcode.WRITE: _layout(_write, "QqII8xI4x", data=True),
    Opcode.STATFS: _NOTHING,
    Opcode.RELEASE: _RELEASE,
    Opcode.FSYNC: _SYNC,
    Opcode.SETXATTR: _layout(_set_xattr, "II", 1, data=True),
    Opcode.GETXATTR: _layout(GetXattr, "I4x", 1),
    Opcode.LISTXATTR: _layout(ListXattrs, "I4x"),
    Opcode.REMOVEXATTR: _NAME,
    Opcode.FLUSH: _layout(Flush, "Q8xq"),
    Opcode.INIT: _layout(_init, "IIII", data=True),
    Opcode.OPENDIR: _OPEN,
    Opcode.READDIR: _READ,
    Opcode.RELEASEDIR: _RELEASE,
    Opcode.FSYNCDIR: _SYNC,
    Opcode.GETLK: _LOCK,
    Opcode.SETLK: _LOCK,
    Opcode.SETLKW: _LOCK,
    Opcode.ACCESS: _layout(Access, "I4x"),
    Opcode.CREATE: _layout(Create, "II4xI", 1),
    Opcode.INTERRUPT: _layout(Interrupt, "Q"),
    Opcode.DESTROY: _NOTHING,
    Opcode.NOTIFY_REPLY: _NOTHING,
    Opcode.BATCH_FORGET: _layout(_batch_forget, "I4x", data=True),
    Opcode.FALLOCATE: _layout(Allocate, "QqqI4x"),
    Opcode.READDIRPLUS: _READ,
    Opcode.RENAME2: _layout(Rename, "QI4x", 2),
    Opcode.LSEEK: _layout(Seek, "QqI4x"),
    Opcode.COPY_FILE_RANGE: _layout(CopyRange, "QqQQqQ8x"),
}


def parse(packet: memoryview) -> Request:
    """Read one packet; raises Malformed. What is kept of it is copied."""
    if len(packet) < _HEADER.size:
        raise Malformed(0, 0, 0, f"a packet of {len(packet)} bytes")
    length, opcode, unique, node, uid, gid, pid, _ = _HEADER.unpack_from(packet)
    layout = LAYOUTS.get(opcode)
    if layout is None:
        raise Malformed(unique, opcode, errno.ENOSYS, "not served")
    at = _HEADER.size + layout.fields.size
    if length != len(packet) or at > length:
        raise Malformed(unique, opcode, errno.EIO, f"{len(packet)} bytes, {length} announced")
    fields = layout.fields.unpack_from(packet, _HEADER.size)
    if layout.names or layout.data:
        fields += _tail(packet[at:], layout, unique, opcode)
    try:
        body = layout.make(*fields)
    except ValueError as error:
        raise Malformed(unique, opcode, errno.EIO, str(error)) from None
    return Request(opcode, unique, node, uid, gid, pid, body)


def _tail(tail: memoryview, layout: Layout, unique: int, opcode: int) -> tuple[bytes, ...]:
    if not layout.names:
        return (bytes(tail),)
    *names, rest = bytes(tail).split(b"\0", layout.names)
    if len(names) != layout.names:
        raise Malformed(unique, opcode, errno.EIO, "a name has no end")
    return (*names, rest) if layout.data else tuple(names)
