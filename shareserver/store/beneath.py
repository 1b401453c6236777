"""Open a path so that it cannot lead out from beneath a folder.

`by_openat2` lets the kernel keep that promise in one call; `by_walk` keeps it where the kernel
lacks the call, going one name at a time and never through a symlink it has not read itself.
Both follow symlinks that stay beneath, and answer EXDEV for those that do not; O_NOFOLLOW is
about the last name only, as always. Paths are UTF-8 bytes that `components` has passed, or b"."
for the folder itself.
"""

import ctypes
import errno
import os
import platform
import stat
from contextlib import suppress
from functools import lru_cache
from typing import Protocol


class Opener(Protocol):
    """Opens a path beneath a folder; `plain`: without following anything, else ELOOP."""

    def __call__(
        self, folder: int, path: bytes, flags: int, mode: int, plain: bool = False
    ) -> int: ...


FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
SYMLINKS_MAX = 40  # as many as Linux follows
TRIES_MAX = 64

_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
# Arguments made once, as converting them costs a fifth of the call; int and bytes need none.
_OPENAT2 = ctypes.c_long(547 if platform.machine() == "alpha" else 437)
_HOW_BYTES = ctypes.c_size_t(24)
_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def best(folder: int) -> Opener:
    """Return the opener to use beneath `folder`: what kernel and sandbox allow, by trying."""
    try:
        os.close(by_openat2(folder, b".", FOLDER, 0))
    except OSError:
        return by_walk
    return by_openat2


def by_openat2(folder: int, path: bytes, flags: int, mode: int, plain: bool = False) -> int:
    """Open by openat2(2); raises OSError."""
    how = _how(flags, mode, plain)
    for _ in range(TRIES_MAX):
        descriptor: int = _syscall(_OPENAT2, folder, path, how, _HOW_BYTES)
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        # EAGAIN: a rename elsewhere kept the kernel from being sure that ".." stayed beneath.
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise _failed(number)


def _failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@lru_cache(maxsize=64)
def _how(
    flags: int, mode: int, plain: bool
) -> "ctypes._Pointer[ctypes.Array[ctypes.c_uint64]]":
    """Point to a struct open_how; its mode must be 0 where nothing is made."""
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS | (plain and _RESOLVE_NO_SYMLINKS)
    how = (ctypes.c_uint64 * 3)(flags, mode if flags & os.O_CREAT else 0, resolve)
    return ctypes.pointer(how)


def by_walk(folder: int, path: bytes, flags: int, mode: int, plain: bool = False) -> int:
    """Open name by name; raises OSError."""
    here, gone, ahead = folder, list[bytes](), _names(path)
    symlinks_left = 0 if plain else SYMLINKS_MAX
    try:
        while ahead:
            name = ahead.pop()
            if name == b"..":
                # Again from the top: a ".." on the disk may lead elsewhere by now.
                ahead += reversed(_without_last(gone))
                here, gone = _moved(here, folder, folder), []
                continue
            last = not ahead
            if last and flags & os.O_NOFOLLOW:
                return os.open(name, flags, mode, dir_fd=here)
            found = _step(here, name, flags if last else FOLDER, mode)
            if isinstance(found, bytes):
                symlinks_left -= 1
                ahead += _followed(found, symlinks_left)
                to_folder = found.rpartition(b"/")[2] in (b"", b".")
                flags |= os.O_DIRECTORY if last and to_folder else 0
            elif last:
                return found
            else:
                here = _moved(here, found, folder)
                gone.append(name)
        return os.open(b".", flags, mode, dir_fd=here)
    finally:
        _moved(here, folder, folder)


def _names(path: bytes) -> list[bytes]:
    return [name for name in reversed(path.split(b"/")) if name not in (b"", b".")]


def _without_last(gone: list[bytes]) -> list[bytes]:
    if not gone:
        raise _failed(errno.EXDEV)
    return gone[:-1]


def _followed(target: bytes, symlinks_left: int) -> list[bytes]:
    if symlinks_left < 0:
        raise _failed(errno.ELOOP)
    if target.startswith(b"/"):
        raise _failed(errno.EXDEV)
    return _names(target)


def _moved(here: int, there: int, root: int) -> int:
    if here != root:
        os.close(here)
    return there


def _step(here: int, name: bytes, flags: int, mode: int) -> int | bytes:
    """Open one name, or return what it points to if it is a symlink."""
    try:
        descriptor = os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=here)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            with suppress(OSError):
                return os.readlink(name, dir_fd=here)
        raise
    if not flags & os.O_PATH:
        return descriptor
    # O_PATH is the one way to open a symlink itself.
    kept = False
    try:
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            return os.readlink(b"", dir_fd=descriptor)
        kept = True
        return descriptor
    finally:
        if not kept:
            os.close(descriptor)
