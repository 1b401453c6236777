"""Who works on the shards of a swarm: an executor's workers, or terminal servers on hosts.

The sessions of a worker log on where the shard says, those of a terminal server at its own
redirector, which leads there. Whoever dies costs the shard that it worked on, and no other.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import trio

from clients.lab.swarming.outcome import CLOCKS_APART_S
from clients.lab.terminal.hosted import Terminal, TerminalError, terminal
from clients.swarm.executors import Workers, wait_done
from clients.swarm.worker import Shard, ready, run_shard
from deploy.hosts.host import Host

READY_MAX_S = 60.0
Result = dict[str, Any]


class ShardLost(Exception):
    """Why there is no result of a shard."""


class Crew(Protocol):
    """Works on as many shards at once as it names hosts."""

    hosts: list[str]  # of each shard; "" is here, or wherever the executor has it
    slowness: float  # how many times longer than here it may take to begin

    async def get_ready(self) -> None:
        """Load all code, so that it is there when the clock starts."""

    async def work(self, shard: Shard) -> Result:
        """Work on a shard to its end; raises ShardLost."""


class Pool:
    """The workers of an executor."""

    slowness = 1.0

    def __init__(self, workers: Workers) -> None:
        self.hosts = [""] * workers.processes
        self._workers = workers

    async def get_ready(self) -> None:
        """Let every worker load its code."""
        futures = [self._workers.submit(ready) for _ in self.hosts]
        with trio.move_on_after(READY_MAX_S):
            for future in futures:
                await wait_done(future)

    async def work(self, shard: Shard) -> Result:
        """Let a worker do it."""
        future = self._workers.submit(run_shard, shard)
        await wait_done(future)
        error = future.exception()
        if error is not None:
            raise ShardLost((str(error) or type(error).__name__).splitlines()[0])
        return future.result()


class Terminals:
    """Terminal servers, one for each shard, which lead to the share server at `server`."""

    slowness = 4.0

    def __init__(
        self, terminals: Sequence[Terminal], server: str, redirector: Mapping[str, Any]
    ) -> None:
        self.hosts = [one.host for one in terminals]
        self._terminals = terminals
        self._server = server
        self._redirector = redirector

    async def get_ready(self) -> None:
        """Have every redirector run; raises TerminalError, the first there is."""
        errors: list[TerminalError] = []

        async def prepare(one: Terminal, scope: trio.CancelScope) -> None:
            try:
                _require_one_clock(one.host, *await one.clock_ahead_s())
                await one.prepare("shard", self._server, self._redirector)
            except TerminalError as error:
                errors.append(error)
                scope.cancel()

        async with trio.open_nursery() as nursery:
            for one in self._terminals:
                nursery.start_soon(prepare, one, nursery.cancel_scope)
        for error in errors:
            raise error

    async def work(self, shard: Shard) -> Result:
        """Let the shard's own terminal server do it."""
        one = self._terminals[shard.number]
        plain = shard.plain()
        plain["lead"] = one.reach(shard.lead)
        try:
            return await one.go(plain)
        except TerminalError as error:
            raise ShardLost(str(error)) from None


def _require_one_clock(host: str, least_s: float, most_s: float) -> None:
    """Verdicts are on sessions of all hosts, by the times that these saw."""
    if least_s > CLOCKS_APART_S or most_s < -CLOCKS_APART_S:
        raise TerminalError(f"host {host}: its clock is {(least_s + most_s) / 2:+.2f} s off")


@asynccontextmanager
async def terminals(
    hosts: Sequence[Host], logs: Path, limit_s: float
) -> AsyncIterator[list[Terminal]]:
    """Run a terminal server on each; all have ended after the block."""
    async with AsyncExitStack() as stack:
        made: list[Terminal] = []
        for number, host in enumerate(hosts):
            log = logs / f"shard-{number}-{host.name}.log"
            made.append(await stack.enter_async_context(terminal(host, log, limit_s)))
        yield made
        async with trio.open_nursery() as nursery:
            for one in made:
                nursery.start_soon(one.end)
