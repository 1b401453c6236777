"""What sessions hold, as records: connections, files, handles, opens.

A connection is one session's use of one share and costs a slot there. A handle is open at the
server; one or more of the session's opens are served by it (collapse), or none, when it is
dormant or closing (`dormant.DormantTable` knows which). A file is what several handles have in
common: what is known of it, and the lease that allows to know it.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from redird.leased.names import Names
from redird.sessions import Session
from redird.wire.errors import Refused
from redird.wire.messages import DataWritten, Entry, FileInfo, VolumeFound
from redird.wire.status import Status

ServerHandle = Any  # opaque: whatever the server's side gave us
PathKey = tuple[str, str, str]  # server, share, path


class Done(Protocol):
    """An event."""

    def set(self) -> object: ...
    async def wait(self) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Fetch:
    """A read under way for the pages from `start` to `end`; `done` when they may be there."""

    start: int
    end: int
    done: Done


@dataclass(slots=True, eq=False)
class File:
    """One file at a server as this redirector knows it; the lease is all its handles'.

    `info` is what the server told last, to be told again only under R and while `info_known`;
    `size` counts deferred writes too. `version` grows with every change of the data that we
    make or are told of: an answer asked for before must not be kept after. `dropped` counts
    how often all that was kept of it was thrown away. `changing` counts changes of ours under
    way: the server may have made them, and others seen them, so nothing old is told meanwhile.
    """

    key: tuple[str, int]  # server link, the server's number of the open file
    info: FileInfo
    lease: int = 0
    handles: dict["Handle", None] = field(default_factory=dict)
    size: int = 0
    info_known: bool = True
    version: int = 0
    dropped: int = 0
    changing: int = 0
    names: Names | None = None  # of a folder
    promised_until: float = 0.0  # somebody was told what is known of it (`promises`)
    sending: bool = False  # deferred writes
    fetches: list[Fetch] = field(default_factory=list)

    @property
    def seen(self) -> FileInfo:
        """What applications see: deferred writes count."""
        return self.info if self.size == self.info.size else replace(self.info, size=self.size)

    def learn(self, info: FileInfo) -> None:
        """The server told this of the file, which has nothing deferred."""
        self.info, self.size, self.info_known = info, info.size, True

    def wrote(self, done: DataWritten) -> None:
        """The server has written; more may be deferred behind it."""
        self.info, self.size, self.info_known = done.info, max(done.info.size, self.size), True

    def fetch_of(self, start: int, end: int) -> Fetch | None:
        """Return a fetch under way for some of this range."""
        return next((one for one in self.fetches if one.start < end and start < one.end), None)


@dataclass(slots=True, eq=False)
class Connection:
    """One session's use of one share. `tree` is None while it has no slot (recalled, lost).

    `trees`: this and those of earlier links under which the server may still have handles.
    `left_at`: when LoggedOff was sent though the connection was not yet gone. `releasing`: its
    TreeDisconnect is under way.
    """

    number: int
    session: Session
    server: str
    share: str
    link: str
    tree: int | None = None
    trees: tuple[int, ...] = ()
    read_only: bool = False
    references: int = 1
    opening: int = 0
    opens: dict[int, "Open"] = field(default_factory=dict)
    handles: dict[int, "Handle"] = field(default_factory=dict)
    left_at: float | None = None
    releasing: bool = False
    recalled: bool = False
    state: str = ""
    volume: tuple[float, VolumeFound] | None = None  # when it was told, and what


@dataclass(slots=True, eq=False)
class Handle:
    """One handle at a server and the opens it serves. `dead`: it was closed under us.

    `deletes`: its close deletes the file, or its name once all have closed it.
    """

    number: int
    connection: Connection
    path: str
    file: File
    server_handle: ServerHandle
    tree: int
    access: int
    share: int
    parkable: bool
    deletes: bool = False
    opens: set[int] = field(default_factory=set)
    parked_at: float = 0.0
    due_at: float = 0.0
    dead: bool = False
    untold: dict[int, Refused] = field(default_factory=dict)  # failed writes, by open
    lost: str = ""  # with its link, and what was tried


@dataclass(slots=True)
class Listing:
    """Where an enumeration of a folder stands."""

    entries: list[Entry]
    position: int = 0
    answered: bool = False

    def take(self, count: int) -> tuple[Entry, ...]:
        """Return the next page of at most `count` entries, and go on behind it."""
        page = tuple(self.entries[self.position : self.position + count])
        self.position += len(page)
        self.answered = self.answered or bool(page)
        return page


@dataclass(slots=True, eq=False)
class Open:
    """What an application holds: one open of a file by one session."""

    number: int
    connection: Connection
    handle: Handle
    next_offset: int = 0  # where the last read ended
    listing: "Listing | None" = None


def closed(handle: Handle) -> Refused:
    """Return what to say of a handle that the server has closed, or lost."""
    if handle.lost:
        told = {"advice": handle.lost}
        return Refused(Status.STATUS_CONNECTION_DISCONNECTED, handle.path, told)
    return Refused(Status.STATUS_FILE_CLOSED, handle.path)


def path_key(handle: Handle) -> PathKey:
    """Return where a handle leads: server, share and path."""
    connection = handle.connection
    return connection.server, connection.share, handle.path
