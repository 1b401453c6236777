"""A terminal server on a named host, led from here: see `__main__` for what is said.

Its standard error, with what its redirector logged, goes to a file here.
"""

import json
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio

from clients.swarm.line import lines
from deploy.hosts.host import Host, HostError
from deploy.hosts.running import Guest, running

COMMAND = ("python3", "-m", "clients.lab.terminal")
LINE_BYTES_MAX = 1 << 28
READY_MAX_S = 300.0  # several whole machines start, one beside the other
END_WAIT_S = 10.0
CLOCK_READINGS = 5


class TerminalError(Exception):
    """What became of a terminal server: its host, what happened, where to look."""


class Terminal:
    """One terminal server, for one job after the other."""

    def __init__(self, host: str, guest: Guest, log: Path) -> None:
        self.host = host
        self._guest = guest
        self._log = log
        self._said: AsyncGenerator[bytes, None] = lines(guest.stdout, LINE_BYTES_MAX)

    def reach(self, address: str) -> str:
        """How an address of this machine's loopback is written there."""
        return self._guest.reach(address)

    async def clock_ahead_s(self) -> tuple[float, float]:
        """By at least and at most how much its clock shows more than this machine's."""
        readings = []
        for _ in range(CLOCK_READINGS):
            asked = time.time()
            await self._send(job="clock")
            shown = (await self._hear("result", READY_MAX_S))["result"]["now"]
            readings.append((shown - time.time(), shown - asked))
        return min(readings, key=lambda one: one[1] - one[0])

    async def prepare(self, job: str, server: str, redirector: Mapping[str, Any]) -> None:
        """Have its redirector lead to the share server at an address of this machine."""
        await self._send(job=job, server=self.reach(server), redirector=dict(redirector))
        await self._hear("ready", READY_MAX_S)

    async def go(
        self,
        given: Mapping[str, Any],
        silence_max_s: float = math.inf,
        on_told: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Let it work; returns the result. Something has to be heard each `silence_max_s`."""
        await self._send(go=dict(given))
        while "result" not in (said := await self._hear("told", silence_max_s)):
            on_told()
        return dict(said["result"])

    async def end(self) -> None:
        """Let it end: there are no more jobs."""
        with trio.move_on_after(END_WAIT_S), suppress(HostError, trio.BrokenResourceError):
            await self._guest.stdin.aclose()
            await self._guest.wait()

    async def _send(self, **line: Any) -> None:
        try:
            await self._guest.stdin.send_all(json.dumps(line).encode() + b"\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise await self._gone() from None

    async def _hear(self, what: str, within_s: float) -> dict[str, Any]:
        """The next line, which must be `what` it says or a result."""
        with trio.move_on_after(within_s):
            line = await anext(self._said, b"")
            if not line:
                raise await self._gone()
            return self._table(line, what)
        raise self._error(f"nothing was heard of it for {within_s:.0f} s")

    def _table(self, line: bytes, what: str) -> dict[str, Any]:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if isinstance(said, dict):
            if isinstance(error := said.get("error"), str):
                raise self._error(error.partition("\n")[0])
            if what in said or isinstance(said.get("result"), dict):
                return said
        raise self._error(f"it said {line[:100].decode(errors='replace')!r}")

    async def _gone(self) -> TerminalError:
        reason = "the terminal server is not heard of any more"
        with trio.move_on_after(END_WAIT_S):
            try:
                reason = f"the terminal server ended with status {await self._guest.wait()}"
            except HostError as error:
                return TerminalError(f"host {error}; see {self._log}")
        return self._error(reason)

    def _error(self, reason: str) -> TerminalError:
        return TerminalError(f"host {self.host}: {reason}; see {self._log}")


@asynccontextmanager
async def terminal(host: Host, log: Path, limit_s: float) -> AsyncIterator[Terminal]:
    """Run a terminal server on a host; raises HostError or TerminalError.

    After the block it ends, in order if the block did.
    """
    async with running(host, COMMAND, log=log, limit_s=limit_s, own_tmp=True) as guest:
        one = Terminal(host.name, guest, log)
        async with aclosing(one._said):
            yield one
            await one.end()
