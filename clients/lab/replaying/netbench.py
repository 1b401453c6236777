"""Play a NetBench load file: both daemons, a few processes of clients, one report.

As many processes as there are cores share the clients out. The clock runs from the moment all
are logged on, and in a whole run to the last answer of the last logoff, so that whatever was
kept back is paid for.
"""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trio

from clients.lab.daemons import Daemons, running
from clients.lab.replaying.playing import DAEMON, LIBRARY, Part
from clients.lab.replaying.tally import Tally, total
from clients.lab.replaying.trees import Tree, read_tree
from deploy.local import StartFailed, python_module
from redird.wire.dialling import unwrapped

LABELS = {DAEMON: "through the daemon", LIBRARY: "cached in process"}
FILE = Path("/usr/share/dbench/client.txt")  # Debian: dbench
LOADED_MAX_S = 300.0  # to read the file and log on
OnDone = Callable[[int], None]  # how many lines are done by all clients


@dataclass(frozen=True, slots=True)
class Options:
    """What to play, by how many clients, and how they reach the server."""

    file: Path = FILE
    clients: int = 1
    through: str = DAEMON
    preset: str = "win10"
    lines_max: int | None = None
    seconds: float | None = None
    warm_up_s: float = 0.0
    keep_tree: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it. `statistics`: of the redirectors, what they counted meanwhile;
    `tree`: what is left on the server's disk, if that was asked for.
    """

    options: Options
    tally: Tally
    spent_s: float
    statistics: dict[str, int]
    processes: int
    tree: Tree | None = None

    @property
    def ok(self) -> bool:
        """Whether every status was the one expected, and there was at least one."""
        return self.tally.lines > 0 and not self.tally.mismatched

    def row(self) -> dict[str, Any]:
        """Return the documented object."""
        tally, statistics = self.tally, self.statistics
        return {
            "lines": tally.lines,
            "matched": tally.matched,
            "mismatched": tally.mismatched,
            "operations_per_s": round(tally.lines / self.spent_s, 1),
            "mb_per_s": round(tally.bytes / self.spent_s / 1e6, 2),
            "reuse_hits": statistics.get("files_revived", 0),
            "round_trips_saved": statistics.get("round_trips_saved", 0),
            "clients": self.options.clients,
            "through": self.options.through,
            "preset": self.options.preset,
            "processes": self.processes,
            "seconds": round(self.spent_s, 3),
            "requests_sent": statistics.get("requests_sent", 0),
            "operations": tally.rows(),
        }


async def replay(options: Options, on_done: OnDone = lambda _: None) -> Replay:
    """Start everything, play, stop everything; raises StartFailed."""
    async with running(redirector={"preset": options.preset}) as daemons:
        done = await replay_at(daemons, options, on_done)
        return replace(done, tree=read_tree(daemons.folder)) if options.keep_tree else done


async def replay_at(
    daemons: Daemons, options: Options, on_done: OnDone = lambda _: None
) -> Replay:
    """Play at daemons that run. The clients' folders are theirs."""
    parts = list(_parts(options, daemons))
    before = await _statistics(daemons)
    done: dict[int, int] = {}

    def told(number: int, lines: int) -> None:
        done[number] = lines
        on_done(sum(done.values()))

    async with AsyncExitStack() as players:
        processes = [await players.enter_async_context(_process(part)) for part in parts]
        for one in processes:
            await one.wait_ready()
        results = await _play_all(processes, told)
    if options.through == LIBRARY:
        statistics = _summed([result["statistics"] for result in results])
    else:
        after = await _statistics(daemons)
        statistics = {key: value - before.get(key, 0) for key, value in after.items()}
    return _replay(options, results, statistics)


def _parts(options: Options, daemons: Daemons) -> list[Part]:
    """Share the clients out among as many processes as there are cores."""
    processes = min(options.clients, len(os.sched_getaffinity(0)))
    library = options.through == LIBRARY
    return [
        Part(
            file=str(options.file),
            clients=tuple(range(first, options.clients + 1, processes)),
            at=daemons.server_tcp if library else daemons.redirector_unix,
            through=options.through,
            preset=options.preset,
            lines_max=options.lines_max,
            seconds=options.seconds,
            warm_up_s=options.warm_up_s,
        )
        for first in range(1, processes + 1)
    ]


async def _statistics(daemons: Daemons) -> dict[str, int]:
    [row] = await daemons.redirector_view("status")
    return {key: value for key, value in row.items() if type(value) is int}


def _summed(tables: list[dict[str, int]]) -> dict[str, int]:
    return {key: sum(table[key] for table in tables) for key in tables[0]}


def _replay(
    options: Options, results: list[dict[str, Any]], statistics: dict[str, int]
) -> Replay:
    tally = total(Tally.from_object(result["tally"]) for result in results)
    spent_s = max(result["spent_s"] for result in results)
    return Replay(options, tally, spent_s, statistics, len(results))


# --- processes of clients ---------------------------------------------------------------------


class _Players:
    """One process of clients, and what it says."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self.stdin, self.stdout = process.stdin, process.stdout
        self._unread = b""

    async def wait_ready(self) -> None:
        """Wait until its clients are logged on; raises StartFailed."""
        with trio.move_on_after(LOADED_MAX_S):
            if "ready" in await self._next():
                return
        raise StartFailed(f"the clients were not logged on after {LOADED_MAX_S:g} s")

    async def play(self, told: Callable[[int], None]) -> dict[str, Any]:
        """Let it begin, and return what came of it; raises StartFailed."""
        await self.stdin.send_all(b"\n")
        while True:
            said = await self._next()
            if "result" in said:
                result: dict[str, Any] = said["result"]
                return result
            told(said.get("done", 0))

    async def _next(self) -> dict[str, Any]:
        while b"\n" not in self._unread:
            part = await self.stdout.receive_some()
            if not part:
                status = await self._process.wait()
                raise StartFailed(f"a process of clients ended with status {status}")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        if "failed" in said:
            raise StartFailed(f"the clients failed: {said['failed']}")
        return said


@asynccontextmanager
async def _process(part: Part) -> AsyncIterator[_Players]:
    command = python_module("clients.lab.replaying.playing", part.as_argument())
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    one = _Players(process)
    try:
        yield one
    finally:
        with trio.CancelScope(shield=True):
            process.terminate()
            await process.wait()
            await trio.aclose_forcefully(one.stdin)
            await trio.aclose_forcefully(one.stdout)


async def _play_all(
    players: list[_Players], told: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    results: dict[int, dict[str, Any]] = {}

    async def one(number: int) -> None:
        results[number] = await players[number].play(lambda lines: told(number, lines))

    with unwrapped():
        async with trio.open_nursery() as nursery:
            for number in range(len(players)):
                nursery.start_soon(one, number)
    return list(results.values())
