"""The dialling side of a link: reach the peer, agree on a version, keep it alive, end it."""

import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from redird.wire.address import Address, dial
from redird.wire.errors import LinkLost, Refused
from redird.wire.keepalive import keep_alive, keep_confirmed
from redird.wire.link import Answer, Handler, Link
from redird.wire.messages import PROTOCOL_VERSION, Message, Negotiate, Negotiated
from redird.wire.status import Status

ECHO_S = 5.0
PEER_SILENCE_MAX_S = 15.0


def refuse_all(link: Link, message: Message) -> Answer:
    """Serve a peer that has no business asking us."""
    raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, type(message).__name__)


async def negotiate(
    link: Link,
    capabilities: tuple[str, ...] = (),
    instance: str = "",
    epoch: int = 0,
    key: str = "",
) -> Negotiated:
    """Agree with the peer on version and capabilities; raises Refused or LinkLost."""
    offer = Negotiate(PROTOCOL_VERSION, PROTOCOL_VERSION, capabilities, instance, epoch, key)
    reply = await link.request(offer)
    if not isinstance(reply, Negotiated):
        raise LinkLost(f"the peer answered Negotiate with {type(reply).__name__}")
    return reply


@asynccontextmanager
async def open_link(
    to: Address | trio.abc.Stream,
    *,
    capabilities: tuple[str, ...] = (),
    handler: Handler = refuse_all,
    instance: str = "",
    epoch: int = 0,
    key: str = "",
    silence_max_s: float = PEER_SILENCE_MAX_S,
    confirming: bool = False,
) -> AsyncIterator[tuple[Link, Negotiated]]:
    """Open a negotiated link, served in the background; it is closed at the end of the block.

    `confirming`: what the peer promises counts only as long as it surely hears us, so not only
    to be heard of, but to be answered is what it has `silence_max_s` for.
    Raises LinkLost if the peer cannot be reached or leaves, Refused if it speaks another
    version.
    """
    stream = await dial(to) if isinstance(to, Address) else to
    link = Link(stream, handler, listening=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(_run, link, silence_max_s, confirming)
        try:
            yield link, await negotiate(link, capabilities, instance, epoch, key)
        finally:
            link.close("the link was closed here")


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise the one error that a nursery of ours wrapped, so that callers can name it."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if isinstance(error, BaseExceptionGroup):
            raise
        raise error from error.__cause__


async def _run(
    link: Link,
    silence_max_s: float,
    confirming: bool,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the link until it ends: whoever is cancelled may still log off over it."""
    echo_s = silence_max_s / 3
    judge = functools.partial(keep_alive, [link], echo_s=echo_s, silence_max_s=silence_max_s)
    if confirming:
        judge = functools.partial(keep_confirmed, link, silence_max_s=silence_max_s)
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(judge)
            await link.run(task_status=task_status)
            nursery.cancel_scope.cancel()
