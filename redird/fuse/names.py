"""What the kernel asks to be done with names: links, folders, renames, removals."""

import errno
import stat
from typing import Any

from redird.fuse import bodies
from redird.fuse.errnos import NotDone
from redird.fuse.kernel import RENAME_NOREPLACE
from redird.fuse.mount import Mount
from redird.fuse.requests import Request
from redird.wire import files as f
from redird.wire import messages as m

_NEW = f.FILE_NON_DIRECTORY_FILE | f.FILE_OPEN_REPARSE_POINT
_WRITES = f.WRITES | f.FILE_READ_ATTRIBUTES | f.FILE_WRITE_ATTRIBUTES


async def read_link(mount: Mount, request: Request, body: Any) -> bytes:
    """Say what a symbolic link says."""
    path = mount.path(mount.nodes.get(request.node))
    caller = await mount.caller(request)
    return (await mount.ask(m.ReadLink(caller.tree, path), m.LinkRead)).target.encode()


async def symlink(mount: Mount, request: Request, body: bodies.Symlink) -> bytes:
    """Make a symbolic link."""
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    try:
        target = body.target.decode()
    except UnicodeDecodeError:
        raise NotDone(errno.EILSEQ) from None
    made = await mount.ask(m.Symlink(caller.tree, path, target), m.Symlinked)
    return mount.entry(folder, name, made.info, request)


async def make_node(mount: Mount, request: Request, body: bodies.MakeNode) -> bytes:
    """Make an empty file; devices and the like are no business of a share."""
    if stat.S_IFMT(body.mode) not in (0, stat.S_IFREG):
        raise NotDone(errno.EPERM)
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    mode = stat.S_IMODE(body.mode)
    make = m.Create(caller.tree, path, _WRITES, f.SHARE_ALL, f.FILE_CREATE, _NEW, mode=mode)
    made = await mount.ask(make, m.Created)
    await mount.ask(m.Close(caller.tree, made.handle), m.Closed)
    return mount.entry(folder, name, made.info, request)


async def make_folder(mount: Mount, request: Request, body: bodies.MakeFolder) -> bytes:
    """Make a folder."""
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    make = m.MakeDirectory(caller.tree, path, stat.S_IMODE(body.mode))
    made = await mount.ask(make, m.DirectoryMade)
    return mount.entry(folder, name, made.info, request)


async def unlink(mount: Mount, request: Request, body: bodies.Name) -> bytes:
    """Remove a name; what is open stays open."""
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    await mount.ask(m.Unlink(caller.tree, path, posix=True), m.Unlinked)
    mount.nodes.unlink(folder, name)
    return b""


async def remove_folder(mount: Mount, request: Request, body: bodies.Name) -> bytes:
    """Remove an empty folder."""
    folder = mount.nodes.get(request.node)
    name, path = mount.below(folder, body.name)
    caller = await mount.caller(request)
    await mount.ask(m.RemoveDirectory(caller.tree, path, posix=True), m.DirectoryRemoved)
    mount.nodes.unlink(folder, name)
    return b""


async def rename(mount: Mount, request: Request, body: bodies.Rename) -> bytes:
    """Rename; an exchange of two names is nothing that a share can do."""
    if body.flags & ~RENAME_NOREPLACE:
        raise NotDone(errno.EINVAL)
    folder, to_folder = mount.nodes.get(request.node), mount.nodes.get(body.folder)
    name, path = mount.below(folder, body.name)
    to_name, target = mount.below(to_folder, body.target)
    caller = await mount.caller(request)
    replace = not body.flags & RENAME_NOREPLACE
    change = m.Rename(caller.tree, path, target, replace, posix=True)
    await mount.ask(change, m.Renamed)
    mount.nodes.rename(folder, name, to_folder, to_name)
    return b""


async def link(mount: Mount, request: Request, body: bodies.Link) -> bytes:
    """Give a file another name."""
    folder, node = mount.nodes.get(request.node), mount.nodes.get(body.node)
    name, target = mount.below(folder, body.name)
    caller = await mount.caller(request)
    linked = await mount.ask(m.Link(caller.tree, mount.path(node), target), m.Linked)
    return mount.entry(folder, name, linked.info, request)
