"""What a server can do for us, over `asking` and `uplink`.

Above this module nobody knows messages of a server's protocol: handles and trees are opaque,
and what a server cannot do its capabilities do not name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from redird.asking import Asking
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import FollowUp
from redird.wire.logon import KeysFor, establish
from redird.wire.messages import FileInfo, Message
from redird.wire.status import Status

R = TypeVar("R", bound=Message)
Created = Callable[[m.Created], None]
Written = Callable[[m.DataWritten], None]
Told = Callable[[FileInfo], None]


@dataclass(frozen=True, slots=True)
class Tree:
    """A slot at a server."""

    number: int
    read_only: bool


class ServerLink(Asking):
    """One link to one server, and what can be asked over it."""

    # --- sessions and trees ---

    async def log_on(
        self, user: str, keys_for: KeysFor, nonce: str, *, proof_needed: bool
    ) -> int:
        """Log a user on, dialling if need be; returns the server's session. Raises Refused."""
        while True:
            link, epoch = await self.ready(), self.epoch
            self.requests_sent += 2
            try:
                established = await establish(
                    link,
                    user,
                    keys_for,
                    nonce,
                    proof_needed=proof_needed,
                    instance=self.instance,
                    epoch=epoch,
                )
            except LinkLost as lost:
                await self.wait_recovered()
                if self.epoch == epoch or not self.is_up:
                    raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, str(lost)) from None
                continue
            if link.lost is None:
                return established.session
            # in this very turn: the session is gone with it
            await self.wait_recovered()
            if not self.is_up:
                raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, link.lost)

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
        self,
        tree: int,
        handle: int,
        offset: int,
        data: bytes,
        on_written: Written,
        *,
        shared: bool,
    ) -> m.DataWritten:
        """Write at `offset`, or at the end; `on_written` hears of it in the server's order.

        `shared`: others may write there too, so it must not be done again after a lost link.
        """
        request = m.Write(tree, handle, offset, data)
        return await self._ask(request, m.DataWritten, on_written, once=shared)

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
