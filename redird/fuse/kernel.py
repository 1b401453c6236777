"""The kernel's numbers: opcodes and flags of FUSE protocol version 7 (linux/fuse.h)."""

import mmap
from enum import IntEnum, IntFlag

MAJOR, MINOR, MINOR_MIN = 7, 38, 31
EPOCH_MINOR = 44  # from this version of the kernel's on it knows NOTIFY_INC_EPOCH
ROOT = 1  # the number of the root's node
PAGE_BYTES = mmap.PAGESIZE  # 8192 on Alpha
REQUEST_BYTES_MAX = 1024 * 1024  # data in one READ or WRITE; the kernel counts it in pages
BUFFER_BYTES = REQUEST_BYTES_MAX + PAGE_BYTES  # what one read of the device may return
OFFSET_MAX = 2**63 - 1  # as the end of a lock: to the end of whatever the file grows to


class Opcode(IntEnum):
    """What the kernel asks for."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    GETLK = 31
    SETLK = 32
    SETLKW = 33
    ACCESS = 34
    CREATE = 35
    INTERRUPT = 36
    DESTROY = 38
    NOTIFY_REPLY = 41
    BATCH_FORGET = 42
    FALLOCATE = 43
    READDIRPLUS = 44
    RENAME2 = 45
    LSEEK = 46
    COPY_FILE_RANGE = 47


UNANSWERED = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.NOTIFY_REPLY})


class Init(IntFlag):
    """What both sides can do; bits from 32 on travel in a field of their own."""

    ASYNC_READ = 1 << 0
    POSIX_LOCKS = 1 << 1
    ATOMIC_O_TRUNC = 1 << 3
    BIG_WRITES = 1 << 5
    FLOCK_LOCKS = 1 << 10
    DO_READDIRPLUS = 1 << 13
    READDIRPLUS_AUTO = 1 << 14
    PARALLEL_DIROPS = 1 << 18
    MAX_PAGES = 1 << 22
    NO_OPENDIR_SUPPORT = 1 << 24
    EXPLICIT_INVAL_DATA = 1 << 25
    HANDLE_KILLPRIV_V2 = 1 << 28
    INIT_EXT = 1 << 30


WANTED = (
    Init.ASYNC_READ
    | Init.POSIX_LOCKS
    | Init.ATOMIC_O_TRUNC
    | Init.BIG_WRITES
    | Init.FLOCK_LOCKS
    | Init.DO_READDIRPLUS
    | Init.READDIRPLUS_AUTO
    | Init.PARALLEL_DIROPS
    | Init.MAX_PAGES
    | Init.NO_OPENDIR_SUPPORT
    | Init.HANDLE_KILLPRIV_V2
    | Init.INIT_EXT
)


class SetAttr(IntFlag):
    """Which fields of a SETATTR are meant."""

    MODE = 1 << 0
    UID = 1 << 1
    GID = 1 << 2
    SIZE = 1 << 3
    ATIME = 1 << 4
    MTIME = 1 << 5
    HANDLE = 1 << 6
    ATIME_NOW = 1 << 7
    MTIME_NOW = 1 << 8
    KILL_SUIDGID = 1 << 11


OPEN_KILL_SUIDGID = 1 << 0
OPENED_DIRECT_IO, OPENED_KEEP_CACHE = 1 << 0, 1 << 1
RELEASE_FLOCK_UNLOCK = 1 << 1
LOCK_FLOCK = 1 << 0
WRITE_FROM_CACHE, WRITE_KILL_SUIDGID = 1 << 0, 1 << 2
RENAME_NOREPLACE = 1 << 0
EXPIRE_ONLY = 1 << 0  # of a NOTIFY_INVAL_ENTRY
NOTIFY_INVAL_INODE, NOTIFY_INVAL_ENTRY, NOTIFY_DELETE = 2, 3, 6
NOTIFY_INC_EPOCH = 8
