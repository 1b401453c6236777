"""The whole path in one process: a share server, redirectors, clients, joined by cables.

    async with stage(server_config, redirector_config) as s:
        session = await (await s.client()).logon("alice")

The daemons' own code runs here, handed another world: stores in memory, cables for sockets, a
seeded source of tokens, blocking work done in place, and a wall clock that follows trio's. So a
stage runs in real time or in virtual time alike. At its end everybody leaves, and nothing may
be left over.
"""

import functools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain
from random import Random
from typing import Any

import trio

from clients import session
from clients.lab.staging.cable import Cable
from clients.lab.staging.inprocess import NoLink
from clients.lab.staging.programs import Program, Redirector
from clients.lab.staging.serving import Server, in_place
from clients.lab.staging.shortcut import open_shortcut
from clients.session import Client
from redird import daemon
from redird.config import Config as RedirectorConfig
from redird.leased.flushing import flush_on_time
from redird.logoff import TEARDOWN_MAX_S
from redird.presets import AFTER_KEEP, NEVER
from redird.scavenger import scavenge
from redird.state import World as RedirectorWorld
from redird.wire import dialling
from redird.wire.link import Link
from redird.wire.messages import Negotiated
from shareserver.config import Config as ServerConfig
from shareserver.state import State as ServerState
from shareserver.store import Store

SERVER = "server"  # its name in `\\server\share`
FIRST_NS = 1_000_000_000 * 10**9  # what the wall clock of a stage shows when it opens
OF_SESSIONS = ["sessions", "connections", "opens", "dormant", "closing", "files_known"]
OF_SESSIONS += ["pages_bytes", "deferred_bytes", "lock_claims"]
LOOK_S = 0.01  # at first, to see whether everybody has left


class Stage:
    """The daemons, and the ways to reach them."""

    def __init__(
        self, nursery: trio.Nursery, config: ServerConfig, seed: int, swift: bool
    ) -> None:
        self._nursery = nursery
        self._swift = swift
        self._opened_at = trio.current_time()
        self._random = Random(seed)
        self._clients: dict[Client, Cable] = {}
        self._local: list[tuple[Redirector, NoLink]] = []
        self.redirectors: list[Redirector] = []
        self.stepped_ns = 0  # by how much its wall clock was put forward
        self._server = Server(config, self.wall_now, self._random.randbytes)

    # --- the world ---

    def wall_now(self) -> int:
        """Nanoseconds since 1970, as far as this stage is concerned."""
        gone_s = trio.current_time() - self._opened_at
        return FIRST_NS + self.stepped_ns + round(gone_s * 1e9)

    def _token_hex(self, length: int) -> str:
        return self._random.randbytes(length).hex()

    # --- who is there ---

    @property
    def server(self) -> ServerState:
        """The share server's tables; those of its last start while it is down."""
        state: ServerState = self._server.state
        return state

    async def start_server(self) -> None:
        """Start the share server."""
        await self._server.start(self._nursery)

    async def kill_server(self) -> None:
        """End the share server as kill -9 does: what it had on its disks stays, no more."""
        assert not self._swift, "there is no cable to cut on a swift stage"
        await self._server.kill()

    async def restart_server(self) -> None:
        """Start the share server anew over what it left; it must be down."""
        await self._server.restart(self._nursery)

    @property
    def disks(self) -> list[Store]:
        """What the shares lie on, in order; whoever puts others here is heard at a restart."""
        return self._server.disks

    async def kill_redirector(self, redirector: Redirector) -> None:
        """End a redirector as kill -9 does: what it knew is lost."""
        self.redirectors.remove(redirector)
        await redirector.kill()

    async def add_redirector(self, config: RedirectorConfig) -> Redirector:
        """Start a redirector that reaches the server as `\\\\server`."""

        def open_link(address: str, **options: Any) -> Any:
            return self._open_link(redirector, **options)

        config = replace(config, servers={SERVER: f"tcp:{SERVER}:445"})
        world = RedirectorWorld(in_place, self.wall_now, self._token_hex, open_link)
        redirector = Redirector(daemon.build_state(config, world), daemon.serve_stream)
        self.redirectors.append(redirector)
        tasks = (functools.partial(one, redirector.state) for one in (scavenge, flush_on_time))
        await self._nursery.start(redirector.run, *tasks)
        return redirector

    @asynccontextmanager
    async def _open_link(
        self, redirector: Redirector, **options: Any
    ) -> AsyncIterator[tuple[Link, Negotiated]]:
        if self._swift:
            async with open_shortcut(self.server, **options) as opened:
                yield opened
            return
        cable = self._server.plug_in()
        cable.delay(redirector.delay_s)
        if redirector.killed:
            cable.cut()
        redirector.upstream.append(cable)
        redirector.on_upstream(cable)
        async with dialling.open_link(cable.near, **options) as opened:
            yield opened

    @property
    def redirector(self) -> Redirector:
        """The first redirector."""
        return self.redirectors[0]

    async def client(self, redirector: Redirector | None = None) -> Client:
        """Dial a redirector, the first one if none is given."""
        return await self._dial(redirector or self.redirector)

    def local_client(self, redirector: Redirector | None = None) -> Client:
        """Return a client whose requests to a redirector are calls: for crowds, fast."""
        redirector = redirector or self.redirector
        link = NoLink(redirector.state)
        self._local.append((redirector, link))
        return link.client()

    async def direct_client(self) -> Client:
        """Dial the server. Only guests can log on: proving a password takes a thread."""
        return await self._dial(self._server)

    async def _dial(self, program: Program) -> Client:
        cable = program.plug_in()
        program.on_client(cable)
        client: Client = await self._nursery.start(self._hold_client, cable)
        return client

    async def _hold_client(self, cable: Cable, *, task_status: trio.TaskStatus[Client]) -> None:
        async with session.dial(cable.near) as client:
            self._clients[client] = cable
            task_status.started(client)
            await client.link.wait_lost()
        del self._clients[client]

    def cable(self, client: Client) -> Cable:
        """The cable of a client whose link is not lost."""
        return self._clients[client]

    def plug_in(self, redirector: Redirector | None = None) -> Cable:
        """Return a bare cable to a redirector, or to the server."""
        return (redirector or self._server).plug_in()

    # --- what is seen ---

    @property
    def requests(self) -> Counter[str]:
        """How many messages of each name have reached the server."""
        cables = self._server.cables
        return sum((cable.up.arrived for cable in cables), self._server.arrived)

    def validate(self) -> None:
        """Assert that every table agrees with itself."""
        state = self.server
        tables: Any = (state.ledger, state.handles, state.leases, state.locks)
        for table in (*tables, state.durable, state.replays):
            table.validate()
        for redirector in self.redirectors:
            redirector.state.dormant.validate()
            redirector.state.locks.validate()
            redirector.state.pages.validate()
            redirector.state.connections.validate()
        for program in (self._server, *self.redirectors):
            strangers = sum(link.admit_by is not None for link in program.links)
            assert strangers == program.state.strangers

    def leftovers(self) -> dict[str, int]:
        """What sessions have left behind: the counters that are not zero."""
        counts = {} if self._server.nursery is None else self._left_at_server()
        for number, redirector in enumerate(self.redirectors, 1):
            found = redirector.state.statistics()
            counts |= {f"redirector {number}: {kind}": found[kind] for kind in OF_SESSIONS}
            links = redirector.state.links.values()
            counts[f"redirector {number}: private links"] = sum(one.private for one in links)
        return {what: number for what, number in counts.items() if number}

    def _left_at_server(self) -> dict[str, int]:
        state = self.server
        return {
            "server: sessions": len(state.sessions),
            "server: uses": state.ledger.statistics()["uses"],
            "server: handles": len(state.handles),
            "server: leases": state.leases.statistics()["leases"],
            "server: locks": state.locks.statistics()["locks"],
            "server: receipts under way": len(state.completing),
        }

    # --- the end ---

    async def strike(self) -> None:
        """Everybody leaves, and time passes; nothing may be left over.

        What a policy keeps for ever goes when its redirector does.
        """
        for cable in self._cables():
            cable.release()
        for client in list(self._clients):
            client.link.close("the end")
        for redirector, link in self._local:
            owned = redirector.state.sessions.of_owner(link.peer.number)
            await daemon.log_off_all(redirector.state, owned)
        left = await self.wait_left()
        forever = any(one.state.policy.release_left == NEVER for one in self.redirectors)
        assert not left or forever, f"after all have logged off there are {left}"
        for redirector in self.redirectors:
            await daemon.stop(redirector.state)
        left = await self.wait_left()
        assert not left, f"after the redirectors have stopped there are {left}"
        self.validate()

    async def wait_left(self) -> dict[str, int]:
        """Wait until nothing is left, or ought to be; returns what is."""
        look_s = LOOK_S
        leaving_max_s = max(map(_leaving_max_s, self.redirectors), default=1.0)
        kept_s = self.server.config.durable_age_max_s  # of what a link lost by then had open
        with trio.move_on_after(leaving_max_s + kept_s):
            while self.leftovers():
                await trio.sleep(look_s)
                look_s = min(2 * look_s, 1.0)
        return self.leftovers()

    def _cables(self) -> list[Cable]:
        served = (program.cables for program in (self._server, *self.redirectors))
        upstream = (one.upstream for one in self.redirectors)
        return list(dict.fromkeys(chain(self._clients.values(), *served, *upstream)))

    def cut_all(self) -> None:
        """Cut every cable, so that nobody waits for anybody."""
        for cable in self._cables():
            cable.cut()


def _leaving_max_s(redirector: Redirector) -> float:
    """How long it takes at most until all that logged off sessions have left is gone."""
    policy, config = redirector.state.policy, redirector.state.config
    kept_s = policy.keep_connection_s if policy.release_left == AFTER_KEEP else 0.0
    logoff_s = config.logoff_max_s + TEARDOWN_MAX_S
    return logoff_s + max(kept_s, policy.dormant_age_max_s) + 2 * policy.scavenger_tick_s


@asynccontextmanager
async def stage(
    server_config: ServerConfig,
    redirector_config: RedirectorConfig | None = None,
    *,
    seed: int = 0,
    swift: bool = False,
) -> AsyncIterator[Stage]:
    """Open a stage with a server, and with a redirector unless its configuration is None.

    `swift`: what redirectors ask the server are calls, with no cable between; for crowds.
    """
    with dialling.unwrapped():
        async with trio.open_nursery() as nursery:
            opened = Stage(nursery, server_config, seed, swift)
            await opened.start_server()
            if redirector_config is not None:
                await opened.add_redirector(redirector_config)
            try:
                yield opened
                await opened.strike()
            finally:
                opened.cut_all()
                nursery.cancel_scope.cancel()
