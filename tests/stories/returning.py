"""A redirector as a server sees it: it has a name, its link is lost, and it comes back."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from clients.lab.staging.cable import Cable
from clients.lab.staging.stage import Stage
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.dialling import open_link, unwrapped
from redird.wire.link import Link
from redird.wire.messages import Negotiated
from tests.playbook import SHARE

SUCCESS, NOT_FOUND = 0, 0xC0000034
OFFER = ("durable", "lease", "once")


class Named:
    """A named peer and its link of the moment; `breaks` are the LeaseBreaks it was sent."""

    def __init__(self, s: Stage, nursery: trio.Nursery, instance: str, key: str) -> None:
        self._s = s
        self._nursery = nursery
        self._who: Any = {"instance": instance, "key": key}
        self.offer: tuple[str, ...] = OFFER
        self.epoch = 0
        self.link: Link
        self.cable: Cable
        self.peer: Negotiated
        self.breaks: list[m.LeaseBreak] = []
        self._leave: Callable[[], None] = lambda: None

    async def dial(self) -> None:
        """Come over a new link, which is a newer epoch."""
        self.epoch += 1
        self._leave = await self._nursery.start(self._hold)

    async def _hold(self, *, task_status: trio.TaskStatus[Callable[[], None]]) -> None:
        self.cable = self._s.plug_in()
        gone = trio.Event()
        with unwrapped():
            async with open_link(
                self.cable.near,
                capabilities=self.offer,
                handler=self._answer,
                epoch=self.epoch,
                **self._who,
            ) as (self.link, self.peer):
                task_status.started(gone.set)
                await gone.wait()

    def _answer(self, link: Link, message: m.Message) -> m.Message:
        assert isinstance(message, m.LeaseBreak)
        self.breaks.append(message)
        return m.LeaseBroken()

    async def lose(self) -> None:
        """Lose the link; the server has noticed when this returns."""
        self.cable.cut()
        self._leave()
        await trio.sleep(0.001)
        assert self.cable not in self._s._cables()

    async def ask(self, request: m.Message) -> Any:
        """Ask the server."""
        return await self.link.request(request)

    async def log_on(self, user: str = "u1") -> int:
        """Log on as a guest."""
        session: int = (await self.ask(m.SessionSetup(0, user, ""))).session
        return session

    async def enter(self, user: str = "u1", reclaims: int = 0) -> int:
        """Log on as a guest and connect; returns the tree."""
        session = await self.log_on(user)
        tree: int = (await self.ask(m.TreeConnect(session, SHARE, reclaims))).tree
        return tree

    async def open(self, tree: int, path: str, **options: Any) -> m.Created:
        """Open a file, made if it is not there, under all that a lease can be."""
        given = {
            "access": f.FILE_READ_DATA | f.FILE_WRITE_DATA | f.DELETE,
            "share": f.SHARE_ALL,
            "disposition": f.FILE_OPEN_IF,
            "lease": f.LEASE_RWH,
        }
        made: m.Created = await self.ask(m.Create(tree, path, **given | options))
        return made

    async def reclaim(self, tree: int, before: int, *handles: int, more: bool = False) -> Any:
        """Take handles up again; returns the answers."""
        return (await self.ask(m.Reclaim(tree, before, handles, more))).handles


@asynccontextmanager
async def named(
    s: Stage,
    instance: str = "ts1",
    key: str = "secret",
    offer: tuple[str, ...] = OFFER,
    epoch: int = 1,
) -> AsyncIterator[Named]:
    """Let a named peer come to the server of a stage."""
    async with trio.open_nursery() as nursery:
        peer = Named(s, nursery, instance, key)
        peer.offer, peer.epoch = offer, epoch - 1
        await peer.dial()
        yield peer
        peer._leave()
