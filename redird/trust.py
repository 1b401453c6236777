"""When what leases licensed may be told: while their server surely believes that we are there.

A server ends whom it does not hear, and gives others what our leases promised us. So requests
wait while the link of their connection is being recovered, and when it has not been confirmed
for too long: also when this process did not run meanwhile, and nobody has noticed yet.
"""

from collections.abc import Callable

from redird.peers import Peer
from redird.state import State
from redird.upstream import ServerLink
from redird.wire import messages as m
from redird.wire.link import Answer
from redird.wire.messages import Message

LOOK_AGAIN_S = 0.1  # at all links, while one of them is in doubt
_NOT_HELD_UP = (m.Disconnect,)  # it tells of no file


def doubted(state: State, peer: Peer, request: Message, now: float) -> ServerLink | None:
    """Return the link that a request must wait for, if there is one."""
    tree = getattr(request, "tree", None)
    connection = None if tree is None else state.connections.find(peer.number, tree)
    link = None if connection is None else state.links.get(connection.link)
    if link is not None and link.trusted_until <= now and not isinstance(request, _NOT_HELD_UP):
        return link
    if now >= state.look_again_at:
        state.look_again_at = now + LOOK_AGAIN_S
        newest = now + state.config.server_silence_max_s
        known = (one.trusted_until for one in state.links.values())
        state.trusted_until = min(known, default=newest)
        state.trusted_until = min(state.trusted_until, newest)
    return None


async def serve_later(link: ServerLink, serve: Callable[[], Answer]) -> Message:
    """Serve a request when its link is trusted again, or given up."""
    await link.wait_trusted()
    answer = serve()
    return answer if isinstance(answer, Message) else await answer
