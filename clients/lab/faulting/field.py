"""The real field: a share server, redirectors, and a proxy on every way between them.

Everything is in one folder and on this machine; all of it ends with the context. What is there
depends on the machine: `missing` says which needs of faults cannot be met, and why.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from clients.faults.applied import Note
from clients.faults.field import GUEST, Identity
from clients.faults.injecting import HEAL_MAX_S, SERVER
from clients.faults.proxy.proxy import Proxy, dialler
from clients.lab.daemons import SERVER as FILES
from clients.lab.daemons import SHARE
from clients.lab.faulting.clocks import FakeClock
from clients.lab.faulting.disks import StraceDisk, why_no_strace
from clients.lab.faulting.programs import RealProgram
from redird.wire.address import bound_address, dial, listen, parse

OPEN_SHARE = "open"
END_MAX_S = 15.0  # for one program to end in order
Told = Callable[[str, str, int], object]  # program, "started" or "killed", which life


@dataclass(frozen=True, slots=True)
class Layout:
    """What is set up. `server` and `redirector` override settings of the daemons."""

    hosts: tuple[str, ...]
    users: tuple[str, ...]
    limit: int | None
    preset: str
    time_scale: float
    seed: int
    silence_max_s: float
    server: Mapping[str, Any]
    redirector: Mapping[str, Any]


class RealField:
    """Everything there is to break, as real processes."""

    open_share = OPEN_SHARE

    def __init__(self, layout: Layout, folder: Path, note: Note, told: Told) -> None:
        self.silence_max_s = layout.silence_max_s
        self.share_folder = folder / SHARE
        self.clock = FakeClock(folder)
        self.missing: dict[str, str] = {}
        self._layout, self._folder, self._note, self._told = layout, folder, note, told
        self.programs: dict[str, RealProgram] = {}
        self.wires: dict[str, Proxy] = {}
        self.disks: dict[str, StraceDisk] = {}

    async def set_up(self, nursery: trio.Nursery) -> None:
        """Start the server, then each redirector behind a proxy; raises StartFailed."""
        for folder in (self.share_folder, self._folder / OPEN_SHARE):
            folder.mkdir()
        await self._look_around()
        server = self._program(SERVER, "shareserver", self._server_settings())
        await server.restart()
        self.disks[SERVER] = StraceDisk(lambda: server.pid, self._folder)
        async with trio.open_nursery() as starting:
            for host in self._layout.hosts:
                starting.start_soon(self._add_host, nursery, host, server)
        for program in self.programs.values():
            nursery.start_soon(program.watch)

    async def _add_host(self, nursery: trio.Nursery, host: str, server: RealProgram) -> None:
        at = await self._wire(nursery, f"{host}-{SERVER}", server, "tcp:127.0.0.1:0", "tcp")
        redirector = self._program(host, "redird", self._redirector_settings(host, at))
        await redirector.restart()
        path = f"unix:{self._folder}/{host}-proxy.sock"
        await self._wire(nursery, f"clients-{host}", redirector, path, "unix")

    async def _look_around(self) -> None:
        if reason := await why_no_strace():
            self.missing["disk"] = reason
        if reason := self.clock.missing:
            self.missing["clock"] = reason

    def _program(self, name: str, module: str, settings: Mapping[str, Any]) -> RealProgram:
        def told(event: str, epoch: int) -> None:
            self._told(name, event, epoch)

        env = self.clock.env(name)
        program = RealProgram(name, module, self._folder, settings, env, told)
        self.programs[name] = program
        return program

    async def _wire(
        self, nursery: trio.Nursery, name: str, to: RealProgram, at: str, kind: str
    ) -> str:
        """Put a proxy before a program; returns where it listens."""
        there = dialler(lambda: parse(to.address(kind)))
        proxy = Proxy(name, there, self._layout.seed, self._note)
        listeners = await listen(parse(at))
        nursery.start_soon(trio.serve_listeners, proxy.serve, listeners)
        self.wires[name] = proxy
        return str(bound_address(listeners[0]))

    def client_address(self, host: str) -> str:
        """Where clients reach a redirector, through its proxy."""
        return f"unix:{self._folder}/{host}-proxy.sock"

    def _server_settings(self) -> dict[str, Any]:
        limit = self._layout.limit
        accounts = {user: {"guest": True} for user in (GUEST, *self._layout.users)}
        shares = {
            SHARE: {"path": str(self.share_folder)} | ({"uses_max": limit} if limit else {}),
            OPEN_SHARE: {"path": str(self._folder / OPEN_SHARE)},
        }
        return {
            "listen": ["tcp:127.0.0.1:0", f"unix:{self._folder}/{SERVER}.sock"],
            "peer_silence_max_s": self.silence_max_s,
            "echo_s": self.silence_max_s / 3,
            "journal": f"{self._folder}/journal.db",
            **self._layout.server,
            "accounts": accounts,
            "shares": shares,
        }

    def _redirector_settings(self, host: str, server_at: str) -> dict[str, Any]:
        identity = self.identity(host)
        return {
            "listen": [f"unix:{self._folder}/{host}.sock"],
            "preset": self._layout.preset,
            "time_scale": self._layout.time_scale,
            "instance": identity.instance,
            "instance_key": identity.key,
            "peer_silence_max_s": self.silence_max_s,
            "echo_s": self.silence_max_s / 3,
            **self._layout.redirector,
            "servers": {FILES: server_at},
        }

    def identity(self, program: str) -> Identity:
        """Who a redirector says it is."""
        return Identity(program, f"key-of-{program}-{self._layout.seed}")

    @asynccontextmanager
    async def stranger(self, program: str) -> AsyncIterator[trio.abc.Stream]:
        """A bare stream to a program; raises LinkLost."""
        kind = "tcp" if program == SERVER else "unix"
        stream = await dial(parse(self.programs[program].address(kind)), 5)
        try:
            yield stream
        finally:
            await trio.aclose_forcefully(stream)

    async def heal(self) -> None:
        """Let everything be whole, whatever was done to it."""
        for disk in self.disks.values():
            await disk.heal()
        await self.clock.heal()
        for wire in self.wires.values():
            for one in list(wire.toxics):
                wire.remove(one.toxic)
        for program in self.programs.values():
            await program.limit_memory(None)
            await program.limit_files(None)
            await program.go_on()
            await program.restart()

    async def tear_down(self) -> None:
        """End all programs, redirectors first, each within its time."""
        for disk in self.disks.values():
            await disk.heal()
        for program in reversed(self.programs.values()):
            with trio.move_on_after(END_MAX_S):
                await program.end()


@asynccontextmanager
async def real_field(
    layout: Layout, folder: Path, note: Note, told: Told
) -> AsyncIterator[RealField]:
    """Set a field up in an empty folder; nothing of it is left running at the end."""
    field = RealField(layout, folder, note, told)
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        stack.push_async_callback(_shielded, field.tear_down)
        try:
            await field.set_up(nursery)
            yield field
        finally:
            nursery.cancel_scope.cancel()


async def _shielded(end: Callable[[], Any]) -> None:
    with trio.move_on_after(HEAL_MAX_S * 2) as scope:
        scope.shield = True
        await end()
