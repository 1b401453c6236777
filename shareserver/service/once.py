"""Once: what must not be done twice, though it may be asked twice.

Nothing that may be asked this way changes anything before the last wait that a lost link can
end. So what still waits then ends without a trace, and is served anew when it is asked again.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from redird.wire import messages as m
from redird.wire.errors import Refused, RemoteProtocolError
from redird.wire.exchange import refusal
from redird.wire.framing import INT_MAX
from redird.wire.messages import MESSAGES, Message, RefusedReply
from redird.wire.status import Status
from shareserver import intents
from shareserver.breaking import close_handle
from shareserver.state import Peer, State

Answer = Message | Awaitable[Message]
Serve = Callable[[Message], Answer]
_ALLOWED = frozenset(
    kind.__name__
    for kind in (
        m.Create,
        m.Write,
        m.Unlink,
        m.Rename,
        m.Link,
        m.Symlink,
        m.MakeDirectory,
        m.RemoveDirectory,
        m.SetInfo,
        m.SetXattr,
        m.RemoveXattr,
        m.Allocate,
        m.CopyRange,
    )
)


def once(serve: Serve, state: State, peer: Peer, request: m.Once) -> Answer:
    """Serve a request, or answer it as it was answered before."""
    if not request.number:
        return _acknowledged(state, peer, request)
    part = _part(state, peer, request)
    lessee, number, name = peer.lessee, request.number, type(part).__name__
    _acknowledge(state, lessee, request.answered)
    known = state.replays.find(lessee, number, name)
    if known is None:
        _begin(state, peer, number, part)
    elif known.reply is not None:
        return _told(known.reply)
    elif known.is_served:
        return _when_done(partial(once, serve, state, peer, request), state, request, peer)
    else:
        state.replays.resume(lessee, number)
        serve = partial(intents.serve, serve, state, peer, before=known.before or {})
    return _serve(serve, state, peer, number, part)


def _acknowledged(state: State, peer: Peer, request: m.Once) -> Message:
    """Its redirector is back, and knows of all it had made that it still wants."""
    if "once" not in peer.capabilities or not any(
        state.ledger.find(tree) for one in peer.sessions.values() for tree in one.trees
    ):
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, "an acknowledgement")
    _acknowledge(state, peer.lessee, request.answered)
    return m.Echoed()


def _acknowledge(state: State, lessee: str, answered: int) -> None:
    """It knows of all it had made up to then, and wants nothing of that which it left."""
    state.journal.forgotten(lessee, state.replays.acknowledge(lessee, answered))
    for number in state.replays.take_unwanted(lessee):
        handle = state.handles.get(number)
        if handle is not None and state.durable.until(handle.tree, number) is not None:
            close_handle(state, handle)


def _serve(serve: Serve, state: State, peer: Peer, number: int, part: Message) -> Answer:
    lessee = peer.lessee
    try:
        answer = serve(part)
    except Refused as no:
        return _done(state, peer, number, _refused(no))
    except BaseException:
        _abandon(state, lessee, number)
        raise
    if isinstance(answer, Message):
        return _done(state, peer, number, answer)
    return _later(state, peer, number, answer)


def _part(state: State, peer: Peer, request: m.Once) -> Message:
    """Return the request; whoever has no use of a share leaves nothing in the table."""
    if not 0 < request.number <= INT_MAX:
        raise Refused(Status.STATUS_INVALID_PARAMETER, f"number {request.number}")
    name = request.part[0] if request.part and type(request.part[0]) is str else ""
    if "once" not in peer.capabilities or name not in _ALLOWED:
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, f"{name!r:.40} once")
    try:
        part: Any = MESSAGES[name].codec.from_fields(list(request.part[1:]), request.data)
    except RemoteProtocolError as error:
        raise Refused(Status.STATUS_INVALID_PARAMETER, str(error)) from None
    state.tree(peer, part.tree)
    return part  # type: ignore[no-any-return]


async def _when_done(
    again: Callable[[], Answer], state: State, request: m.Once, peer: Peer
) -> Message:
    """It was asked twice while it is served: both get the one reply."""
    name = str(request.part[0])
    while True:
        known = state.replays.find(peer.lessee, request.number, name)
        if known is None or known.reply is not None or not known.is_served:
            answer = again()
            return answer if isinstance(answer, Message) else await answer
        await state.once_done.park()


async def _later(state: State, peer: Peer, number: int, answer: Awaitable[Message]) -> Message:
    try:
        reply = await answer
    except Refused as no:
        reply = _refused(no)
    except BaseException:
        _abandon(state, peer.lessee, number)
        raise
    return _done(state, peer, number, reply)


def _done(state: State, peer: Peer, number: int, reply: Message) -> Message:
    """Whoever's link was lost meanwhile was refused for that, and for nothing that lasts."""
    gone = state.peers.get(peer.number) is not peer
    if gone and isinstance(reply, RefusedReply):
        _abandon(state, peer.lessee, number)
    elif state.replays.finish(peer.lessee, number, reply):
        state.journal.replied(peer.lessee, number, reply)
    state.once_done.unpark_all()
    return _told(reply)


def _begin(state: State, peer: Peer, number: int, part: Message) -> None:
    """What is about to be done is known before it is, if anything is to survive this server."""
    before = intents.facts(state, peer, part) if state.journal.is_kept else {}
    state.replays.begin(peer.lessee, number, type(part).__name__)
    if state.journal.is_kept:
        state.journal.intends(peer.lessee, number, type(part).__name__, before)


def _abandon(state: State, lessee: str, number: int) -> None:
    if state.replays.abandon(lessee, number):
        state.journal.forgotten(lessee, [number])
    state.once_done.unpark_all()


def _refused(no: Refused) -> RefusedReply:
    return RefusedReply(int(no.status), no.subject, no.detail)


def _told(reply: Message) -> Message:
    if isinstance(reply, RefusedReply):
        raise refusal(reply)
    return reply
