"""The vocabulary, as frozen dataclasses: requests imperative, replies in the past.

========================  ======================  =============================================
request                   reply                   from -> to
========================  ======================  =============================================
Negotiate                 Negotiated              whoever dialled -> whoever listens
Echo                      Echoed                  both ways, keepalive
SessionSetup              SessionChallenged,      client or redirector -> share server
                          SessionEstablished
TreeConnect               TreeConnected           -> share server: takes a slot of the share
TreeDisconnect            TreeDisconnected        -> share server: gives it back
Logon                     LoggedOn                client -> redirector
Connect, Disconnect       Connected, Disconnected client -> redirector
Logoff                    LoggedOff               -> either; the reply is the proof
Create .. QueryVolume     Created .. VolumeFound  -> either; `tree` is the connection there
CloseBatch                BatchClosed             redirector -> share server
Compound                  Compounded              -> either
DescribeUses              UsesDescribed           share server -> redirector, for a receipt
SlotRecall                SlotsRecalled           share server -> redirector, at the limit
LeaseBreak                LeaseBroken             share server -> redirector
UseEnded                  (notification)          share server -> redirector
DescribeRefusal           RefusalDescribed        the refused -> either
QueryUses                 UsesFound               -> either: how full the share is now
Enumerate, ForceClose     Enumerated, ForceClosed administrator -> either
(any)                     RefusedReply            the answer is no
========================  ======================  =============================================

Times are nanoseconds since 1970 as integers, durations seconds as floats, sizes bytes. A path
is relative to its share, its components joined by "/". `target` is a handle or a path.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

from redird.wire.schema import Codec, Payload, Record

__all__ = ["MESSAGES", "Payload", "Record"]

PROTOCOL_VERSION = 1
APPEND = -1  # a Write at this offset goes to the end of the file, atomically
RELATED = -1  # in a Compound: the handle made by the Create before
MESSAGES: dict[str, type["Message"]] = {}

M = TypeVar("M", bound=type[Record])


class Message(Record):
    """A record that can stand alone in a frame."""

    __slots__ = ()


@dataclass_transform(frozen_default=True)
def record(cls: M) -> M:
    """Make `cls` a record that travels inside messages."""
    made = dataclass(frozen=True, slots=True)(cls)
    made.codec = Codec(made)
    return made  # type: ignore[return-value]


@dataclass_transform(frozen_default=True)
def message(cls: M) -> M:
    """Make `cls` a message known by its class name."""
    made = record(cls)
    MESSAGES[made.__name__] = made  # type: ignore[assignment]
    return made


# --- the link ---------------------------------------------------------------------------------


@message
class Negotiate(Message):
    """First message on a link. `instance` and `epoch` name a redirector, empty for a client."""

    version_min: int
    version_max: int
    capabilities: tuple[str, ...]
    instance: str = ""
    epoch: int = 0


@message
class Negotiated(Message):
    """`role` is shareserver or redird; `requests_max` may be in flight towards the speaker."""

    version: int
    capabilities: tuple[str, ...]
    role: str
    instance: str
    requests_max: int
    payload_max: int


@message
class Echo(Message):
    """Are you there?"""


@message
class Echoed(Message):
    """Yes."""


@message
class RefusedReply(Message):
    """The answer is no: an NT status by number, what it is about, and details for programs."""

    status: int
    subject: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


# --- sessions and connections -----------------------------------------------------------------


@message
class SessionSetup(Message):
    """A step of SCRAM-SHA-256 (RFC 5802); a guest's first step has an empty token.

    `session` is 0 on the first step. A newer epoch of an instance frees the older one's uses.
    """

    session: int
    user: str
    token: str
    instance: str = ""
    epoch: int = 0


@message
class SessionChallenged(Message):
    """The server's SCRAM step; go on with `session`."""

    session: int
    token: str


@message
class SessionEstablished(Message):
    """The session stands; `token` proves that the server knows the verifier too."""

    session: int
    guest: bool
    token: str


@message
class TreeConnect(Message):
    """Use a share: the request that the limit counts."""

    session: int
    share: str


@message
class TreeConnected(Message):
    """`tree` grows with every slot ever given, so it fences too; `uses` counts this one."""

    tree: int
    uses: int
    uses_max: int | None
    read_only: bool


@message
class TreeDisconnect(Message):
    """Give a use back; closes every handle under it (MS-CIFS 3.3.5.41)."""

    tree: int


@message
class TreeDisconnected(Message):
    """What was closed and how many uses the share had before and after."""

    handles_closed: int
    uses_before: int
    uses_after: int


@message
class Logon(Message):
    """Log a user on to the redirector, proven at `server` (or at its only one)."""

    user: str
    password: str = ""
    server: str = ""


@message
class LoggedOn(Message):
    """The redirector's number of the session."""

    session: int


@message
class Connect(Message):
    r"""Connect a session to `\\server\share`; `password` only for a server not yet proven
    at."""

    session: int
    server: str
    share: str
    password: str = ""


@message
class Connected(Message):
    """The redirector's number of the connection, used as `tree` in file requests."""

    tree: int
    read_only: bool


@message
class Disconnect(Message):
    """End a connection; without `force` it is refused while files are open."""

    tree: int
    force: bool = False


@message
class Disconnected(Message):
    """The connection has ended."""

    handles_closed: int


@message
class Logoff(Message):
    """End a session and everything under it."""

    session: int


@record
class ShareProof(Record):
    """One share in a logoff's proof; -1 uses: the server was not asked or did not answer."""

    server: str
    share: str
    uses_before: int
    uses_after: int
    handles_closed: int
    disconnected: bool


@message
class LoggedOff(Message):
    """The proof: trees disconnected, handles closed, uses before and after, and the residue.

    `residue` lists in words what is left on servers; empty means nothing.
    """

    handles_closed: int
    requests_sent: int
    shares: tuple[ShareProof, ...]
    residue: tuple[str, ...]


# --- files ------------------------------------------------------------------------------------


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


# --- leases, slots, receipts ------------------------------------------------------------------


@message
class LeaseBreak(Message):
    """Give the lease on a file back down to `lease`; closing the handles is an answer too."""

    file: int
    lease: int


@message
class LeaseBroken(Message):
    """The lease is given back."""


@message
class DescribeUses(Message):
    """What are these trees held for, now?"""

    trees: tuple[int, ...]


@record
class UseDescription(Record):
    """Why one slot is held: what only its redirector knows.

    `state` is live, dormant_only, orphan, closing or unknown. `logged_off_for_s`: how long ago
    LoggedOff was sent, None while the session is logged on. `release_in_s`, `release_by`: when
    it will be freed, and by which timer.
    """

    tree: int
    state: str
    logged_off_for_s: float | None
    open_files: int
    dormant_files: int
    oldest_dormant_s: float | None
    release_in_s: float | None
    release_by: str


@message
class UsesDescribed(Message):
    """One description for each tree asked about."""

    uses: tuple[UseDescription, ...]


@message
class SlotRecall(Message):
    """The share is full: give back `wanted` slots that nobody needs."""

    share: str
    wanted: int


@message
class SlotsRecalled(Message):
    """How many were given back; each TreeDisconnect came before this answer."""

    given: int


@message
class DescribeRefusal(Message):
    """Wait until a refusal's receipt is complete; `server` only to a redirector."""

    receipt: int
    server: str = ""


@message
class RefusalDescribed(Message):
    """The receipt (see shareserver.receipts)."""

    receipt: dict[str, Any]


@message
class QueryUses(Message):
    """How many uses has the share of this tree now?"""

    tree: int


@message
class UsesFound(Message):
    """The share's uses and its limit (None: none)."""

    uses: int
    uses_max: int | None


@message
class UseEnded(Message):
    """Notification to a redirector: an administrator took this tree away."""

    tree: int


# --- administration ---------------------------------------------------------------------------


@message
class Enumerate(Message):
    """One of the admin views by name; `since` pages those that are numbered."""

    view: str
    since: int = 0


@message
class Enumerated(Message):
    """The rows, all with the same keys."""

    rows: tuple[dict[str, Any], ...]


@message
class ForceClose(Message):
    """End a session, a connection or an open file on behalf of an administrator."""

    kind: str
    number: int


@message
class ForceClosed(Message):
    """What was ended, in words."""

    closed: str
