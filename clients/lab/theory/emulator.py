"""The daemons' own code under a load, in virtual time, watched from three sides.

The clients note who was admitted and when they logged off; the redirector's facts say when it
gave each slot back; the server's facts say how many slots were held. Each session opens one
file and closes it as the last thing before its logoff, so that its slot lingers for the whole
dormant age where a logoff leaves it.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import trio

from clients.errors import ConnectRefused
from clients.lab.staging import virtual
from clients.lab.staging.stage import SERVER, Stage, stage
from clients.session import Client
from redird.config import Config as RedirectorConfig
from shareserver.config import AccountConfig, ShareConfig
from shareserver.config import Config as ServerConfig

SHARE, USER = "docs", "guest"
FILE = rf"\\{SERVER}\{SHARE}\notes.txt"
LOGONS_MAX = 20_000  # of one run: its facts must not outgrow what the daemons remember
ECHO_S, SILENCE_MAX_S = 600.0, 2000.0  # nobody vanishes here; echoes only cost time


@dataclass(frozen=True, slots=True)
class Daemons:
    """How the daemons are configured, whatever theory believes of them."""

    limit: int
    preset: str
    dormant_age_s: float | None = None  # None: the preset's
    tick_s: float = 0.0
    wired: bool = False  # a cable between them, not calls: half as fast

    def server(self) -> ServerConfig:
        """The share server's configuration."""
        return ServerConfig(
            shares={SHARE: ShareConfig("/", self.limit)},
            accounts={USER: AccountConfig(guest=True)},
            echo_s=ECHO_S,
            peer_silence_max_s=SILENCE_MAX_S,
        )

    def redirector(self) -> RedirectorConfig:
        """The redirector's configuration."""
        policy = {"scavenger_tick_s": self.tick_s}
        if self.dormant_age_s is not None:
            policy["dormant_age_max_s"] = self.dormant_age_s
        return RedirectorConfig(
            preset=self.preset,
            policy=policy,
            echo_s=ECHO_S,
            peer_silence_max_s=SILENCE_MAX_S,
            server_silence_max_s=SILENCE_MAX_S,
        )

    def on_stage(self) -> AbstractAsyncContextManager[Stage]:
        """Open a stage with them."""
        return stage(self.server(), self.redirector(), swift=not self.wired)


@dataclass(slots=True)
class Logon:
    """One logon as its client saw it; times in seconds of the run."""

    user: int
    at_s: float
    length_s: float
    think_s: float = 0.0
    admitted: bool = False
    connection: int = 0


@dataclass(slots=True)
class Record:
    """A run from empty to empty. `steps`: from when on how many slots were held."""

    logons: list[Logon] = field(default_factory=list)
    steps: list[tuple[float, int]] = field(default_factory=list)
    released: dict[int, float] = field(default_factory=dict)  # by connection
    end_s: float = 0.0


# --- who comes --------------------------------------------------------------------------------


async def many(daemons: Daemons, sessions: Iterable[tuple[float, float]]) -> Record:
    """Let a new user come for each session (when, how long)."""
    async with daemons.on_stage() as set_up:
        run = await _Run.begin(set_up, daemons)
        async with trio.open_nursery() as nursery:
            for number, (at_s, length_s) in enumerate(sessions):
                await run.wait_until(at_s)
                nursery.start_soon(run.visit, Logon(number, at_s, length_s))
        return await run.end()


async def the_same(
    daemons: Daemons, draws: list[Iterator[tuple[float, float]]], end_s: float
) -> Record:
    """Let users think, come, stay and think again (how long each), until `end_s`."""
    async with daemons.on_stage() as set_up:
        run = await _Run.begin(set_up, daemons)
        async with trio.open_nursery() as nursery:
            for user, draw in enumerate(draws):
                nursery.start_soon(run.come_again, user, draw, end_s)
        return await run.end()


class _Run:
    """A stage with everybody on it."""

    def __init__(self, set_up: Stage, client: Client, began_s: float) -> None:
        self._stage = set_up
        self._client = client
        self._began_s = began_s
        self._began_ns = set_up.wall_now() + round((began_s - trio.current_time()) * 1e9)
        self._record = Record()

    @classmethod
    async def begin(cls, set_up: Stage, daemons: Daemons) -> "_Run":
        """Make the file, and begin when all is empty, at a tick."""
        client = set_up.local_client()
        session = await client.logon(USER)
        async with session.open(FILE, "w"):
            pass
        await session.logoff()
        await set_up.wait_left()
        every_s = daemons.tick_s or 1.0
        began_s = (math.ceil(trio.current_time() / every_s) + 1) * every_s
        return cls(set_up, client, began_s)

    async def wait_until(self, at_s: float) -> None:
        """Sleep until so many seconds of the run have passed."""
        await virtual.sleep_until(self._began_s + at_s)

    async def come_again(
        self, user: int, draw: Iterator[tuple[float, float]], end_s: float
    ) -> None:
        """One user, all the time."""
        at_s = 0.0
        for think_s, length_s in draw:
            at_s += think_s
            if at_s >= end_s:
                return
            logon = Logon(user, at_s, length_s, think_s)
            await self.wait_until(at_s)
            await self.visit(logon)
            if logon.admitted:
                at_s += length_s

    async def visit(self, logon: Logon) -> None:
        """Log on, stay, use a file, log off; or be refused."""
        self._record.logons.append(logon)
        session = await self._client.logon(USER)
        try:
            logon.connection = await session.connect(SERVER, SHARE)
        except ConnectRefused:
            await session.logoff()
            return
        logon.admitted = True
        await self.wait_until(logon.at_s + logon.length_s)
        async with session.open(FILE, "r"):
            pass
        await session.logoff()

    async def end(self) -> Record:
        """Wait until every slot is free, and read what the daemons have noted."""
        await self._stage.wait_left()
        record = self._record
        record.end_s = trio.current_time() - self._began_s
        for fact in self._stage.server.ledger.facts(0):
            if fact["at_ns"] >= self._began_ns:
                record.steps.append((self._seconds(fact["at_ns"]), fact["uses"]))
        for fact in self._stage.redirector.state.facts.since(0, 10 * LOGONS_MAX):
            if fact["kind"] == "connection_state" and fact["state"] == "released":
                record.released[fact["connection"]] = self._seconds(fact["at_ns"])
        return record

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self._began_ns) / 1e9
