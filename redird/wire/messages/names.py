"""What is done with names: listings, links, folders. A path is relative to its share."""

from redird.wire.messages.files import FileInfo
from redird.wire.messages.vocabulary import Message, message, record
from redird.wire.schema import Record


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
    """A page, never empty: no (more) entries is STATUS_NO_SUCH_FILE or STATUS_NO_MORE_FILES.

    `last`: nothing comes behind it.
    """

    entries: tuple[Entry, ...]
    last: bool = False


@message
class Rename(Message):
    """Rename inside one share; an existing target is replaced only if `replace`.

    `posix`: a target may be replaced and a folder renamed though files are open.
    """

    tree: int
    path: str
    target: str
    replace: bool = False
    posix: bool = False


@message
class Renamed(Message):
    """It has its new name."""


@message
class Unlink(Message):
    """Delete a file; `posix`: its name goes at once, whoever has it open may go on."""

    tree: int
    path: str
    posix: bool = False


@message
class Unlinked(Message):
    """It is gone, or (`pending`) goes when the last who has it open has closed it."""

    pending: bool = False


@message
class MakeDirectory(Message):
    """Make a folder; `mode`: exactly what it gets, None leaves it to the server."""

    tree: int
    path: str
    mode: int | None = None


@message
class DirectoryMade(Message):
    """It is there."""

    info: FileInfo


@message
class RemoveDirectory(Message):
    """Remove an empty folder; `posix`: though somebody has it open."""

    tree: int
    path: str
    posix: bool = False


@message
class DirectoryRemoved(Message):
    """It is gone."""


@message
class Link(Message):
    """Give the file at `path` a second name (a hard link); `target` must be free."""

    tree: int
    path: str
    target: str


@message
class Linked(Message):
    """The file after that."""

    info: FileInfo


@message
class Symlink(Message):
    """Make a symbolic link at `path` that says `target`, which need not exist."""

    tree: int
    path: str
    target: str


@message
class Symlinked(Message):
    """The symlink itself."""

    info: FileInfo


@message
class ReadLink(Message):
    """What does the symlink at `path` say? STATUS_NOT_A_REPARSE_POINT if it is none."""

    tree: int
    path: str


@message
class LinkRead(Message):
    """It says this."""

    target: str


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
