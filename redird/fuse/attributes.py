"""What the kernel asks about attributes: LOOKUP, GETATTR, SETATTR, ACCESS, STATFS, FORGET."""

import errno
import os
import stat
from typing import Any

from redird.fuse import bodies, replies
from redird.fuse.callers import Caller
from redird.fuse.errnos import NotDone
from redird.fuse.kernel import ROOT, SetAttr
from redird.fuse.mount import Mount
from redird.fuse.nodes import Node
from redird.fuse.replies import NANO
from redird.fuse.requests import Request
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import FileInfo
from redird.wire.status import Status

_OWN = SetAttr.UID | SetAttr.GID
_ABSENT = {Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_OBJECT_PATH_NOT_FOUND}


async def look_up(mount: Mount, request: Request, body: bodies.Name) -> bytes:
    """Find a name in a folder."""
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    try:
        found = await mount.ask(m.QueryInfo(caller.tree, path, False), m.InfoFound)
    except Refused as no:
        if no.status not in _ABSENT:
            raise
        mount.nodes.unlink(folder, name)
        free = mount.no_entry(folder, name, path, request)
        if free is None:
            raise
        return free
    return mount.entry(folder, name, found.info, request)


async def get_attributes(mount: Mount, request: Request, body: bodies.GetAttr) -> bytes:
    """Tell about a file by an open of it, or by its name."""
    node = mount.nodes.get(request.node)
    info = await info_of(mount, node, await mount.caller(request))
    return mount.attributes_found(node, info, request)


async def info_of(mount: Mount, node: Node, caller: Caller) -> FileInfo:
    """Ask about a node; ESTALE if its name leads to another file meanwhile."""
    target = mount.target(node, caller)
    info = (await mount.ask(m.QueryInfo(caller.tree, target, False), m.InfoFound)).info
    if info.file_id != node.file_id and node.number != ROOT:
        raise NotDone(errno.ESTALE)
    return info


async def set_attributes(mount: Mount, request: Request, body: bodies.SetAttr) -> bytes:
    """Change size, mode and times; the owner only to whom it is already."""
    node = mount.nodes.get(request.node)
    caller = await mount.caller(request)
    owner = replies.Owner(request.uid, request.gid) if mount.shared else mount.owner
    if body.valid & SetAttr.UID and body.uid != owner.uid:
        raise NotDone(errno.EPERM)
    if body.valid & SetAttr.GID and body.gid != owner.gid:
        raise NotDone(errno.EPERM)
    changes = _changes(mount, body)
    if not changes:
        info = await info_of(mount, node, caller)
    else:
        by_handle = body.valid & SetAttr.HANDLE and body.handle in mount.opened
        sized = "size" in changes
        target = body.handle if by_handle else mount.target(node, caller, writable=sized)
        change = m.SetInfo(caller.tree, target, follow=False, **changes)
        info = (await mount.ask(change, m.InfoSet)).info
    if body.valid & SetAttr.KILL_SUIDGID:
        info = await drop_privileges(mount, node, caller, info)
    return mount.attributes_found(node, info, request)


def _changes(mount: Mount, body: bodies.SetAttr) -> dict[str, Any]:
    valid, changes = body.valid, dict[str, Any]()
    if valid & SetAttr.SIZE:
        changes["size"] = body.size
    if valid & SetAttr.MODE:
        changes["mode"] = stat.S_IMODE(body.mode)
    if valid & SetAttr.ATIME:
        now = valid & SetAttr.ATIME_NOW
        changes["atime_ns"] = mount.wall_now() if now else body.atime_s * NANO + body.atime_ns
    if valid & SetAttr.MTIME:
        now = valid & SetAttr.MTIME_NOW
        changes["mtime_ns"] = mount.wall_now() if now else body.mtime_s * NANO + body.mtime_ns
    return changes


async def drop_privileges(mount: Mount, node: Node, caller: Caller, info: FileInfo) -> FileInfo:
    """A file's content was changed by somebody who may not keep its set-user-id bits."""
    dropped = stat.S_ISUID | (stat.S_ISGID if info.mode & stat.S_IXGRP else 0)
    if info.kind != "file" or not info.mode & dropped:
        return info
    target = mount.target(node, caller)
    change = m.SetInfo(caller.tree, target, mode=info.mode & ~dropped, follow=False)
    return (await mount.ask(change, m.InfoSet)).info


async def access(mount: Mount, request: Request, body: bodies.Access) -> bytes:
    """Say whether the asker may: he is somebody at the server, which decides the rest."""
    node = mount.nodes.get(request.node)
    caller = await mount.caller(request)
    if body.mask & os.W_OK and caller.read_only:
        raise NotDone(errno.EROFS)
    if body.mask & os.X_OK and node.kind == "file":
        info = await info_of(mount, node, caller)
        if not info.mode & 0o111:
            raise NotDone(errno.EACCES)
    return b""


async def volume(mount: Mount, request: Request, body: Any) -> bytes:
    """Tell about the disk under the share."""
    caller = await mount.caller(request)
    return replies.volume(await mount.ask(m.QueryVolume(caller.tree), m.VolumeFound))


def forget(mount: Mount, request: Request, body: bodies.Forget) -> None:
    """The kernel gives back lookups of one node."""
    mount.nodes.forget(request.node, body.lookups)


def forget_many(mount: Mount, request: Request, body: bodies.BatchForget) -> None:
    """The kernel gives back lookups of many nodes."""
    for node, lookups in body.nodes:
        mount.nodes.forget(node, lookups)
