"""Who is there and which slots they hold: sessions, trees, connections, the logoff proof."""

from redird.wire.messages.vocabulary import Message, message, record
from redird.wire.schema import Record


@message
class SessionSetup(Message):
    """A step of SCRAM-SHA-256 (RFC 5802); a guest's first step has an empty token.

    `session` is 0 on the first step. A newer epoch of an instance frees the older one's uses
    if the two links were negotiated with the same key.
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
    """Use a share: the request that the limit counts.

    `reclaims` is the tree that this use was under an earlier link of ours, 0 for a new one.
    """

    session: int
    share: str
    reclaims: int = 0


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
