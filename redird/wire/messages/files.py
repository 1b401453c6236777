"""What is done with files and names. A `target` is a handle or a path."""

from typing import Any

from redird.wire.messages.vocabulary import Message, message, record
from redird.wire.schema import Payload, Record

APPEND = -1  # a Write at this offset goes to the end of the file, atomically
RELATED = -1  # in a Compound: the handle made by the Create before


@record
class FileInfo(Record):
    """What is known of a file; `mode`: nine permission bits and the three above them."""

    file_id: int
    kind: str  # file, directory, symlink
    size: int
    links: int
    mode: int
    mtime_ns: int
    atime_ns: int
    ctime_ns: int


@message
class Create(Message):
    """Open or make a file; access, share, disposition, options, lease as in `wire.files`."""

    tree: int
    path: str
    access: int
    share: int
    disposition: int
    options: int = 0
    lease: int = 0


@message
class Created(Message):
    """The handle, what was done (`wire.files.OPENED` ...), the lease granted, the file.

    `file` is the server's number of the open file, the one a LeaseBreak names.
    """

    handle: int
    action: int
    lease: int
    file: int
    info: FileInfo


@message
class Read(Message):
    """Read at most `length` bytes; past the end: STATUS_END_OF_FILE."""

    tree: int
    handle: int
    offset: int
    length: int


@message
class DataRead(Message):
    """The bytes read; fewer than asked only at the end of the file."""

    data: Payload


@message
class Write(Message):
    """Write at `offset`, or at the end if it is APPEND."""

    tree: int
    handle: int
    offset: int
    data: Payload


@message
class DataWritten(Message):
    """How many bytes went where, and the file after that, for whoever caches it."""

    count: int
    offset: int
    info: FileInfo


@message
class Flush(Message):
    """Bring the file's data to the disk."""

    tree: int
    handle: int


@message
class Flushed(Message):
    """It is there."""


@message
class Close(Message):
    """Close one handle."""

    tree: int
    handle: int


@message
class Closed(Message):
    """It is closed."""


@message
class CloseBatch(Message):
    """Close many handles, as (tree, handle) pairs, in one request."""

    handles: tuple[tuple[int, int], ...]


@message
class BatchClosed(Message):
    """An NT status number for each handle, in order."""

    statuses: tuple[int, ...]


@message
class QueryInfo(Message):
    """Ask about an open handle or about a path."""

    tree: int
    target: int | str


@message
class InfoFound(Message):
    """The answer."""

    info: FileInfo


@message
class SetInfo(Message):
    """Change what is not None; `delete`: an open handle's file goes at its last close."""

    tree: int
    target: int | str
    size: int | None = None
    mode: int | None = None
    mtime_ns: int | None = None
    atime_ns: int | None = None
    delete: bool | None = None


@message
class InfoSet(Message):
    """The file after the change."""

    info: FileInfo


@record
class Entry(Record):
    """One entry of a listing."""

    name: str
    info: FileInfo


@message
class QueryDirectory(Message):
    """The next page of a folder's entries that match an NT pattern; `restart` begins anew."""

    tree: int
    handle: int
    pattern: str = "*"
    restart: bool = False
    entries_max: int = 1000


@message
class DirectoryFound(Message):
    """A page, never empty: no (more) entries is STATUS_NO_SUCH_FILE or STATUS_NO_MORE_FILES."""

    entries: tuple[Entry, ...]


@message
class Rename(Message):
    """Rename inside one share; an existing target is replaced only if `replace`."""

    tree: int
    path: str
    target: str
    replace: bool = False


@message
class Renamed(Message):
    """It has its new name."""


@message
class Unlink(Message):
    """Delete a file."""

    tree: int
    path: str


@message
class Unlinked(Message):
    """It is gone."""


@message
class MakeDirectory(Message):
    """Make a folder."""

    tree: int
    path: str


@message
class DirectoryMade(Message):
    """It is there."""


@message
class RemoveDirectory(Message):
    """Remove an empty folder."""

    tree: int
    path: str


@message
class DirectoryRemoved(Message):
    """It is gone."""


@message
class QueryVolume(Message):
    """Ask about the disk under a share."""

    tree: int


@message
class VolumeFound(Message):
    """Sizes in bytes; `free_bytes` is what an ordinary user may fill."""

    total_bytes: int
    free_bytes: int
    files: int
    files_free: int
    name_max: int


@message
class Compound(Message):
    """Several requests done in order; the first one refused ends it.

    Each part is [name, field...]; a handle of RELATED means the one made by the Create before.
    Parts carry no payload on the way there; their replies' payloads come back concatenated.
    """

    parts: tuple[tuple[Any, ...], ...]


@message
class Compounded(Message):
    """The replies in order as [name, field...]; `sizes` cuts `data` into their payloads."""

    parts: tuple[tuple[Any, ...], ...]
    sizes: tuple[int, ...]
    data: Payload
