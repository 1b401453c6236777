"""What a server can do for us, and its implementation over `wire`.

Above this module nobody knows messages of a server's protocol: handles and trees are opaque,
and what a server cannot do its capabilities do not name. A link is dialled when it is first
needed. Its name is the redirector's instance at that server, each dialling is a newer epoch:
what an older, half-open link of ours still holds is freed before we ask for more.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import trio

from redird.wire import messages as m
from redird.wire.dialling import unwrapped
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Answer, FollowUp, Link
from redird.wire.logon import KeysFor, establish
from redird.wire.messages import FileInfo, Message, Negotiated
from redird.wire.status import Status

R = TypeVar("R", bound=Message)
CAPABILITIES = ("batch", "describe", "lease", "uses")
OpenLink = Callable[..., AbstractAsyncContextManager[tuple[Link, Negotiated]]]
Created = Callable[[m.Created], None]
Written = Callable[[m.DataWritten], None]
Told = Callable[[FileInfo], None]


class Questions(Protocol):
    """What a server asks of a redirector; `link` names the link it came over."""

    def describe_uses(self, link: str, trees: tuple[int, ...]) -> m.UsesDescribed: ...
    async def recall_slots(self, link: str, share: str, wanted: int) -> int: ...
    async def break_lease(self, link: str, file: int, lease: int) -> None: ...
    def use_ended(self, link: str, tree: int) -> None: ...
    def link_lost(self, link: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Tree:
    """A slot at a server."""

    number: int
    read_only: bool


class ServerLink:
    """One link to one server, dialled when needed and again after it was lost."""

    def __init__(
        self,
        name: str,
        instance: str,
        epoch: int,
        open_link: OpenLink,
        questions: Questions,
        spawn: Callable[..., None],
        *,
        recall: bool,
        private: bool = False,
    ) -> None:
        self.name = name
        self.instance = instance
        self.private = private
        self.requests_sent = 0
        self._epoch = epoch
        self._open_link = open_link
        self._questions = questions
        self._spawn = spawn
        self._offer = (*CAPABILITIES, "recall") if recall else CAPABILITIES
        self._link: Link | None = None
        self._peer: Negotiated | None = None
        self._dialling = trio.Lock()
        self._given_up = trio.Event()
        self._closed = False

    @property
    def capabilities(self) -> frozenset[str]:
        """What both sides can do; empty while there is no link."""
        return frozenset(self._peer.capabilities if self._peer else ())

    # --- the link ---

    async def _ready(self) -> Link:
        if self._link is not None and self._link.lost is None:
            return self._link
        async with self._dialling:
            if self._link is not None and self._link.lost is not None:
                await self._given_up.wait()  # what came over it, before anything new does
            if self._link is None:
                await self._dial()
        if self._link is None or self._closed:
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, self.name)
        return self._link

    async def _dial(self) -> None:
        """Start the link's task and wait for it; raises Refused if there is no way there."""
        self._epoch += 1
        self._given_up = trio.Event()
        outcome: list[Exception] = []
        dialled = trio.Event()
        self._spawn(self._hold, dialled, outcome)
        await dialled.wait()
        if outcome:
            raise Refused(Status.STATUS_BAD_NETWORK_PATH, str(outcome[0])) from outcome[0]

    async def _hold(self, dialled: trio.Event, outcome: list[Exception]) -> None:
        """Own the link for as long as it lasts."""
        try:
            with unwrapped():
                async with self._open_link(
                    capabilities=self._offer,
                    handler=self._answer,
                    instance=self.instance,
                    epoch=self._epoch,
                ) as (self._link, self._peer):
                    if self._closed:
                        self.close()
                    dialled.set()
                    await self._link.wait_lost()
        except (LinkLost, Refused) as error:
            outcome.append(error)
        finally:
            known, self._link = self._link is not None, None
            if known:
                self._questions.link_lost(self.name)
            self._given_up.set()
            dialled.set()

    def close(self) -> None:
        """Leave the server for good."""
        self._closed = True
        if self._link is not None:
            self._link.close("the redirector left")

    def _answer(self, link: Link, request: Message) -> Answer:
        questions = self._questions
        if isinstance(request, m.DescribeUses):
            return questions.describe_uses(self.name, request.trees)
        if isinstance(request, m.SlotRecall):
            return self._recalled(request)
        if isinstance(request, m.LeaseBreak):
            return self._broken(request)
        if isinstance(request, m.UseEnded):
            questions.use_ended(self.name, request.tree)
            return m.Closed()
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, type(request).__name__)

    async def _recalled(self, request: m.SlotRecall) -> Message:
        given = await self._questions.recall_slots(self.name, request.share, request.wanted)
        return m.SlotsRecalled(given)

    async def _broken(self, request: m.LeaseBreak) -> Message:
        await self._questions.break_lease(self.name, request.file, request.lease)
        return m.LeaseBroken()

    async def _ask(
        self,
        request: Message,
        expected: type[R],
        on_reply: Callable[[R], None] | None = None,
        then: FollowUp | None = None,
    ) -> R:
        """Ask over the link there is; a request under a tree never dials anew."""
        if self._link is None:
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, self.name)
        self.requests_sent += 1 + (then is not None)

        def on_expected(reply: Message) -> None:
            if on_reply is not None and isinstance(reply, expected):
                on_reply(reply)

        try:
            reply = await self._link.request(request, on_expected if on_reply else None, then)
        except LinkLost as lost:
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, str(lost)) from None
        if not isinstance(reply, expected):
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, f"{self.name}: {reply!r:.60}")
        return reply

    # --- sessions and trees ---

    async def log_on(
        self, user: str, keys_for: KeysFor, nonce: str, *, proof_needed: bool
    ) -> int:
        """Log a user on, dialling if need be; returns the server's session. Raises Refused."""
        link = await self._ready()
        self.requests_sent += 2
        try:
            established = await establish(
                link,
                user,
                keys_for,
                nonce,
                proof_needed=proof_needed,
                instance=self.instance,
                epoch=self._epoch,
            )
        except LinkLost as lost:
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, str(lost)) from None
        if link.lost is not None:  # in this very turn: the session is gone with it
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, link.lost)
        return established.session

    async def log_off(self, session: int) -> m.LoggedOff:
        """End a session and everything under it."""
        return await self._ask(m.Logoff(session), m.LoggedOff)

    async def tree_connect(
        self, session: int, share: str, on_tree: Callable[[Tree], None]
    ) -> None:
        """Take a slot; `on_tree` hears of it before anything the server says after."""

        def connected(reply: m.TreeConnected) -> None:
            on_tree(Tree(reply.tree, reply.read_only))

        await self._ask(m.TreeConnect(session, share), m.TreeConnected, connected)

    async def tree_disconnect(self, tree: int) -> m.TreeDisconnected:
        """Give a slot back with every handle under it."""
        return await self._ask(m.TreeDisconnect(tree), m.TreeDisconnected)

    async def uses(self, tree: int) -> int | None:
        """How many uses the tree's share has, if the server can tell."""
        if "uses" not in self.capabilities:
            return None
        return (await self._ask(m.QueryUses(tree), m.UsesFound)).uses

    async def refusal(self, receipt: int) -> dict[str, Any]:
        """Return the receipt of a refusal we were given."""
        return (await self._ask(m.DescribeRefusal(receipt), m.RefusalDescribed)).receipt

    # --- files ---

    async def create(
        self, request: m.Create, on_created: Created, then: FollowUp | None = None
    ) -> m.Created:
        """Open a file, asking for a lease only where leases are."""
        if "lease" not in self.capabilities:
            request = replace(request, lease=0)
        return await self._ask(request, m.Created, on_created, then)

    async def read(self, tree: int, handle: int, offset: int, length: int) -> bytes:
        """Read at most `length` bytes."""
        return (await self._ask(m.Read(tree, handle, offset, length), m.DataRead)).data

    async def write(
        self, tree: int, handle: int, offset: int, data: bytes, on_written: Written
    ) -> m.DataWritten:
        """Write at `offset`, or at the end; `on_written` hears of it in the server's order."""
        return await self._ask(m.Write(tree, handle, offset, data), m.DataWritten, on_written)

    async def flush(self, tree: int, handle: int) -> None:
        """Bring the file to the server's disk."""
        await self._ask(m.Flush(tree, handle), m.Flushed)

    async def close_batch(self, handles: Sequence[tuple[int, int]]) -> int:
        """Close (tree, handle) pairs; returns how many requests that took.

        One that the server had closed before counts as closed.
        """
        if "batch" in self.capabilities:
            await self._ask(m.CloseBatch(tuple(handles)), m.BatchClosed)
            return 1
        for tree, handle in handles:
            await self._ask(m.Close(tree, handle), m.Closed)
        return len(handles)

    def send_close_batch(
        self, handles: Sequence[tuple[int, int]], on_closed: Callable[[], None]
    ) -> bool:
        """Send what `close_batch` does without waiting; False if that is not possible now."""
        if self._link is None or "batch" not in self.capabilities:
            return False
        sent = self._link.send(m.CloseBatch(tuple(handles)), lambda _: on_closed())
        self.requests_sent += sent
        return sent

    async def query_info(self, request: m.QueryInfo, on_told: Told | None = None) -> FileInfo:
        """Tell about a handle or a path."""
        heard = None if on_told is None else lambda reply: on_told(reply.info)
        return (await self._ask(request, m.InfoFound, heard)).info

    async def set_info(self, request: m.SetInfo, on_told: Told | None = None) -> FileInfo:
        """Change a file's attributes."""
        heard = None if on_told is None else lambda reply: on_told(reply.info)
        return (await self._ask(request, m.InfoSet, heard)).info

    async def ask(
        self,
        request: Message,
        expected: type[R],
        on_reply: Callable[[R], None] | None = None,
        then: FollowUp | None = None,
    ) -> R:
        """Pass on what is the same on both sides; `on_reply` hears of it in their order."""
        return await self._ask(request, expected, on_reply, then)
