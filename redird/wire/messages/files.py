"""What is done with files. A `target` is a handle or a path."""

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
    """Open or make a file; access, share, disposition, options, lease as in `wire.files`.

    `mode`: exactly what a file made by this gets; None leaves it to the server.
    """

    tree: int
    path: str
    access: int
    share: int
    disposition: int
    options: int = 0
    lease: int = 0
    mode: int | None = None


@message
class Created(Message):
    """The handle, what was done (`wire.files.OPENED` ...), the lease granted, the file.

    `file` is the server's number of the open file, the one a LeaseBreak names. `followed`:
    symlinks led to it, or perhaps another spelling of its name, and nobody will be told when
    those lead elsewhere.
    """

    handle: int
    action: int
    lease: int
    file: int
    info: FileInfo
    followed: bool = False


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
    """Ask about an open handle or about a path; `follow`: not about a symlink there itself."""

    tree: int
    target: int | str
    follow: bool = True


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
    follow: bool = True


@message
class InfoSet(Message):
    """The file after the change."""

    info: FileInfo


@message
class Compound(Message):
    """Several requests done in order; the first one refused ends it, but for a last Close of
    what it made.

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
