"""The bodies of the kernel's requests, one class for each shape; see `requests.LAYOUTS`."""

from typing import NamedTuple


class Nothing(NamedTuple):
    """No fields: READLINK, STATFS, DESTROY, NOTIFY_REPLY."""


class Name(NamedTuple):
    """LOOKUP, UNLINK, RMDIR, REMOVEXATTR."""

    name: bytes


class Forget(NamedTuple):
    """FORGET: the kernel gives back that many lookups."""

    lookups: int


class BatchForget(NamedTuple):
    """BATCH_FORGET: pairs of a node and lookups given back."""

    nodes: tuple[tuple[int, int], ...]


class GetAttr(NamedTuple):
    """GETATTR."""

    flags: int
    handle: int


class SetAttr(NamedTuple):
    """SETATTR: what `valid` names is to be changed."""

    valid: int
    handle: int
    size: int
    atime_s: int
    mtime_s: int
    atime_ns: int
    mtime_ns: int
    mode: int
    uid: int
    gid: int


class Symlink(NamedTuple):
    """SYMLINK: a link of that name that says `target`."""

    name: bytes
    target: bytes


class MakeNode(NamedTuple):
    """MKNOD."""

    mode: int
    device: int
    name: bytes


class MakeFolder(NamedTuple):
    """MKDIR."""

    mode: int
    name: bytes


class Rename(NamedTuple):
    """RENAME (without flags) and RENAME2: `folder` is the one that `target` is in."""

    folder: int
    flags: int
    name: bytes
    target: bytes


class Link(NamedTuple):
    """LINK: the request's node is the folder."""

    node: int
    name: bytes


class Open(NamedTuple):
    """OPEN, OPENDIR: `flags` as for open(2)."""

    flags: int
    more_flags: int


class Create(NamedTuple):
    """CREATE: the mode has been masked by the caller's umask."""

    flags: int
    mode: int
    more_flags: int
    name: bytes


class Read(NamedTuple):
    """READ, READDIR, READDIRPLUS."""

    handle: int
    offset: int
    size: int


class Write(NamedTuple):
    """WRITE: `flags` are the open file's now."""

    handle: int
    offset: int
    size: int
    how: int
    flags: int
    data: bytes


class Flush(NamedTuple):
    """FLUSH: a descriptor is closed; `owner` gives up its locks."""

    handle: int
    owner: int


class Release(NamedTuple):
    """RELEASE, RELEASEDIR: the last descriptor and mapping is gone."""

    handle: int
    how: int
    owner: int


class Sync(NamedTuple):
    """FSYNC, FSYNCDIR."""

    handle: int
    flags: int


class Lock(NamedTuple):
    """GETLK, SETLK, SETLKW: `end` is the last byte."""

    handle: int
    owner: int
    start: int
    end: int
    kind: int
    flags: int


class Access(NamedTuple):
    """ACCESS."""

    mask: int


class SetXattr(NamedTuple):
    """SETXATTR."""

    flags: int
    name: bytes
    value: bytes


class GetXattr(NamedTuple):
    """GETXATTR: `size` 0 asks how long the value is."""

    size: int
    name: bytes


class ListXattrs(NamedTuple):
    """LISTXATTR."""

    size: int


class Allocate(NamedTuple):
    """FALLOCATE."""

    handle: int
    offset: int
    length: int
    mode: int


class Seek(NamedTuple):
    """LSEEK."""

    handle: int
    offset: int
    whence: int


class CopyRange(NamedTuple):
    """COPY_FILE_RANGE: from the request's node to another."""

    handle: int
    offset: int
    target_node: int
    target_handle: int
    target_offset: int
    length: int


class Interrupt(NamedTuple):
    """INTERRUPT: whoever waits for that request got a signal."""

    unique: int


class Init(NamedTuple):
    """INIT: what the kernel can do."""

    major: int
    minor: int
    max_readahead: int
    flags: int
