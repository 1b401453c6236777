"""Compound: several requests in one frame, done in order; the first refusal ends it.

But for a Close of RELATED at its end: what a Compound opens and means to close stays open for
no refusal between.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from redird.wire import messages as m
from redird.wire.errors import Refused, RemoteProtocolError
from redird.wire.framing import PEER
from redird.wire.messages import MESSAGES, Message, RefusedReply
from redird.wire.status import Status

PARTS_MAX = 64
_ALLOWED = frozenset(
    kind.__name__
    for kind in (
        m.Create,
        m.Read,
        m.Close,
        m.Flush,
        m.QueryInfo,
        m.SetInfo,
        m.QueryDirectory,
    )
)
_LISTING = m.QueryDirectory.__name__
LISTINGS_MAX = 1  # their entries travel in the header, which has room for one page


Serve = Callable[[Message], Message | Awaitable[Message]]


async def serve_parts(serve: Serve, request: m.Compound) -> Message:
    """Serve the parts in turn; RELATED stands for the handle that the last Create made."""
    if not 0 < len(request.parts) <= PARTS_MAX:
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"{len(request.parts)} parts")
    if sum(_name(part) == _LISTING for part in request.parts) > LISTINGS_MAX:
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"more than {LISTINGS_MAX} {_LISTING}")
    replies: list[Message] = []
    made, room = m.RELATED, PEER.payload_max
    for part in request.parts:
        reply = await _answer(serve, part, made)
        room -= len(_payload(reply))
        if room < 0:
            reply = RefusedReply(int(Status.STATUS_BUFFER_TOO_SMALL), f"part {len(replies)}")
        replies.append(reply)
        if isinstance(reply, RefusedReply):
            last = request.parts[-1]
            if len(replies) < len(request.parts) and made != m.RELATED and _closes(last):
                replies.append(await _answer(serve, last, made))
            break
        if isinstance(reply, m.Created):
            made = reply.handle
    return _joined(replies)


async def _answer(serve: Serve, part: tuple[Any, ...], made: int) -> Message:
    try:
        reply = serve(_request(part, made))
        return reply if isinstance(reply, Message) else await reply
    except Refused as no:
        return RefusedReply(int(no.status), no.subject, no.detail)


def replies_of(compounded: m.Compounded) -> list[Message]:
    """Return the replies that a Compounded carries; raises RemoteProtocolError."""
    found, start = [], 0
    if len(compounded.parts) != len(compounded.sizes):
        raise RemoteProtocolError("a Compounded with another number of sizes than of parts")
    for part, size in zip(compounded.parts, compounded.sizes, strict=True):
        name = _name(part)
        if name not in MESSAGES:
            raise RemoteProtocolError(f"{name!r:.40} in a Compounded")
        data = compounded.data[start : start + size]
        start += size
        found.append(MESSAGES[name].codec.from_fields(list(part[1:]), data))
    return found


def _name(part: tuple[Any, ...]) -> str:
    return part[0] if part and type(part[0]) is str else ""


def _closes(part: tuple[Any, ...]) -> bool:
    return _name(part) == m.Close.__name__ and part[2:] == (m.RELATED,)


def _request(part: tuple[Any, ...], made: int) -> Message:
    name = _name(part)
    if name not in _ALLOWED:
        wrong = f"{part[:1]!r:.40} in a Compound"
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, wrong)
    fields = list(part[1:])
    if len(fields) > 1 and fields[1] == m.RELATED:
        fields[1] = made
    try:
        request: Message = MESSAGES[name].codec.from_fields(fields)
    except RemoteProtocolError as error:
        raise Refused(Status.STATUS_INVALID_PARAMETER, str(error)) from None
    return request


def _payload(reply: Message) -> bytes:
    field = reply.codec.payload
    return getattr(reply, field) if field else b""


def _joined(replies: list[Message]) -> Message:
    payloads = [_payload(reply) for reply in replies]
    parts = tuple((type(reply).__name__, *reply.codec.to_fields(reply)) for reply in replies)
    return m.Compounded(parts, tuple(map(len, payloads)), b"".join(payloads))
