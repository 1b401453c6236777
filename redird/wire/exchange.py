"""Request ids, replies, notifications and negotiation, without a stream.

Every header is [number, name, field...]. A positive number is a request, its negative the reply
to it, 0 a notification; both sides count their own requests. The verbs are three:
`receive_data`, `next_event`, and `take_outgoing` after anything that sends. The first message
on a link is a Negotiate; until it was answered nothing else may travel.
"""

from typing import NamedTuple, cast

from redird.wire.errors import (
    FrameTooLong,
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
)
from redird.wire.framing import PEER, STRANGER, FrameDecoder, decode_header, encode_frame
from redird.wire.messages import (
    MESSAGES,
    Compound,
    Message,
    Negotiate,
    Negotiated,
    Read,
    RefusedReply,
)
from redird.wire.status import Status

REQUESTS_MAX = 4096  # of one side, in flight on one link
_BEFORE_NEGOTIATION = (Negotiate, Negotiated, RefusedReply)


class Event(NamedTuple):
    """What the peer sent: number > 0 a request, < 0 the reply to ours, 0 a notification."""

    number: int
    message: Message


class Exchange:
    """One side of one link's conversation."""

    def __init__(self, *, listening: bool) -> None:
        self._decoder = FrameDecoder(STRANGER)
        self._listening = listening
        self._outgoing: list[bytes] = []
        self._last = 0
        self._ours: set[int] = set()  # our requests, not answered yet
        self._abandoned: set[int] = set()  # ours, nobody waits any more
        self._theirs: set[int] = set()  # their requests, not answered by us yet
        self.negotiated = False
        self.outgoing_bytes = 0

    def trust_peer(self) -> None:
        """Raise the bounds on frames: the peer has authenticated."""
        self._decoder.limits = PEER

    # --- receiving ---

    def receive_data(self, data: bytes) -> None:
        """Take what the stream gave."""
        self._decoder.receive_data(data)

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished frame have come."""
        return self._decoder.partial

    @property
    def missing(self) -> int:
        """How many bytes the frame that has begun still needs, as far as that is known."""
        return self._decoder.missing

    def next_event(self) -> Event | None:
        """Return the next event, or None until more bytes come; raises RemoteProtocolError."""
        while True:
            frame = self._decoder.next_frame()
            if frame is None:
                return None
            header = decode_header(frame[0])
            if len(header) < 2 or type(header[0]) is not int:
                raise RemoteProtocolError("a header without number and name")
            kind = MESSAGES.get(header[1]) if type(header[1]) is str else None
            if kind is None:
                raise RemoteProtocolError(f"unknown message {header[1]!r:.60}")
            event = Event(header[0], kind.codec.from_fields(header[2:], frame[1]))
            if self._is_expected(event):
                return event

    def _is_expected(self, event: Event) -> bool:
        number, message = event
        if not self.negotiated:
            self._negotiate(message, received=True)
        if number < 0:
            if -number in self._abandoned:
                self._abandoned.discard(-number)
                return False
            if -number not in self._ours:
                raise RemoteProtocolError(f"a reply to request {-number}, which is not open")
            self._ours.discard(-number)
        elif number > 0:
            if number in self._theirs:
                raise RemoteProtocolError(f"request {number} is open already")
            if len(self._theirs) >= REQUESTS_MAX:
                raise RemoteProtocolError(f"more than {REQUESTS_MAX} requests at once")
            self._theirs.add(number)
        return True

    # --- sending ---

    @property
    def may_request(self) -> bool:
        """Whether the peer has room for one more request of ours."""
        return len(self._ours) + len(self._abandoned) < REQUESTS_MAX

    @property
    def requests(self) -> int:
        """How many requests we have sent; the number of the last one."""
        return self._last

    def request(self, message: Message) -> int:
        """Send a request; returns its number."""
        if not self.may_request:
            raise LocalProtocolError(f"more than {REQUESTS_MAX} requests at once")
        self._last += 1
        self._send(self._last, message)
        self._ours.add(self._last)
        return self._last

    def abandon(self, number: int) -> None:
        """Nobody waits for this answer any more; it is dropped when it comes."""
        if number in self._ours:
            self._ours.discard(number)
            self._abandoned.add(number)

    def reply(self, number: int, message: Message) -> None:
        """Answer the peer's request of that number; what no frame can carry is refused."""
        if number not in self._theirs:
            raise LocalProtocolError(f"no open request {number}")
        try:
            self._send(-number, message)
        except FrameTooLong:
            no = RefusedReply(int(Status.STATUS_BUFFER_TOO_SMALL), type(message).__name__)
            self._send(-number, no)
        self._theirs.discard(number)

    @property
    def busy(self) -> bool:
        """Whether more than one request is under way, in either direction."""
        return len(self._ours) + len(self._theirs) > 1

    def notify(self, message: Message) -> None:
        """Send a message that has no answer."""
        self._send(0, message)

    def take_outgoing(self) -> list[bytes]:
        """Return the buffers to be written, in order, and forget them."""
        taken, self._outgoing = self._outgoing, []
        self.outgoing_bytes = 0
        return taken

    def _send(self, number: int, message: Message) -> None:
        if not self.negotiated:
            self._negotiate(message, received=False)
        codec = message.codec
        payload = getattr(message, codec.payload) if codec.payload else b""
        header = [number, codec.name, *codec.to_fields(message)]
        for buffer in encode_frame(header, payload):
            self._outgoing.append(buffer)
            self.outgoing_bytes += len(buffer)

    def _negotiate(self, message: Message, *, received: bool) -> None:
        if not isinstance(message, _BEFORE_NEGOTIATION):
            wrong = RemoteProtocolError if received else LocalProtocolError
            raise wrong(f"{type(message).__name__} before Negotiate was answered")
        if isinstance(message, Negotiated) and received is not self._listening:
            self.negotiated = True
            if not self._listening:
                self.trust_peer()  # we chose whom to dial


def refusal(reply: RefusedReply) -> Refused:
    """Turn a refusal as it travels into one to raise."""
    try:
        status = cast(Status, Status._value2member_map_[reply.status])
    except KeyError:
        status = Status.STATUS_UNSUCCESSFUL
    return Refused(status, reply.subject, reply.detail)


def reply_bytes(request: Message) -> int:
    """How many bytes of data a request may be answered with."""
    if type(request) is Read:
        return max(0, min(request.length, PEER.payload_max))
    return PEER.payload_max if type(request) is Compound else 0
