"""A link on its way: one dialling, the time without one, and what recovers over it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import trio

from redird.wire.errors import Refused
from redird.wire.link import Link
from redird.wire.messages import Message, Negotiated
from redird.wire.status import Status

R = TypeVar("R", bound=Message)


@dataclass(slots=True, eq=False)
class Outage:
    """The time from a loss until the link is there again, or given up."""

    why: str
    began: float
    attempts: int = 0
    waiting: int = 0
    over: trio.Event = field(default_factory=trio.Event)


@dataclass(slots=True, eq=False)
class Attempt:
    """One dialling, and the link that comes of it."""

    epoch: int
    usable: bool  # at once; else first what came over the lost one is taken up
    dialled: trio.Event = field(default_factory=trio.Event)
    ended: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    opened: tuple[Link, Negotiated] | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """A link that nobody but its recovery uses yet; `peer` is what the server said of itself,
    `anew` that it is not the one that ran before.
    """

    link: Link
    peer: Negotiated
    epoch: int
    anew: bool

    async def ask(
        self, request: Message, expected: type[R], on_reply: Callable[[R], None] | None = None
    ) -> R:
        """Ask; raises Refused, or LinkLost if this link goes too."""
        heard = hearing(expected, on_reply)
        return checked(await self.link.request(request, heard), expected)


def hearing(
    expected: type[R], on_reply: Callable[[R], None] | None
) -> Callable[[Message], None] | None:
    """Return what hears of a reply, if it is the one expected."""
    if on_reply is None:
        return None

    def on_expected(reply: Message) -> None:
        if isinstance(reply, expected):
            on_reply(reply)

    return on_expected


def checked(reply: Message, expected: type[R]) -> R:
    """Return a reply, or refuse one that is another."""
    if not isinstance(reply, expected):
        raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, f"an answer {reply!r:.60}")
    return reply
