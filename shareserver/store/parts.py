"""What both stores ask of extended attributes, extents and copies before they do anything."""

from typing import Protocol

from redird.wire.errors import Refused
from redird.wire.files import ALLOCATE_KEEP_SIZE, ALLOCATE_PUNCH_HOLE, ALLOCATE_ZERO_RANGE
from redird.wire.status import Status
from shareserver.store import INT_MAX, NAME_BYTES_MAX, StoreFile

XATTR_PREFIX = "user."
XATTR_BYTES_MAX = 64 * 1024  # of one value, as in Linux
COPY_BYTES_MAX = 64 * 2**20  # by one request
COPY_PIECE_BYTES = 2**20
ALLOCATIONS = frozenset(
    {
        0,
        ALLOCATE_KEEP_SIZE,
        ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE,
        ALLOCATE_ZERO_RANGE,
        ALLOCATE_ZERO_RANGE | ALLOCATE_KEEP_SIZE,
    }
)


def checked_xattr(name: str, value: bytes = b"", must: str = "") -> None:
    """Refuse an extended attribute that may not be changed, or cannot be."""
    if not name.startswith(XATTR_PREFIX):
        raise Refused(Status.STATUS_ACCESS_DENIED, ascii(name[:NAME_BYTES_MAX]))
    if name == XATTR_PREFIX or "\0" in name or must not in ("", "create", "replace"):
        raise Refused(Status.STATUS_INVALID_PARAMETER, ascii(name[:NAME_BYTES_MAX]))
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise Refused(Status.STATUS_INVALID_PARAMETER, ascii(name[:NAME_BYTES_MAX])) from None
    if size > NAME_BYTES_MAX:
        raise Refused(Status.STATUS_NAME_TOO_LONG, name[:NAME_BYTES_MAX])
    if len(value) > XATTR_BYTES_MAX:
        raise Refused(Status.STATUS_EA_TOO_LARGE, name)


def checked_allocation(subject: str, how: int, offset: int, length: int) -> None:
    """Refuse what fallocate(2) does not take, or does not do here."""
    if offset < 0 or length <= 0 or offset > INT_MAX - length:
        raise Refused(Status.STATUS_INVALID_PARAMETER, subject)
    if how not in ALLOCATIONS:
        raise Refused(Status.STATUS_NOT_SUPPORTED, subject)


def checked_copy(
    subject: str, source_offset: int, offset: int, length: int, *, same: bool
) -> None:
    """Refuse ranges that cannot be, or that overlap in one file."""
    furthest = max(source_offset, offset)
    sound = min(source_offset, offset) >= 0 and 0 <= length <= INT_MAX - furthest
    if not sound or (same and abs(source_offset - offset) < length):
        raise Refused(Status.STATUS_INVALID_PARAMETER, subject)


class _Written(Protocol):
    def write(self, offset: int, data: bytes) -> int: ...


def copied_by_hand(
    source: StoreFile, source_offset: int, target: _Written, offset: int, length: int
) -> int:
    """Read and write; returns how much there was."""
    done = 0
    while done < length:
        data = source.read(source_offset + done, min(length - done, COPY_PIECE_BYTES))
        if not data:
            break
        done += target.write(offset + done, data)
    return done
