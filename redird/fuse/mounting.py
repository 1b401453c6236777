"""mount(2) and umount2(2) of FUSE, as root or through fusermount3; all of it may block."""

import array
import ctypes
import errno
import os
import shutil
import socket
import stat
import subprocess

_MS_NOSUID, _MS_NODEV, _MNT_DETACH = 2, 4, 2  # linux/mount.h: on every architecture
_DEVICE = "/dev/fuse"
FILE_SYSTEM = "fuse.redird"
HELPER_MAX_S = 10
_DEAD = {errno.ENOTCONN, errno.ECONNABORTED}
_libc = ctypes.CDLL(None, use_errno=True)
_TEXT = ctypes.c_char_p
_libc.mount.argtypes = (_TEXT, _TEXT, _TEXT, ctypes.c_ulong, _TEXT)
_libc.umount2.argtypes = (_TEXT, ctypes.c_int)


class MountFailed(Exception):
    """A mount cannot be made or ended; the text names the folder and the way out."""


def mount(source: str, at: str, owner: int, *, shared: bool, uid: int) -> int:
    """Mount; returns the descriptor to serve on. Raises MountFailed.

    `owner` may use the mount, everybody if it is `shared`. `uid` asks: unless it is root's or
    this process' own, the folder must belong to it.
    """
    folder = _open_folder(at)
    try:
        if uid not in (0, os.geteuid()) and os.fstat(folder).st_uid != uid:
            raise MountFailed(f"{at}: the folder belongs to somebody else")
        options = ["allow_other"] if shared else ["default_permissions"]
        if os.geteuid() == 0:
            return _mount_as_root(source, folder, owner, options)
        return _mount_by_helper(source, at, options)
    except OSError as error:
        raise MountFailed(f"{at}: {error.strerror}") from None
    finally:
        os.close(folder)


def _open_folder(at: str) -> int:
    try:
        return os.open(at, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise MountFailed(f"{at}: {why}: give a folder to mount on") from None


def require_free(at: str) -> None:
    """Refuse a folder that is a mount of ours already; raises MountFailed."""
    if os.path.realpath(at) not in mounts_of_ours():
        return
    try:
        os.stat(at)
    except OSError as error:
        if error.errno in _DEAD:
            why = f"the daemon of this mount is gone; end the mount with: umount -l {at}"
            raise MountFailed(f"{at}: {why}") from None
    raise MountFailed(f"{at}: is mounted already; end it with: redird unmount {at}")


def mounts_of_ours() -> list[str]:
    """Return where anything of this kind is mounted, as this process sees it."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as table:
        lines = [line.split(" ") for line in table]
    return [_unescaped(line[1]) for line in lines if line[2] == FILE_SYSTEM]


def _unescaped(path: str) -> str:
    for code in ("\\040", "\\011", "\\012", "\\134"):
        path = path.replace(code, chr(int(code[1:], 8)))
    return path


def _mount_as_root(source: str, folder: int, owner: int, options: list[str]) -> int:
    device = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    what = [f"fd={device}", f"rootmode={stat.S_IFDIR:o}", f"user_id={owner}", "group_id=0"]
    target = f"/proc/self/fd/{folder}".encode()
    data = ",".join(what + options).encode()
    flags = _MS_NOSUID | _MS_NODEV
    kind = FILE_SYSTEM.encode()
    if _libc.mount(source.encode(), target, kind, flags, data):
        number = ctypes.get_errno()
        os.close(device)
        raise OSError(number, os.strerror(number))
    return device


def _mount_by_helper(source: str, at: str, options: list[str]) -> int:
    """fusermount3 opens the device, mounts, and sends the descriptor over a socket."""
    helper = shutil.which("fusermount3")
    if helper is None:
        raise MountFailed(f"{at}: mounting needs root, or fusermount3 (Debian: fuse3)")
    given = ",".join([*options, f"fsname={source}", f"subtype={FILE_SYSTEM[5:]}"])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ended = subprocess.run(
            [helper, "-o", given, "--", at],
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
            pass_fds=[theirs.fileno()],
            capture_output=True,
            timeout=HELPER_MAX_S,
        )
        if ended.returncode:
            raise MountFailed(f"{at}: {ended.stderr.decode(errors='replace').strip()}")
        descriptors = array.array("i")
        _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(descriptors.itemsize))
        descriptors.frombytes(ancillary[0][2][: descriptors.itemsize])
    os.set_blocking(descriptors[0], False)
    return descriptors[0]


def unmount(at: str) -> None:
    """End a mount; what is open on it stays so until it is closed. Raises MountFailed."""
    if os.geteuid() == 0:
        if _libc.umount2(os.fsencode(at), _MNT_DETACH):
            raise MountFailed(f"{at}: {os.strerror(ctypes.get_errno()).lower()}")
        return
    helper = shutil.which("fusermount3")
    if helper is None:
        raise MountFailed(f"{at}: unmounting needs root, or fusermount3 (Debian: fuse3)")
    ended = subprocess.run(
        [helper, "-u", "-z", "--", at], capture_output=True, timeout=HELPER_MAX_S
    )
    if ended.returncode:
        raise MountFailed(f"{at}: {ended.stderr.decode(errors='replace').strip()}")
