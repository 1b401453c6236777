"""A worker: one shard of a swarm in a process of its own, wherever that is.

It is handed plain data and hands back plain data, and needs no compiled package: it runs on
emulated hosts too.
"""

import functools
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trio

from clients.session import dial
from clients.swarm.line import report
from clients.swarm.runner import Bounds, Runner, Target
from clients.swarm.trace import PlannedSession, Trace, read, shard_of, write
from clients.swarm.workload import Workload, generate
from redird.wire.process import raise_open_files_limit

LATE_MAX_S = 5.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ShardLate(Exception):
    """A worker came too late to begin with the others."""


@dataclass(frozen=True, slots=True)
class Shard:
    """What one worker is to do; `begins_at` is wall time, the same for all."""

    number: int
    shards: int
    seed: int
    workload: Workload
    trace: Trace | None  # of this shard alone; None: made from the workload
    target: Target
    bounds: Bounds
    begins_at: float
    lead: str = ""  # where to report to
    token: str = ""

    @property
    def closed(self) -> bool:
        """Whether users come again."""
        return self.workload.closed if self.trace is None else self.trace.closed

    def sessions(self) -> Iterable[PlannedSession]:
        """The shard's own sessions."""
        if self.trace is not None:
            return self.trace.sessions
        return generate(self.workload, self.seed, self.number, self.shards)

    def plain(self) -> dict[str, Any]:
        """The whole shard, as JSON has it."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "workload": asdict(self.workload),
            "trace": None if self.trace is None else list(write(self.trace)),
            "target": asdict(self.target),
            "bounds": asdict(self.bounds),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Shard":
        """What `plain` said."""
        given = dict(plain)
        lines = given.pop("trace")
        return cls(
            workload=Workload(**given.pop("workload")),
            trace=None if lines is None else read(lines),
            target=Target(**given.pop("target")),
            bounds=Bounds(**given.pop("bounds")),
            **given,
        )


def shard_trace(trace: Trace, number: int, shards: int) -> Trace:
    """The part of a trace that is one shard's."""
    return Trace(trace.closed, tuple(shard_of(trace, number, shards)))


def ready() -> str:
    """Let an executor load everything a shard needs; returns which boot of which machine."""
    return _machine()


def run_shard(shard: Shard) -> dict[str, Any]:
    """Run one shard to its end; raises ShardLate if it can no longer begin with the others."""
    raise_open_files_limit()
    return trio.run(work_on, shard)


async def work_on(shard: Shard) -> dict[str, Any]:
    """Do as `run_shard`, within a trio program."""
    sessions = list(shard.sessions()) if shard.closed else shard.sessions()
    late_s = time.time() - shard.begins_at
    if late_s > LATE_MAX_S:
        raise ShardLate(
            f"shard {shard.number} came {late_s:.0f} s late: too few workers, or one died"
        )
    begin_s = trio.current_time() + max(0.0, -late_s)
    runner = Runner(
        shard.target,
        shard.bounds,
        functools.partial(dial, shard.target.address),
        shard.workload.retry_pause_s,
    )
    hello = {"token": shard.token, "shard": shard.number}
    async with trio.open_nursery() as nursery:
        if shard.lead:
            nursery.start_soon(report, shard.lead, hello, runner.measures.plain, runner.stop)
        await runner.run(sessions, shard.closed, begin_s, shard.workload.duration_s)
        nursery.cancel_scope.cancel()
    to_monotonic_s = _ahead_s(time.monotonic)
    return {
        "shard": shard.number,
        "measures": runner.measures.plain(),
        "reasons": dict(runner.reasons),
        "stays": runner.diary.plain(to_monotonic_s),
        "complete": runner.diary.complete,
        "stopped": runner.stopped,
        "late_s": max(0.0, late_s),
        "began": begin_s + to_monotonic_s,
        "to_wall_s": _ahead_s(time.time) - to_monotonic_s,  # what to add for another machine's
        "machine": _machine(),
    }


def _ahead_s(clock: Callable[[], float]) -> float:
    """What a clock shows more than trio's: of some readings that with the least between."""
    readings = []
    for _ in range(20):
        before = trio.current_time()
        shown = clock()
        after = trio.current_time()
        readings.append((after - before, shown - (before + after) / 2))
    return min(readings)[1]


def _machine() -> str:
    """One boot of one machine: within it the monotonic clocks of all processes agree."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return platform.node()
