"""The daemons on a stage: their own code, with cables where there were listeners."""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from clients.lab.staging.cable import Cable
from redird.state import State as RedirectorState
from redird.wire.keepalive import keep_alive
from redird.wire.link import Link


@dataclass(slots=True, eq=False)
class Program:
    """A daemon on the stage; `cables` are those it serves the far end of.

    `arrived` counts the messages that came over those it has served before. Links and cables
    are kept in order: what is done to all of them is done alike in every run.
    """

    state: Any
    serve_stream: Callable[..., Any]
    links: dict[Link, None] = field(default_factory=dict)
    cables: dict[Cable, None] = field(default_factory=dict)
    arrived: Counter[str] = field(default_factory=Counter)
    nursery: trio.Nursery | None = None  # None: it does not run
    ended: trio.Event = field(default_factory=trio.Event)
    on_client: Callable[[Cable], None] = lambda cable: None  # hears of each that is dialled

    def plug_in(self) -> Cable:
        """Return a new cable to this daemon; whoever takes its near end is a peer.

        It is cut if the daemon does not run.
        """
        cable = Cable()
        if self.nursery is None:
            cable.cut()
            return cable
        self.cables[cable] = None
        self.nursery.start_soon(self._serve, cable)
        return cable

    async def _serve(self, cable: Cable) -> None:
        try:
            await self.serve_stream(self.state, self.links, cable.far)
        finally:
            del self.cables[cable]
            self.arrived += cable.up.arrived

    async def kill(self) -> None:
        """Cut every cable, what is under way is lost, and end all tasks where they wait."""
        for cable in self.cables:
            cable.cut()
        if self.nursery is not None:
            self.nursery.cancel_scope.cancel()
            await self.ended.wait()

    async def run(
        self, *tasks: Any, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run what a daemon runs beside its listeners, until cancelled."""
        config = self.state.config
        judge = functools.partial(
            keep_alive,
            self.links,
            echo_s=config.echo_s,
            silence_max_s=config.peer_silence_max_s,
        )
        self.ended = trio.Event()
        try:
            async with trio.open_nursery() as self.nursery:
                self.state.spawn = self.nursery.start_soon
                for task in (judge, *tasks):
                    self.nursery.start_soon(task)
                task_status.started()
        finally:
            self.nursery = None
            self.ended.set()


@dataclass(slots=True, eq=False)
class Redirector(Program):
    """A redirector; `upstream` are its cables to the server, the latest one last.

    A new one is as slow as `delay_s` says, each way.
    """

    state: RedirectorState
    upstream: list[Cable] = field(default_factory=list)
    delay_s: float = 0.0
    on_upstream: Callable[[Cable], None] = lambda cable: None  # hears of each to the server
    killed: bool = False

    async def kill(self) -> None:
        """End it as kill -9 does: nobody hears of it any more, whatever its tasks still do."""
        self.killed = True
        self.state.facts.on_fact = lambda fact: None
        for cable in (*self.cables, *self.upstream):
            cable.cut()
        if self.nursery is not None:
            self.nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint()

    @property
    def cable(self) -> Cable:
        """The latest cable to the server."""
        return self.upstream[-1]
