"""Local users on a mount: each is a session of the redirector, logged on at its first use."""

import errno
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog
import trio

from redird import redirector
from redird.finding import opened_file
from redird.fuse.errnos import NotDone
from redird.holdings import Connection, File
from redird.leased import flushing
from redird.peers import Peer
from redird.sessions import SessionKeys
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.link import Answer
from redird.wire.messages import LoggedOff, Message
from redird.wire.status import Status

log = structlog.get_logger()


class Serve(Protocol):
    """`redird.service.serve`: how session clients are answered."""

    def __call__(self, state: State, peer: Peer, request: Message) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a local user is at the server. A password that was given is kept until the first
    logon has proved it.
    """

    user: str
    password_file: str = ""
    password: str = field(default="", repr=False)

    def secret(self) -> str:
        """Return the password; may block. Raises OSError."""
        if self.password_file:
            return Path(self.password_file).read_text().rstrip("\n")
        return self.password


@dataclass(slots=True, eq=False)
class Caller:
    """One local user, logged on; `used_at` is when his last request ended."""

    uid: int
    session: int
    tree: int
    read_only: bool
    handles: set[int] = field(default_factory=set)
    used_at: float = 0.0


class Callers:
    """The sessions of one mount, by uid."""

    def __init__(self, state: State, serve: Serve, peer: Peer, server: str, share: str) -> None:
        self._state = state
        self._serve = serve
        self._peer = peer
        self._server = server
        self._share = share
        self._callers: dict[int, Caller] = {}
        self._credentials: dict[int, Credentials] = {}
        self._changing: dict[int, trio.Lock] = {}
        self._keys: dict[int, SessionKeys] = {}  # instead of a password that was given once

    def know(self, uid: int, credentials: Credentials) -> None:
        """From now on this user may use the mount."""
        self._credentials[uid] = credentials
        self._changing[uid] = trio.Lock()

    @property
    def peer(self) -> int:
        """As whom the redirector knows the mount."""
        return self._peer.number

    @property
    def state(self) -> State:
        """The redirector's tables."""
        return self._state

    def connection(self, caller: Caller) -> Connection | None:
        """Return a user's connection, if he still has one."""
        return self._state.connections.find(self._peer.number, caller.tree)

    def is_of_share(self, file: File) -> bool:
        """Whether a file of the redirector's is one of the mount's share."""
        here = self._server.casefold(), self._share.casefold()
        return any((o.connection.server, o.connection.share) == here for o in file.handles)

    def all(self) -> list[Caller]:
        """Return who is logged on."""
        return list(self._callers.values())

    def find(self, uid: int) -> Caller | None:
        """Return a user's session if he is logged on."""
        return self._callers.get(uid)

    def ask(self, request: Message) -> Any:
        """Ask the redirector as a session client does; awaits its reply. Raises Refused."""
        return self._serve(self._state, self._peer, request)

    async def settle(self, tree: int, handle: int) -> None:
        """Bring to the server's kernel what was deferred; raises what became of it, once."""
        opened = opened_file(self._state, self._peer, tree, handle)
        await flushing.flush(self._state, opened.handle.file)
        flushing.raise_error(opened)

    async def log_on(self, uid: int) -> Caller:
        """Return a user's session, made at its first use; raises Refused or NotDone."""
        credentials = self._credentials.get(uid)
        if credentials is None:
            raise NotDone(errno.EACCES)
        async with self._changing[uid]:
            caller = self._callers.get(uid)
            if caller is None:
                caller = await self._begin(uid, credentials)
                self._callers[uid] = caller
            return caller

    async def _begin(self, uid: int, credentials: Credentials) -> Caller:
        state, owner = self._state, self._peer.number
        try:
            password = await state.world.run_blocking(credentials.secret)
        except (OSError, UnicodeDecodeError) as error:
            why = f"{credentials.password_file}: {error}"
            log.warning("password_unreadable", uid=uid, reason=why)
            raise Refused(Status.STATUS_LOGON_FAILURE, why) from None
        session = await redirector.log_on(
            state, owner, uid, credentials.user, password, self._server, self._keys.get(uid)
        )
        connected = m.Connect(session.number, self._server, self._share, password)
        try:
            done = await self.ask(connected)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self.ask(m.Logoff(session.number))
            raise
        if not credentials.password_file:
            self._keys[uid] = dict(session.keys)
            self._credentials[uid] = Credentials(credentials.user)
        return Caller(uid, session.number, done.tree, done.read_only)

    async def log_off(self, uid: int) -> LoggedOff | None:
        """End a user's session; his next use logs on again. None if he was not logged on."""
        async with self._changing[uid]:
            caller = self._callers.pop(uid, None)
            if caller is None:
                return None
            done: LoggedOff = await self.ask(m.Logoff(caller.session))
            return done

    async def log_off_all(self) -> None:
        """End every session, as when the mount is gone."""
        for uid in list(self._callers):
            try:
                await self.log_off(uid)
            except Refused as no:
                log.warning("mount_logoff_failed", uid=uid, reason=str(no))
