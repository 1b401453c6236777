"""What the kernel asks about open files: OPEN, CREATE, READ, WRITE, FLUSH, FSYNC, RELEASE."""

import errno
import os
import stat
from contextlib import suppress
from typing import Any

from redird.fuse import bodies, locks, replies, validity
from redird.fuse.attributes import drop_privileges
from redird.fuse.errnos import NotDone
from redird.fuse.kernel import (
    OPEN_KILL_SUIDGID,
    OPENED_DIRECT_IO,
    OPENED_KEEP_CACHE,
    RELEASE_FLOCK_UNLOCK,
    ROOT,
    WRITE_FROM_CACHE,
    WRITE_KILL_SUIDGID,
)
from redird.fuse.mount import Mount, Opened
from redird.fuse.requests import Request
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import FileInfo
from redird.wire.status import Status

LICENCES_MAX = 3  # tries to read under a lease that stays
_FILE = f.FILE_NON_DIRECTORY_FILE | f.FILE_OPEN_REPARSE_POINT
_READ = f.READS | f.FILE_READ_ATTRIBUTES
_WRITE = f.WRITES | f.FILE_READ_ATTRIBUTES | f.FILE_WRITE_ATTRIBUTES
_ACCESS = {os.O_RDONLY: _READ, os.O_WRONLY: _WRITE, os.O_RDWR: _READ | _WRITE}


def _access(flags: int) -> int:
    access = _ACCESS.get(flags & os.O_ACCMODE)
    if access is None:
        raise NotDone(errno.EINVAL)
    return access | (_WRITE if flags & os.O_TRUNC else 0)


async def open_file(mount: Mount, request: Request, body: bodies.Open) -> bytes:
    """Open a file by its name; ESTALE, upon which the kernel looks again, if that is now
    another's.
    """
    node = mount.nodes.get(request.node)
    caller = await mount.caller(request)
    how = f.FILE_OVERWRITE if body.flags & os.O_TRUNC else f.FILE_OPEN
    access, path = _access(body.flags), mount.path(node)
    ask = m.Create(caller.tree, path, access, f.SHARE_ALL, how, _FILE)
    made = await mount.ask(ask, m.Created)
    opened = Opened(made.handle, node, caller, bool(access & f.WRITES))
    mount.opens(opened)
    await require_same(mount, opened, made.info)
    if body.more_flags & OPEN_KILL_SUIDGID and body.flags & os.O_TRUNC:
        await drop_privileges(mount, node, caller, made.info)
    return replies.opened(made.handle, _how(mount, opened, body.flags))


def _how(mount: Mount, opened: Opened, flags: int) -> int:
    """Whether the kernel may use pages, and those that it read through earlier opens."""
    file = mount.file_of(opened)
    if file is None or validity.direct_io(appends=bool(flags & os.O_APPEND)):
        return OPENED_DIRECT_IO
    mark = validity.data_mark(file)
    kept = opened.node.data == mark and validity.is_licensed(mount.callers.state, file, mark)
    opened.node.data = mark
    if kept:
        validity.promise_data(file)
    return OPENED_KEEP_CACHE if kept else 0


async def require_same(mount: Mount, opened: Opened, info: FileInfo) -> None:
    """What was opened by a node's name must be the node's file."""
    if opened.node.number != ROOT and info.file_id != opened.node.file_id:
        await close(mount, opened)
        raise NotDone(errno.ESTALE)


async def create(mount: Mount, request: Request, body: bodies.Create) -> bytes:
    """Make a file, or open the one there is, and open it."""
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    how = f.FILE_OVERWRITE_IF if body.flags & os.O_TRUNC else f.FILE_OPEN_IF
    if body.flags & os.O_EXCL:
        how = f.FILE_CREATE
    access, mode = _access(body.flags), stat.S_IMODE(body.mode)
    ask = m.Create(caller.tree, path, access, f.SHARE_ALL, how, _FILE, mode=mode)
    made = await mount.ask(ask, m.Created)
    entry = mount.entry(folder, name, made.info, request)
    node = folder.children[name]
    opened = Opened(made.handle, node, caller, bool(access & f.WRITES))
    mount.opens(opened)
    return entry + replies.opened(made.handle, _how(mount, opened, body.flags))


async def read(mount: Mount, request: Request, body: bodies.Read) -> bytes:
    """Read what the kernel may keep, under a lease that others break before they write.

    Where none can be had (the name is gone, somebody keeps writing) it is made to forget.
    """
    opened = mount.open_file(body.handle)
    file = mount.file_of(opened)
    for _ in range(LICENCES_MAX):
        if file is None or not await mount.regain(opened, file):
            break
        mark = validity.data_mark(file)
        data = await _read(mount, opened, body)
        if validity.is_licensed(mount.callers.state, file, mark):
            validity.promise_data(file)
            return data
    data = await _read(mount, opened, body)
    mount.forget_soon(opened.node)
    return data


async def _read(mount: Mount, opened: Opened, body: bodies.Read) -> bytes:
    """At the end of the file there is nothing."""
    ask = m.Read(opened.caller.tree, body.handle, body.offset, body.size)
    try:
        return (await mount.ask(ask, m.DataRead)).data
    except Refused as no:
        if no.status != Status.STATUS_END_OF_FILE:
            raise
        return b""


async def write(mount: Mount, request: Request, body: bodies.Write) -> bytes:
    """Write where the kernel says, or at the end, wherever that is at the server."""
    opened = mount.open_file(body.handle)
    file = mount.file_of(opened)
    mark = None if file is None else validity.data_mark(file)
    appends = body.flags & os.O_APPEND and not body.how & WRITE_FROM_CACHE
    at = m.APPEND if appends else body.offset
    tree = opened.caller.tree
    done = await mount.ask(m.Write(tree, body.handle, at, body.data), m.DataWritten)
    # What was written stays in the kernel's pages, so it is promised as what was read is.
    if file is not None and mark and validity.is_licensed(mount.callers.state, file, mark):
        validity.promise_data(file)
    else:
        mount.forget_soon(opened.node)
    if body.how & WRITE_KILL_SUIDGID:
        await drop_privileges(mount, opened.node, opened.caller, done.info)
    return replies.written(done.count)


async def flush(mount: Mount, request: Request, body: bodies.Flush) -> bytes:
    """A descriptor is closed: the last to say what became of its writes. Its owner's locks
    go; the file stays open.
    """
    opened = mount.open_file(body.handle)
    try:
        if opened.writable:
            await mount.callers.settle(opened.caller.tree, body.handle)
    finally:
        await locks.give_up(mount, opened, "posix", body.owner)
    return b""


async def sync(mount: Mount, request: Request, body: bodies.Sync) -> bytes:
    """Bring a file, or a folder, to the server's disk."""
    opened = mount.open_file(body.handle)
    await mount.ask(m.Flush(opened.caller.tree, body.handle), m.Flushed)
    return b""


async def release(mount: Mount, request: Request, body: bodies.Release) -> bytes:
    """Close: from now on the file may be dormant. Nobody hears of an error any more."""
    opened = mount.opened.get(body.handle)
    if opened is not None:
        if body.how & RELEASE_FLOCK_UNLOCK:
            await locks.give_up(mount, opened, "flock", body.owner)
        await close(mount, opened)
    return b""


async def close(mount: Mount, opened: Opened) -> None:
    """Close an open, which the server may have closed before."""
    mount.closes(opened)
    with suppress(Refused):
        await mount.ask(m.Close(opened.caller.tree, opened.handle), m.Closed)


async def nothing(mount: Mount, request: Request, body: Any) -> bytes:
    """The kernel is told that it is done: there is nothing to do."""
    return b""
