r"""One logged-on user, as an async context manager.

    async with logon("unix:/run/redird.sock", "alice", "secret") as session:
        async with session.open(r"\\files\docs\notes.txt", "r") as notes:
            print(await notes.read())

The address may be a redirector's or a share server's: what answers says which it is. Leaving
the block logs off. Every error is a `clients.errors.SessionError`.
"""

import functools
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import trio

from clients.attributes import Attributes
from clients.errors import LinkFailed, session_errors
from clients.file import File, TextFile, open_file
from clients.names import Unc, parse
from redird.wire import address, dialling
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Link
from redird.wire.logon import NONCE_BYTES, establish
from redird.wire.messages import Entry, FileInfo, LoggedOff, Message, Negotiated, VolumeFound
from redird.wire.scram import Keys, derive
from redird.wire.status import Status

R = TypeVar("R", bound=Message)
CAPABILITIES = ("compound", "uses")


class Client:
    """One link to a daemon; many users may log on over it."""

    def __init__(self, link: Link, peer: Negotiated) -> None:
        self.link = link
        self.peer = peer

    @property
    def direct(self) -> bool:
        """Whether the daemon is a share server, with no redirector between."""
        return self.peer.role == "shareserver"

    async def ask(self, request: Message, expected: type[R]) -> R:
        """Send a request and return its reply, which must be of the type expected."""
        reply = await self.link.request(request)
        if not isinstance(reply, expected):
            raise LinkLost(f"{type(request).__name__} was answered with {type(reply).__name__}")
        return reply

    async def logon(self, user: str, password: str = "", server: str = "") -> "Session":
        """Log a user on; `server` names where a redirector proves the password."""
        with session_errors(f"{user} at {server}" if server else user):
            if not self.direct:
                logged_on = await self.ask(m.Logon(user, password, server), m.LoggedOn)
                return Session(self, user, logged_on.session)
            nonce = secrets.token_urlsafe(NONCE_BYTES)
            keys_for = functools.partial(_derive_in_thread, password)
            established = await establish(
                self.link, user, keys_for, nonce, proof_needed=bool(password)
            )
            return Session(self, user, established.session)

    async def receipt(self, number: int, server: str = "") -> dict[str, Any]:
        """Return the receipt of a refusal that this link was given, once it is complete."""
        with session_errors(f"receipt {number}"):
            reply = await self.ask(m.DescribeRefusal(number, server), m.RefusalDescribed)
            return reply.receipt


async def _derive_in_thread(password: str, salt: bytes, iterations: int) -> Keys:
    return await trio.to_thread.run_sync(derive, password, salt, iterations)


class Session(Attributes):
    """One logged-on user."""

    def __init__(self, client: Client, user: str, number: int) -> None:
        self.client = client
        self.user = user
        self.number = number
        self.proof: LoggedOff | None = None
        self._trees: dict[tuple[str, str], int] = {}
        self._connecting: defaultdict[tuple[str, str], trio.Lock] = defaultdict(trio.Lock)

    async def connect(self, server: str, share: str, password: str = "") -> int:
        """Connect to a share, which takes a slot; returns the connection's number.

        Raises ConnectRefused at the share's limit. Connecting again returns the same number,
        also to those who ask at once: a redirector counts how often it was asked.
        """
        key = _key(server, share)
        if key not in self._trees:
            async with self._connecting[key]:
                if key not in self._trees:
                    with session_errors(f"\\\\{server}\\{share}"):
                        self._trees[key] = await self._connect(server, share, password)
        return self._trees[key]

    async def _connect(self, server: str, share: str, password: str) -> int:
        if self.client.direct:
            request = m.TreeConnect(self.number, share)
            return (await self.client.ask(request, m.TreeConnected)).tree
        connect = m.Connect(self.number, server, share, password)
        return (await self.client.ask(connect, m.Connected)).tree

    async def disconnect(self, server: str, share: str, *, force: bool = False) -> None:
        """Give a share back; without `force` a redirector refuses while files are open."""
        key = _key(server, share)
        with session_errors(f"\\\\{server}\\{share}"):
            tree = self._trees.get(key, 0)
            if self.client.direct:
                await self.client.ask(m.TreeDisconnect(tree), m.TreeDisconnected)
            else:
                await self.client.ask(m.Disconnect(tree, force), m.Disconnected)
            self._trees.pop(key, None)

    async def logoff(self) -> LoggedOff:
        """Log off; returns the proof of what was closed, and what was left."""
        if self.proof is None:
            with session_errors(self.user):
                self.proof = await self.client.ask(m.Logoff(self.number), LoggedOff)
        return self.proof

    # --- files ---

    def open(
        self, name: str, mode: str = "r", *, share: int = f.SHARE_ALL
    ) -> AbstractAsyncContextManager[Any]:
        r"""Open `\\server\share\path`; modes as Python's open, text being UTF-8.

        Gives a TextFile, or with "b" a File of bytes. `share` says what other openers may do
        meanwhile (`redird.wire.files.FILE_SHARE_...`).
        """
        return self._open(name, mode, share)

    @asynccontextmanager
    async def _open(self, name: str, mode: str, share: int) -> AsyncIterator[TextFile | File]:
        with session_errors(name):
            tree, unc = await self._at(name)
            file = await open_file(self.client, tree, unc.path, mode, share, name)
        try:
            yield file
        except BaseException:  # which a close that fails too must not hide
            with suppress(LinkFailed):
                await self._close(file)
            raise
        await self._close(file)

    async def _close(self, file: TextFile | File) -> None:
        if self.proof is None:  # a logoff has closed it
            with trio.CancelScope(shield=True):
                await file.aclose()

    async def _at(self, name: str) -> tuple[int, Unc]:
        unc = parse(name)
        return await self.connect(unc.server, unc.share), unc

    async def _ask(self, name: str, kind: Any, expected: type[R], *arguments: Any) -> R:
        with session_errors(name):
            tree, unc = await self._at(name)
            return await self.client.ask(kind(tree, unc.path, *arguments), expected)

    async def mkdir(self, name: str, mode: int | None = None) -> FileInfo:
        """Make a folder with exactly `mode`, or a usual one."""
        return (await self._ask(name, m.MakeDirectory, m.DirectoryMade, mode)).info

    async def rmdir(self, name: str, *, posix: bool = False) -> None:
        """Remove an empty folder; `posix`: though somebody has it open."""
        await self._ask(name, m.RemoveDirectory, m.DirectoryRemoved, posix)

    async def unlink(self, name: str, *, posix: bool = False) -> None:
        """Delete a file; `posix`: its name goes at once, whoever has it open may go on."""
        await self._ask(name, m.Unlink, m.Unlinked, posix)

    async def rename(
        self, name: str, target: str, *, replace: bool = False, posix: bool = False
    ) -> None:
        """Rename within one share; a target on another one is refused.

        `posix`: a target may be replaced and a folder renamed though files are open.
        """
        there = self._same_share(name, target)
        await self._ask(name, m.Rename, m.Renamed, there.path, replace, posix)

    def _same_share(self, name: str, target: str) -> Unc:
        with session_errors(target):
            here, there = parse(name), parse(target)
            if _key(here.server, here.share) != _key(there.server, there.share):
                raise Refused(Status.STATUS_NOT_SAME_DEVICE)
            return there

    async def link(self, name: str, target: str) -> FileInfo:
        """Give a file a second name on its share (a hard link)."""
        there = self._same_share(name, target)
        return (await self._ask(name, m.Link, m.Linked, there.path)).info

    async def symlink(self, name: str, says: str) -> FileInfo:
        """Make a symbolic link that says `says`, which need not lead anywhere."""
        return (await self._ask(name, m.Symlink, m.Symlinked, says)).info

    async def readlink(self, name: str) -> str:
        """Return what a symbolic link says."""
        return (await self._ask(name, m.ReadLink, m.LinkRead)).target

    async def copy_range(
        self, source: File, start: int, target: File, offset: int, length: int
    ) -> int:
        """Copy between two open files of one share, at the server; returns how much.

        Less than `length` is copied only if the source ends before.
        """
        return await target.copy_from(source, start, offset, length)

    async def volume(self, name: str) -> VolumeFound:
        """Tell about the disk under a share."""
        with session_errors(name):
            tree, _ = await self._at(name)
            return await self.client.ask(m.QueryVolume(tree), VolumeFound)

    async def listdir(self, name: str, pattern: str = "*") -> list[Entry]:
        """List a folder's entries that match an NT pattern (`* ? < > "`)."""
        with session_errors(name):
            tree, unc = await self._at(name)
            create = m.Create(
                tree,
                unc.path,
                f.FILE_READ_ATTRIBUTES,
                f.SHARE_ALL,
                f.FILE_OPEN,
                f.FILE_DIRECTORY_FILE,
            )
            handle = (await self.client.ask(create, m.Created)).handle
            try:
                return await self._pages(tree, handle, pattern)
            finally:
                with trio.CancelScope(shield=True):
                    await self.client.ask(m.Close(tree, handle), m.Closed)

    async def _pages(self, tree: int, handle: int, pattern: str) -> list[Entry]:
        found: list[Entry] = []
        while True:
            query = m.QueryDirectory(tree, handle, pattern)
            try:
                page = await self.client.ask(query, m.DirectoryFound)
            except Refused as no:
                if no.status in (Status.STATUS_NO_SUCH_FILE, Status.STATUS_NO_MORE_FILES):
                    return found
                raise
            found += page.entries
            if page.last:
                return found


def _key(server: str, share: str) -> tuple[str, str]:
    """Names that differ only in case are the same share."""
    return server.casefold(), share.casefold()


@asynccontextmanager
async def dial(to: str | trio.abc.Stream) -> AsyncIterator[Client]:
    """Open a link to a daemon at `tcp:HOST:PORT` or `unix:/PATH`, or over a stream."""
    where = _parsed(to) if isinstance(to, str) else to
    with session_errors(), dialling.unwrapped():
        async with dialling.open_link(where, capabilities=CAPABILITIES) as (link, peer):
            yield Client(link, peer)


def _parsed(text: str) -> address.Address:
    try:
        return address.parse(text)
    except address.AddressError as error:
        raise LinkFailed(str(error)) from None


@asynccontextmanager
async def logon(
    to: str | trio.abc.Stream, user: str, password: str = "", server: str = ""
) -> AsyncIterator[Session]:
    """Log a user on at a daemon for the length of the block, then log off."""
    async with dial(to) as client:
        session = await client.logon(user, password, server)
        try:
            yield session
        except BaseException:
            with trio.CancelScope(shield=True), suppress(LinkFailed):  # a lost link logs off
                await session.logoff()
            raise
        await session.logoff()
