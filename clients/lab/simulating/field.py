"""The simulated field: cables for wires, programs of a stage, a store that fails at will.

A stopped program is one whose cables carry nothing, those to come neither; its timers go on.
There is one wall clock for everybody, and no descriptor or memory that could run short.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from clients.faults.field import Identity
from clients.lab.simulating.disk import STATUSES, FaultyStore, Trouble
from clients.lab.simulating.wires import CableWire
from clients.lab.staging.cable import Cable
from clients.lab.staging.programs import Redirector
from clients.lab.staging.stage import SERVER, Stage
from redird.config import Config

OPEN_SHARE = "open"  # no limit, for strangers
MISSING = {
    "files_limit": "there are no descriptors on a stage",
    "memory_limit": "there is one memory for all programs on a stage",
}
Told = Callable[[str, str], None]  # a program, and what became of it


class SimulatedField:
    """What faults may touch on a stage; `told` hears of programs that end and start."""

    open_share = OPEN_SHARE
    missing = MISSING

    def __init__(self, stage: Stage, nursery: trio.Nursery, seed: int, told: Told) -> None:
        self.stage = stage
        self._spawn = nursery.start_soon
        self._seed = seed
        self._told = told
        self.wires: dict[str, CableWire] = {}
        self.server = SimulatedServer(stage, self.wires, told)
        self.hosts: dict[str, SimulatedHost] = {}
        self.disks = {SERVER: SimulatedDisk(stage)}
        self.clock = SimulatedClock(stage)

    @property
    def silence_max_s(self) -> float:
        """After how long a silent peer's link ends."""
        return self.stage.server.config.peer_silence_max_s

    @property
    def programs(self) -> "dict[str, SimulatedServer | SimulatedHost]":
        """By name."""
        return {SERVER: self.server, **self.hosts}

    async def add_host(
        self,
        name: str,
        config: Config,
        on_start: Callable[[Redirector], None],
        attach: Callable[[CableWire], Callable[[Cable], None]],
    ) -> None:
        """Start a redirector of that name; `attach` makes what gets the cables of a wire."""
        host = SimulatedHost(name, self.stage, config, on_start, self._told)
        for wire in (host.upstream, host.downstream):
            self.wires[wire] = CableWire(wire, self._seed, self._spawn)
            host.attach[wire] = attach(self.wires[wire])
        host.wires = self.wires
        self.hosts[name] = host
        await host.restart()

    @asynccontextmanager
    async def stranger(self, program: str) -> AsyncIterator[trio.abc.Stream]:
        """A bare stream to a program, past the wires."""
        to = self.stage.plug_in(self.hosts[program].redirector if program != SERVER else None)
        try:
            yield to.near
        finally:
            await to.near.aclose()

    def identity(self, program: str) -> Identity:
        """Who a redirector says it is."""
        config = self.hosts[program].config
        return Identity(config.instance, config.instance_key)

    async def heal(self) -> None:
        """Whatever faults have left is whole again."""
        for wire in self.wires.values():
            for one in list(wire.toxics):
                wire.remove(one.toxic)
        for disk in self.disks.values():
            await disk.heal()
        for program in self.programs.values():
            await program.go_on()
            await program.restart()


class SimulatedServer:
    """The share server."""

    name = SERVER

    def __init__(self, stage: Stage, wires: dict[str, CableWire], told: Told) -> None:
        self._stage, self._wires, self._told = stage, wires, told
        self.runs = True

    async def kill(self) -> None:
        """End it without a warning."""
        if self.runs:
            self.runs = False
            self._told(SERVER, "killed")
            await self._stage.kill_server()

    async def restart(self) -> None:
        """Start it again over what it left."""
        if not self.runs:
            await self._stage.restart_server()
            self.runs = True
            self._told(SERVER, "started")

    async def stop(self) -> None:
        """Nobody hears of it, and it hears of nobody."""
        self._hold(True)

    async def go_on(self) -> None:
        """What was sent meanwhile comes through."""
        self._hold(False)

    def _hold(self, held: bool) -> None:
        for name, wire in self._wires.items():
            if name.endswith(f"-{SERVER}"):
                wire.hold(held)

    async def limit_files(self, most: int | None) -> None:
        """There are none to be limited."""

    async def limit_memory(self, most: int | None) -> bool:
        """There is none to be limited."""
        return False


class SimulatedHost:
    """A redirector; started again it is the same one to its server, and knows nothing."""

    def __init__(
        self,
        name: str,
        stage: Stage,
        config: Config,
        on_start: Callable[[Redirector], None],
        told: Told,
    ) -> None:
        self.name, self.config = name, config
        self.upstream, self.downstream = f"{name}-{SERVER}", f"clients-{name}"
        self.wires: dict[str, CableWire] = {}
        self.attach: dict[str, Callable[[Cable], None]] = {}
        self._stage, self._on_start, self._told = stage, on_start, told
        self._redirector: Redirector | None = None

    @property
    def redirector(self) -> Redirector:
        """The program that runs now, or ran last."""
        assert self._redirector is not None
        return self._redirector

    async def kill(self) -> None:
        """End it without a warning."""
        if self._redirector is not None and not self._redirector.killed:
            self._told(self.name, "killed")
            await self._stage.kill_redirector(self._redirector)

    async def restart(self) -> None:
        """Start it again, empty."""
        if self._redirector is not None and not self._redirector.killed:
            return
        again = self._redirector is not None
        redirector = await self._stage.add_redirector(self.config)
        redirector.on_client = self.attach[self.downstream]
        redirector.on_upstream = self.attach[self.upstream]
        self._redirector = redirector
        self._on_start(redirector)
        if again:
            self._told(self.name, "started")

    async def stop(self) -> None:
        """Nobody hears of it, and it hears of nobody."""
        self._hold(True)

    async def go_on(self) -> None:
        """What was sent meanwhile comes through."""
        self._hold(False)

    def _hold(self, held: bool) -> None:
        for wire in (self.upstream, self.downstream):
            self.wires[wire].hold(held)

    async def limit_files(self, most: int | None) -> None:
        """There are none to be limited."""

    async def limit_memory(self, most: int | None) -> bool:
        """There is none to be limited."""
        return False


class SimulatedDisk:
    """All disks of the stage's server."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        stage.disks[:] = [FaultyStore(one) for one in stage.disks]
        stage.server.stores = dict(zip(stage.server.stores, stage.disks, strict=True))

    @property
    def _stores(self) -> list[FaultyStore]:
        return [one for one in self._stage.disks if isinstance(one, FaultyStore)]

    async def begin(self, call: str, error: str, every: int) -> None:
        """From now on every so many-th call meets the error; a slow one only takes time."""
        for store in self._stores:
            store.trouble = Trouble(call, error if error in STATUSES else "slow", every)

    async def heal(self) -> int:
        """Be well again; returns how many calls met the error."""
        fired = sum(store.trouble.fired for store in self._stores)
        for store in self._stores:
            store.trouble = Trouble()
        return fired


class SimulatedClock:
    """The one wall clock of the stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def step(self, program: str, seconds: float) -> None:
        """Put it forward or back."""
        self._stage.stepped_ns += round(seconds * 1e9)
