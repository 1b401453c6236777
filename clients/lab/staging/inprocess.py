"""A redirector in this very process: its tables and its links to servers, but no link to it.

    async with redirector(config) as here:
        session = await here.client().logon("guest")

What is open, dormant or cached is so in this process and for its sessions only: nobody else's
opens are collapsed with these, and all of it goes with the process. Servers are reached as the
daemon reaches them.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import trio

from clients.session import Client
from redird import daemon
from redird.config import Config
from redird.peers import Peer
from redird.scavenger import scavenge
from redird.service import CAPABILITIES, serve
from redird.state import State
from redird.wire.dialling import unwrapped
from redird.wire.exchange import REQUESTS_MAX
from redird.wire.framing import PEER
from redird.wire.link import Link
from redird.wire.messages import PROTOCOL_VERSION, Message, Negotiated

REQUESTS_PER_TURN = 64  # then the other tasks have a turn, though all came from memory


class NoLink:
    """Stands where a peer's link would: requests are calls, and nothing can be lost."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.peer = Peer(state.next_number(), cast(Link, self), os.getuid(), True, os.getuid())
        self._requests = 0
        self.admit_by: float | None = None
        self.exchange = self

    def trust_peer(self) -> None:
        """There is no framing that could be bounded."""

    async def request(self, message: Message) -> Message:
        """Answer one request; raises Refused."""
        self._requests += 1
        if self._requests % REQUESTS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
        answer = serve(self._state, self.peer, message)
        return answer if isinstance(answer, Message) else await answer

    def client(self) -> Client:
        """Return a client that asks over it."""
        instance = self._state.instance
        there = Negotiated(
            PROTOCOL_VERSION, CAPABILITIES, "redird", instance, REQUESTS_MAX, PEER.payload_max
        )
        return Client(cast(Link, self), there)


class Here:
    """A redirector without listeners."""

    def __init__(self, state: State) -> None:
        self.state = state

    def client(self) -> Client:
        """Return a client as another process would be one."""
        return NoLink(self.state).client()


@asynccontextmanager
async def redirector(config: Config) -> AsyncIterator[Here]:
    """Run a redirector's tables here; at the end every session is logged off.

    Raises ConfigError.
    """
    state = daemon.build_state(config, daemon.real_world())
    with unwrapped():
        async with trio.open_nursery() as nursery:
            state.spawn = nursery.start_soon
            nursery.start_soon(scavenge, state)
            try:
                yield Here(state)
            finally:
                with trio.CancelScope(shield=True):
                    await daemon.stop(state)
                nursery.cancel_scope.cancel()
