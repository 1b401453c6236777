"""What the kernel asks about parts of files and about extended attributes."""

import errno
import os
from typing import Any

from redird.fuse import bodies, replies
from redird.fuse.attributes import drop_privileges
from redird.fuse.errnos import NotDone
from redird.fuse.mount import Mount
from redird.fuse.requests import Request
from redird.wire import files as f
from redird.wire import messages as m

_MODES = f.ALLOCATE_KEEP_SIZE | f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_ZERO_RANGE
_USER = b"user."  # the only names that a share keeps
_MUST = {0: "", os.XATTR_CREATE: "create", os.XATTR_REPLACE: "replace"}


async def allocate(mount: Mount, request: Request, body: bodies.Allocate) -> bytes:
    """Give a range room, or take it."""
    opened = mount.open_file(body.handle)
    if body.mode & ~_MODES:
        raise NotDone(errno.EOPNOTSUPP)
    tree = opened.caller.tree
    ask = m.Allocate(tree, body.handle, body.mode, body.offset, body.length)
    done = await mount.ask(ask, m.Allocated)
    await drop_privileges(mount, opened.node, opened.caller, done.info)
    return b""


async def seek(mount: Mount, request: Request, body: bodies.Seek) -> bytes:
    """Find the next data or the next hole."""
    opened = mount.open_file(body.handle)
    if body.whence not in (os.SEEK_DATA, os.SEEK_HOLE):
        raise NotDone(errno.EINVAL)
    hole = body.whence == os.SEEK_HOLE
    ask = m.Seek(opened.caller.tree, body.handle, body.offset, hole)
    return replies.offset((await mount.ask(ask, m.Sought)).offset)


async def copy(mount: Mount, request: Request, body: bodies.CopyRange) -> bytes:
    """Copy on the server between two files of one user; else the kernel copies itself."""
    source, opened = mount.open_file(body.handle), mount.open_file(body.target_handle)
    if source.caller is not opened.caller:
        raise NotDone(errno.EXDEV)
    ask = m.CopyRange(
        opened.caller.tree,
        body.handle,
        body.offset,
        body.target_handle,
        body.target_offset,
        min(body.length, 2**31),
    )
    done = await mount.ask(ask, m.RangeCopied)
    await drop_privileges(mount, opened.node, opened.caller, done.info)
    return replies.written(done.count)


# --- extended attributes ----------------------------------------------------------------------


def _name(name: bytes) -> str:
    if not name.startswith(_USER):
        raise NotDone(errno.EOPNOTSUPP)
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise NotDone(errno.EILSEQ) from None


def _sized(value: bytes, size: int) -> bytes:
    if size == 0:
        return replies.written(len(value))
    if len(value) > size:
        raise NotDone(errno.ERANGE)
    return value


async def _target(mount: Mount, request: Request) -> tuple[int, Any]:
    caller = await mount.caller(request)
    return caller.tree, mount.target(mount.nodes.get(request.node), caller)


async def get_xattr(mount: Mount, request: Request, body: bodies.GetXattr) -> bytes:
    """Return one extended attribute, or how long it is."""
    name = _name(body.name)
    tree, target = await _target(mount, request)
    found = await mount.ask(m.GetXattr(tree, target, name), m.XattrFound)
    return _sized(found.value, body.size)


async def list_xattrs(mount: Mount, request: Request, body: bodies.ListXattrs) -> bytes:
    """Return the names of all, or how long they are."""
    tree, target = await _target(mount, request)
    found = await mount.ask(m.ListXattrs(tree, target), m.XattrsFound)
    return _sized(b"".join(name.encode() + b"\0" for name in found.names), body.size)


async def set_xattr(mount: Mount, request: Request, body: bodies.SetXattr) -> bytes:
    """Set one."""
    name, must = _name(body.name), _MUST.get(body.flags)
    if must is None:
        raise NotDone(errno.EINVAL)
    tree, target = await _target(mount, request)
    await mount.ask(m.SetXattr(tree, target, name, must, body.value), m.XattrSet)
    return b""


async def remove_xattr(mount: Mount, request: Request, body: bodies.Name) -> bytes:
    """Remove one."""
    name = _name(body.name)
    tree, target = await _target(mount, request)
    await mount.ask(m.RemoveXattr(tree, target, name), m.XattrRemoved)
    return b""
