"""What an errno of this host is called on the wire: the one table, and how it is applied."""

import errno

from redird.wire.errors import Refused
from redird.wire.status import Status

WORLD = (
    OSError,
    ValueError,
    OverflowError,
)  # what system calls raise; the latter two: arguments

STATUSES = {
    errno.ENOENT: Status.STATUS_OBJECT_NAME_NOT_FOUND,
    errno.EEXIST: Status.STATUS_OBJECT_NAME_COLLISION,
    errno.EACCES: Status.STATUS_ACCESS_DENIED,
    errno.EPERM: Status.STATUS_ACCESS_DENIED,
    errno.ELOOP: Status.STATUS_ACCESS_DENIED,
    errno.EXDEV: Status.STATUS_ACCESS_DENIED,  # the path leaves the share
    errno.ENXIO: Status.STATUS_ACCESS_DENIED,  # a socket, or a device with nothing behind it
    errno.ENODEV: Status.STATUS_ACCESS_DENIED,
    errno.EROFS: Status.STATUS_MEDIA_WRITE_PROTECTED,
    errno.ENOSPC: Status.STATUS_DISK_FULL,
    errno.EDQUOT: Status.STATUS_QUOTA_EXCEEDED,
    errno.ENOTEMPTY: Status.STATUS_DIRECTORY_NOT_EMPTY,
    errno.EISDIR: Status.STATUS_FILE_IS_A_DIRECTORY,
    errno.ENOTDIR: Status.STATUS_NOT_A_DIRECTORY,
    errno.ENAMETOOLONG: Status.STATUS_NAME_TOO_LONG,
    errno.EMFILE: Status.STATUS_TOO_MANY_OPENED_FILES,
    errno.ENFILE: Status.STATUS_TOO_MANY_OPENED_FILES,
    errno.ENOMEM: Status.STATUS_INSUFFICIENT_RESOURCES,
    errno.EIO: Status.STATUS_IO_DEVICE_ERROR,
    errno.EMLINK: Status.STATUS_TOO_MANY_LINKS,
    errno.ENODATA: Status.STATUS_NONEXISTENT_EA_ENTRY,
    errno.E2BIG: Status.STATUS_EA_TOO_LARGE,
    errno.EFBIG: Status.STATUS_INVALID_PARAMETER,
    errno.EINVAL: Status.STATUS_INVALID_PARAMETER,
    errno.EBADF: Status.STATUS_FILE_CLOSED,
    errno.ETXTBSY: Status.STATUS_SHARING_VIOLATION,
    errno.EAGAIN: Status.STATUS_SHARING_VIOLATION,  # leased to another server
    errno.EOPNOTSUPP: Status.STATUS_NOT_SUPPORTED,
}
ON_THE_WAY = (errno.ENOENT, errno.ENOTDIR)


def refusal(error: BaseException, subject: str) -> Refused:
    """Return the refusal that says what `error` says."""
    if not isinstance(error, OSError):
        return Refused(Status.STATUS_INVALID_PARAMETER, subject)
    number = error.errno or 0
    status = STATUSES.get(number)
    if status is not None:
        return Refused(status, subject)
    name = errno.errorcode.get(number, str(number))
    return Refused(Status.STATUS_UNEXPECTED_IO_ERROR, subject, {"errno": name})


def parent_refusal(error: BaseException, subject: str) -> Refused:
    """Return the refusal for a folder on the way that cannot be opened."""
    if isinstance(error, OSError) and error.errno in ON_THE_WAY:
        return Refused(Status.STATUS_OBJECT_PATH_NOT_FOUND, subject)
    return refusal(error, subject)
