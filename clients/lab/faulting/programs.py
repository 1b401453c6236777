"""A daemon as a real process that may be killed, stopped, starved, and started again.

It keeps its configuration and its addresses over its lives; an epoch numbers these. That it
ended although nobody ended it is kept in `deaths`.
"""

import os
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import trio

from clients.lab.daemons import toml_lines
from clients.lab.faulting.memory import MemoryLimit
from deploy.local import LocalProcess, StartFailed, python_module, start
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking
from redird.wire.errors import LinkLost, Refused

LOOK_S = 0.05
STARTS_MAX = 3  # attempts, as a socket of the life before may still be taken
VIEW_MAX_S = 5.0
Told = Callable[[str, int], object]  # "started" or "killed", and which life


class RealProgram:
    """One daemon: `name` on the field, `module` to run, a folder for what it needs."""

    def __init__(
        self,
        name: str,
        module: str,
        folder: Path,
        settings: Mapping[str, Any],
        env: Mapping[str, str] | None,
        told: Told,
    ) -> None:
        self.name = name
        self.epoch = 0
        self.killed_first_ns = 0  # by the wall clock; 0: it never was
        self.deaths: list[str] = []
        self.baseline: dict[str, int] = {}
        self._module, self._folder, self._env, self._told = module, folder, env, told
        self._settings = dict(settings)
        self._lock = trio.Lock()
        self._stack = AsyncExitStack()
        self._local: LocalProcess | None = None
        self._files: tuple[int, int] | None = None  # limits before they were lowered
        self._memory: MemoryLimit | None = None

    # --- its lives ---

    @property
    def pid(self) -> int | None:
        """Its process now, if it runs."""
        if self._local is None or self._local.process.poll() is not None:
            return None
        return self._local.process.pid

    async def restart(self) -> None:
        """Start it, if it does not run; raises StartFailed."""
        async with self._lock:
            await self._bury()
            for attempt in range(1, STARTS_MAX + 1):
                if self.pid is not None:
                    return
                try:
                    await self._start()
                except StartFailed:
                    if attempt == STARTS_MAX:
                        raise
                    await trio.sleep(attempt * 0.2)

    async def _start(self) -> None:
        config = self._folder / f"{self.name}.toml"
        config.write_text("".join(toml_lines(self._settings)))
        command = python_module(self._module, "serve", "--json", "--config", str(config))
        log = self._folder / f"{self.name}.log"
        starting = start(command, log=log, env=self._env)
        self._local = await self._stack.enter_async_context(starting)
        self.epoch += 1
        # The same ports in its next life: others have been told where it is.
        self._settings["listen"] = self._local.addresses
        self.baseline = self.counts()
        self._told("started", self.epoch)

    async def kill(self) -> None:
        """End it without a warning."""
        async with self._lock:
            if self.pid is not None and self._local is not None:
                self._note_death()
                await self._local.kill()
                await self._leave()

    async def _bury(self) -> None:
        """Take note of a process that has ended by itself."""
        if self._local is None or self.pid is not None:
            return
        if self._memory is None:
            status = self._local.process.returncode
            self.deaths.append(f"{self.name} ended by itself, with status {status}")
        self._note_death()
        await self._leave()

    def _note_death(self) -> None:
        self.killed_first_ns = self.killed_first_ns or time.time_ns()
        self._told("killed", self.epoch)

    async def _leave(self) -> None:
        self._local, self._files, self._memory = None, None, None
        await self._stack.aclose()

    async def end(self) -> None:
        """End it in order, for good."""
        async with self._lock:
            await self._leave()

    async def watch(self) -> None:
        """Start it again whenever it ended by itself, for ever."""
        while True:
            await trio.sleep(LOOK_S)
            if self._local is not None and self.pid is None:
                await self.restart()

    # --- what is done to it ---

    async def stop(self) -> None:
        """Stop it in its tracks."""
        await trio.lowlevel.checkpoint()
        if self.pid is not None and self._local is not None:
            self._local.pause()

    async def go_on(self) -> None:
        """Let it go on."""
        await trio.lowlevel.checkpoint()
        if self.pid is not None and self._local is not None:
            self._local.resume()

    async def limit_files(self, most: int | None) -> None:
        """Let it open `most` descriptors more; None: as many as before."""
        await trio.lowlevel.checkpoint()
        pid = self.pid
        if pid is None:
            return
        if self._files is None:
            self._files = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        soft, hard = self._files
        if most is None:
            self._files = None
        else:
            soft = min(soft, self.counts()["fds"] + most)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))

    async def limit_memory(self, most: int | None) -> bool:
        """Let it grow by so much; returns whether it is dead. None: as much as it likes."""
        await trio.lowlevel.checkpoint()
        pid = self.pid
        if most is None:
            if self._memory is not None:
                self._memory.lift()
            self._memory = None if pid else self._memory
        elif pid is not None and self._memory is None:
            self._memory = MemoryLimit(pid, most)
        return pid is None

    # --- what is seen of it ---

    def counts(self) -> dict[str, int]:
        """Its open descriptors and its resident memory."""
        if self.pid is None:
            return {}
        folder = Path(f"/proc/{self.pid}")
        resident = folder.joinpath("status").read_text().partition("VmRSS:")[2].split()[0]
        return {"fds": len(os.listdir(folder / "fd")), "memory_bytes": 1024 * int(resident)}

    def address(self, kind: str) -> str:
        """Where it listens, by tcp or unix; the same in all its lives."""
        listen: list[str] = self._settings["listen"]
        return next(one for one in listen if one.startswith(f"{kind}:"))

    async def view(self, view: str) -> list[dict[str, Any]] | None:
        """One of its admin views; None if it does not answer."""
        with trio.move_on_after(VIEW_MAX_S):
            try:
                return await asking(
                    lambda link: ask_view(view, link), parse(self.address("unix"))
                )
            except (LinkLost, Refused):
                return None
        return None
