"""Compound: several requests in one frame, done in order; the first refusal ends it."""

from collections.abc import Awaitable, Callable
from typing import Any

from redird.wire import messages as m
from redird.wire.errors import Refused, RemoteProtocolError
from redird.wire.framing import PEER
from redird.wire.messages import MESSAGES, Message, RefusedReply
from redird.wire.status import Status

PARTS_MAX = 64
_ALLOWED = frozenset(
    kind.__name__ for kind in (m.Create, m.Read, m.Close, m.Flush, m.QueryInfo, m.SetInfo)
)


async def serve_parts(
    serve: Callable[[Message], Message | Awaitable[Message]], request: m.Compound
) -> Message:
    """Serve the parts in turn; RELATED stands for the handle that the last Create made."""
    if not 0 < len(request.parts) <= PARTS_MAX:
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"{len(request.parts)} parts")
    replies: list[Message] = []
    made, room = m.RELATED, PEER.payload_max
    for part in request.parts:
        try:
            reply = serve(_request(part, made))
            reply = reply if isinstance(reply, Message) else await reply
            room -= len(_payload(reply))
            if room < 0:
                raise Refused(Status.STATUS_BUFFER_TOO_SMALL, f"part {len(replies)}")
        except Refused as no:
            reply = RefusedReply(int(no.status), no.subject, no.detail)
        replies.append(reply)
        if isinstance(reply, RefusedReply):
            break
        if isinstance(reply, m.Created):
            made = reply.handle
    return _joined(replies)


def _request(part: tuple[Any, ...], made: int) -> Message:
    name = part[0] if part else None
    if type(name) is not str or name not in _ALLOWED:
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, f"{name!r:.40} in a Compound")
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
