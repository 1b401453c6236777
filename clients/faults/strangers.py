"""Peers that a field's daemons do not expect: guests over a bare stream, past every wire."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import trio

from clients.faults.field import GUEST, Field, Identity
from clients.faults.injecting import SERVER
from redird.wire import messages as m
from redird.wire.dialling import open_link, refuse_all, unwrapped
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Handler, Link

UNANSWERED = (LinkLost, Refused, OSError, trio.BrokenResourceError, trio.ClosedResourceError)
CAPABILITIES = ("batch", "describe", "durable", "lease", "once", "uses")


@dataclass(frozen=True, slots=True)
class Stranger:
    """A guest at the server, with a use of the open share."""

    link: Link
    session: int
    tree: int

    async def ask(self, request: m.Message) -> m.Message:
        """Send one request; raises Refused or LinkLost."""
        return await self.link.request(request)

    async def connect(self, field: Field) -> int:
        """Take another use of the open share."""
        connected = await self.ask(m.TreeConnect(self.session, field.open_share, 0))
        assert isinstance(connected, m.TreeConnected)
        return connected.tree


@asynccontextmanager
async def guest(
    field: Field,
    handler: Handler = refuse_all,
    identity: Identity | None = None,
    epoch: int = 0,
    reclaims: int = 0,
) -> AsyncIterator[Stranger]:
    """Log on at the server and take a use of the open share, as whoever `identity` says."""
    named = identity or Identity("", "")
    with unwrapped():
        async with (
            field.stranger(SERVER) as stream,
            open_link(
                stream,
                capabilities=CAPABILITIES,
                handler=handler,
                instance=named.instance,
                epoch=epoch,
                key=named.key,
            ) as (link, _),
        ):
            setup = m.SessionSetup(0, GUEST, "", named.instance, epoch)
            established = await link.request(setup)
            if not isinstance(established, m.SessionEstablished):
                raise LinkLost("a guest is asked for a proof")
            connect = m.TreeConnect(established.session, field.open_share, reclaims)
            connected = await link.request(connect)
            assert isinstance(connected, m.TreeConnected)
            yield Stranger(link, established.session, connected.tree)


@asynccontextmanager
async def within(length_s: float) -> AsyncIterator[None]:
    """Go on with the block for so long; other faults may leave it unanswered."""
    with suppress(*UNANSWERED), trio.move_on_after(length_s), unwrapped():
        yield
