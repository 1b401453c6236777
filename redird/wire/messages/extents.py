"""What is done with parts of files: extended attributes, extents, ranges under a lock."""

from redird.wire.messages.files import FileInfo
from redird.wire.messages.vocabulary import Message, message, record
from redird.wire.schema import Payload, Record

# --- extended attributes; `target` is a handle or a path, a symlink there is not followed ---


@message
class GetXattr(Message):
    """Ask for one extended attribute; STATUS_NONEXISTENT_EA_ENTRY if there is none."""

    tree: int
    target: int | str
    name: str


@message
class XattrFound(Message):
    """Its value."""

    value: Payload


@message
class ListXattrs(Message):
    """Ask for the names of all extended attributes."""

    tree: int
    target: int | str


@message
class XattrsFound(Message):
    """The names."""

    names: tuple[str, ...]


@message
class SetXattr(Message):
    """Set one; `must`: "create" if it may not be there yet, "replace" if it must be,
    "" if either will do.
    """

    tree: int
    target: int | str
    name: str
    must: str
    value: Payload


@message
class XattrSet(Message):
    """It is set."""


@message
class RemoveXattr(Message):
    """Remove one."""

    tree: int
    target: int | str
    name: str


@message
class XattrRemoved(Message):
    """It is gone."""


# --- extents ---


@message
class Allocate(Message):
    """Do as fallocate(2) does; `how` is made of `wire.files.ALLOCATE_...`."""

    tree: int
    handle: int
    how: int
    offset: int
    length: int


@message
class Allocated(Message):
    """The file after that."""

    info: FileInfo


@message
class Seek(Message):
    """Where from `offset` is the next data, or (`hole`) the next hole?

    STATUS_END_OF_FILE: `offset` is past the end, or only a hole follows.
    """

    tree: int
    handle: int
    offset: int
    hole: bool


@message
class Sought(Message):
    """There."""

    offset: int


@message
class CopyRange(Message):
    """Copy on the server from one open file to another (or within one)."""

    tree: int
    source: int
    source_offset: int
    handle: int
    offset: int
    length: int


@message
class RangeCopied(Message):
    """How much was copied, and the file after that; none is only at the source's end.

    Less than was asked for may also be what a server does at once.
    """

    count: int
    info: FileInfo


# --- byte-range locks ---


@record
class LockRange(Record):
    """A range somebody holds; `length` 0: to the end of whatever the file grows to.

    `owner` is 0 if it is not one of the asker's own.
    """

    offset: int
    length: int
    exclusive: bool
    owner: int


@message
class Lock(Message):
    """Lock a range of an open file, waiting for others at most `wait_s` (0: not at all).

    `length` 0 is to the end of whatever the file grows to. `kind` is one of
    - "nt": mandatory. Every lock is one of its own, also beside others of the same owner, and
      an Unlock must name exactly it. What others read under an exclusive one, or write under
      any, is STATUS_FILE_LOCK_CONFLICT; so is what anybody writes under a shared one.
    - "posix": advisory, as fcntl(2): an owner's ranges merge, split and change their kind.
    - "flock": advisory, as flock(2): the whole file, whatever the range says.

    nt and posix exclude each other; flock excludes flock only. `owner` is whatever a peer calls
    one. STATUS_LOCK_NOT_GRANTED: not in that time.
    """

    tree: int
    handle: int
    kind: str
    owner: int
    offset: int
    length: int
    exclusive: bool
    wait_s: float = 0.0


@message
class Locked(Message):
    """It is held until unlocked or the handle is closed."""


@message
class Unlock(Message):
    """Give up a range; with offset and length 0 all that a posix owner has of the file.

    nt: STATUS_RANGE_NOT_LOCKED if exactly this range is not held.
    """

    tree: int
    handle: int
    kind: str
    owner: int
    offset: int
    length: int


@message
class Unlocked(Message):
    """It is free."""


@message
class TestLock(Message):
    """Who would stand in the way of a lock?"""

    tree: int
    handle: int
    kind: str
    owner: int
    offset: int
    length: int
    exclusive: bool


@message
class LockTested(Message):
    """The first one in the way, or None."""

    conflict: LockRange | None
