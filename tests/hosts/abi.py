"""What the Linux headers of each architecture say, as far as tables of ours depend on it.

x86, arm64 and armhf share their numbers but for two open flags; Alpha took them from OSF/1.
"""

from typing import Any

_ERRNOS = (
    {"EPERM": 1, "ENOENT": 2, "EINTR": 4, "EIO": 5, "ENXIO": 6, "E2BIG": 7, "EBADF": 9}
    | {"ENOMEM": 12, "EACCES": 13, "EBUSY": 16, "EEXIST": 17, "EXDEV": 18, "ENODEV": 19}
    | {"ENOTDIR": 20, "EISDIR": 21, "EINVAL": 22, "ENFILE": 23, "EMFILE": 24, "ETXTBSY": 26}
    | {"EFBIG": 27, "ENOSPC": 28, "EROFS": 30, "EMLINK": 31, "ERANGE": 34}
)
_GENERIC_ERRNOS = (
    {"EAGAIN": 11, "ENAMETOOLONG": 36, "ENOLCK": 37, "ENOTEMPTY": 39, "ELOOP": 40}
    | {"ENODATA": 61, "EPROTO": 71, "EUSERS": 87, "ENOTSUP": 95, "ETIMEDOUT": 110}
    | {"EHOSTUNREACH": 113, "ESTALE": 116, "EDQUOT": 122}
)
_ALPHA_ERRNOS = (
    {"EAGAIN": 35, "ENAMETOOLONG": 63, "ENOLCK": 77, "ENOTEMPTY": 66, "ELOOP": 62}
    | {"ENODATA": 86, "EPROTO": 85, "EUSERS": 68, "ENOTSUP": 45, "ETIMEDOUT": 60}
    | {"EHOSTUNREACH": 65, "ESTALE": 70, "EDQUOT": 69}
)
_GENERIC_FLAGS = (
    {"O_ACCMODE": 3, "O_CREAT": 0o100, "O_EXCL": 0o200, "O_NOCTTY": 0o400}
    | {"O_TRUNC": 0o1000, "O_APPEND": 0o2000, "O_NONBLOCK": 0o4000}
    | {"O_DIRECTORY": 0o200000, "O_NOFOLLOW": 0o400000}
    | {"O_CLOEXEC": 0o2000000, "O_PATH": 0o10000000}
)
_ALPHA_FLAGS = (
    {"O_ACCMODE": 3, "O_NONBLOCK": 0o4, "O_APPEND": 0o10, "O_CREAT": 0o1000}
    | {"O_TRUNC": 0o2000, "O_EXCL": 0o4000, "O_NOCTTY": 0o10000}
    | {"O_DIRECTORY": 0o100000, "O_NOFOLLOW": 0o200000}
    | {"O_CLOEXEC": 0o10000000, "O_PATH": 0o40000000}
)
_GENERIC: dict[str, Any] = {
    "errnos": _ERRNOS | _GENERIC_ERRNOS,
    "flags": _GENERIC_FLAGS,
    "locks": {"F_RDLCK": 0, "F_WRLCK": 1, "F_UNLCK": 2},
    "signals": (
        {"SIGINT": 2, "SIGKILL": 9, "SIGPIPE": 13, "SIGTERM": 15}
        | {"SIGCHLD": 17, "SIGCONT": 18, "SIGSTOP": 19}
    ),
    "socket": {"SOL_SOCKET": 1, "SO_PEERCRED": 17},
}
_ARM = _GENERIC | {"flags": _GENERIC_FLAGS | {"O_DIRECTORY": 0o40000, "O_NOFOLLOW": 0o100000}}
_ALPHA: dict[str, Any] = {
    "errnos": _ERRNOS | _ALPHA_ERRNOS,
    "flags": _ALPHA_FLAGS,
    "locks": {"F_RDLCK": 1, "F_WRLCK": 2, "F_UNLCK": 8},
    "signals": (
        {"SIGINT": 2, "SIGKILL": 9, "SIGPIPE": 13, "SIGTERM": 15}
        | {"SIGSTOP": 17, "SIGCONT": 19, "SIGCHLD": 20}
    ),
    "socket": {"SOL_SOCKET": 65535, "SO_PEERCRED": 18},
}
ABI = {"x86_64": _GENERIC, "aarch64": _ARM, "armv7l": _ARM, "alpha": _ALPHA}
MACHINES = {"arm64": "aarch64", "armhf": "armv7l", "alpha": "alpha"}
BITS = {"armv7l": 32}  # of a pointer and of a time; the others have 64
