"""A redirector's link to the server on a stage, without a link: requests are calls, for crowds.

Nothing is packed, sent or awaited between asking and being served, so there is nothing to hold
back, to slow down or to cut; and whoever asks gets the answer, cancelled or not. The services
and tables at both ends are the daemons' own.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import trio

from redird.wire import dialling
from redird.wire.confirming import Confirmed
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Answer, FollowUp, Handler, Link
from redird.wire.messages import Message, Negotiated, RefusedReply
from shareserver import teardown
from shareserver.service import dispatch
from shareserver.state import Peer, State

Heard = Callable[[Message], None]


class End:
    """One end; `answer` serves what the other one asks."""

    def __init__(self, state: State, answer: Handler) -> None:
        self.lost: str | None = None
        self.confirmed = Confirmed(math.inf)
        self.admit_by: float | None = None
        self.exchange = self
        self.other = self
        self._state = state
        self._answer = answer
        self._gone = trio.Event()

    def trust_peer(self) -> None:
        """There is no framing that could be bounded."""

    async def request(
        self, message: Message, on_reply: Heard | None = None, then: FollowUp | None = None
    ) -> Message:
        """Ask, and return the answer; raises Refused, or LinkLost at the end of the stage."""
        answer = self._serve(message)
        if isinstance(answer, Message):
            reply = answer
        else:
            with trio.CancelScope(shield=True):
                reply = await answer
        if on_reply is not None:
            on_reply(reply)
        if then is not None:
            self.send(*then)
        return reply

    def send(self, message: Message, on_reply: Heard) -> bool:
        """Ask without waiting for the answer."""
        if self.lost is not None:
            return False
        try:
            answer = self._serve(message)
        except Refused as no:
            answer = RefusedReply(int(no.status), no.subject, no.detail)
        if isinstance(answer, Message):
            on_reply(answer)
        else:
            self._state.spawn(_answered_later, answer, on_reply)
        return True

    def notify(self, message: Message) -> None:
        """Tell something that has no answer."""
        self.send(message, lambda _: None)

    def _serve(self, message: Message) -> Answer:
        if self.lost is not None:
            raise LinkLost(self.lost)
        other = self.other
        return other._answer(cast(Link, other), message)

    def close(self, reason: str) -> None:
        """End it for both."""
        for end in (self, self.other):
            end.lost = end.lost or reason
            end._gone.set()

    async def wait_lost(self) -> str:
        """Wait until it has ended; returns why."""
        await self._gone.wait()
        return self.lost or ""


async def _answered_later(answer: Any, on_reply: Heard) -> None:
    try:
        on_reply(await answer)
    except Refused as no:
        on_reply(RefusedReply(int(no.status), no.subject, no.detail))


@asynccontextmanager
async def open_shortcut(
    state: State,
    *,
    handler: Handler,
    silence_max_s: float,
    confirming: bool = False,
    **options: Any,
) -> AsyncIterator[tuple[Link, Negotiated]]:
    """Reach the server whose tables `state` is, as `dialling.open_link` would."""
    number = state.next_number()
    peer: Peer

    def serve(link: Link, message: Message) -> Answer:
        return dispatch.serve(state, peer, message)

    near, far = End(state, handler), End(state, serve)
    near.other, far.other = far, near
    peer = Peer(number, cast(Link, far), f"link {number}", None, state.world.wall_now())
    state.peers[number] = peer
    link = cast(Link, near)
    try:
        yield link, await dialling.negotiate(link, **options)
    finally:
        near.close("the link was closed here")
        with trio.CancelScope(shield=True):
            await teardown.end_peer(state, peer)
