"""One function for each of the kernel's requests: (mount, request, its body) to the payload."""

import errno
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from redird.fuse import attributes, extents, files, listings, locks, names
from redird.fuse.errnos import NotDone
from redird.fuse.kernel import Opcode
from redird.fuse.mount import Mount
from redird.fuse.requests import Request

Result = bytes | Awaitable[bytes] | None  # None: the kernel expects no answer

OPERATIONS: dict[int, Callable[[Mount, Request, Any], Result]] = {
    Opcode.LOOKUP: attributes.look_up,
    Opcode.FORGET: attributes.forget,
    Opcode.BATCH_FORGET: attributes.forget_many,
    Opcode.GETATTR: attributes.get_attributes,
    Opcode.SETATTR: attributes.set_attributes,
    Opcode.ACCESS: attributes.access,
    Opcode.STATFS: attributes.volume,
    Opcode.READLINK: names.read_link,
    Opcode.SYMLINK: names.symlink,
    Opcode.MKNOD: names.make_node,
    Opcode.MKDIR: names.make_folder,
    Opcode.UNLINK: names.unlink,
    Opcode.RMDIR: names.remove_folder,
    Opcode.RENAME: names.rename,
    Opcode.RENAME2: names.rename,
    Opcode.LINK: names.link,
    Opcode.OPEN: files.open_file,
    Opcode.CREATE: files.create,
    Opcode.READ: files.read,
    Opcode.WRITE: files.write,
    Opcode.FLUSH: files.flush,
    Opcode.FSYNC: files.sync,
    Opcode.FSYNCDIR: listings.sync,
    Opcode.RELEASE: files.release,
    Opcode.RELEASEDIR: files.release,
    Opcode.DESTROY: files.nothing,
    Opcode.OPENDIR: listings.open_folder,
    Opcode.READDIR: listings.read,
    Opcode.READDIRPLUS: listings.read_with_attributes,
    Opcode.GETLK: locks.test,
    Opcode.SETLK: locks.set_now,
    Opcode.SETLKW: locks.set_waiting,
    Opcode.FALLOCATE: extents.allocate,
    Opcode.LSEEK: extents.seek,
    Opcode.COPY_FILE_RANGE: extents.copy,
    Opcode.GETXATTR: extents.get_xattr,
    Opcode.LISTXATTR: extents.list_xattrs,
    Opcode.SETXATTR: extents.set_xattr,
    Opcode.REMOVEXATTR: extents.remove_xattr,
}


def perform(mount: Mount, request: Request) -> Result:
    """Do what the kernel asks; raises Refused or NotDone."""
    operation = OPERATIONS.get(request.opcode)
    if operation is None:
        raise NotDone(errno.ENOSYS)
    result = operation(mount, request, request.body)
    if result is None or isinstance(result, bytes):
        return result
    return _counted(mount, request, result)


async def _counted(mount: Mount, request: Request, result: Awaitable[bytes]) -> bytes:
    """A user with a request under way is not idle."""
    try:
        return await result
    finally:
        caller = mount.callers.find(request.uid if mount.shared else mount.only_caller)
        if caller is not None:
            caller.used_at = trio.current_time()
