"""How a benchmark is run: daemons, a bare echo beside them, and both measured in turns.

Medians are compared, so that a machine whose speed drifts still gives a fair ratio.
"""

import os
import platform
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.lab.bench.bare import round_trips_per_s
from clients.lab.daemons import GUEST, Daemons, running
from deploy.local import LocalProcess, python_module, start
from shareserver.accounts import make_verifier

ROUNDS = 5
USER, PASSWORD = "alice", "correct horse battery staple"
BARE = "bare trio + msgpack echo"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure beside its yardstick; a ratio over 1 is better than the yardstick."""

    name: str
    ours: float
    unit: str
    reference: float
    reference_name: str
    more: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Return the documented object."""
        return {
            "name": self.name,
            "ours": round(self.ours, 2),
            "unit": self.unit,
            "reference": round(self.reference, 2),
            "reference_name": self.reference_name,
            "ratio": round(self.ours / self.reference, 3),
            **self.more,
        }


@dataclass(frozen=True, slots=True)
class Bench:
    """Daemons and a yardstick to measure, and for how long each round lasts."""

    daemons: Daemons
    bare: LocalProcess
    seconds: float

    async def bare_per_s(self) -> float:
        """Measure the yardstick: serial round trips a second."""
        port = int(self.bare.addresses[0].rpartition(":")[2])
        return await round_trips_per_s(port, self.seconds)

    async def alternate(self, ours: Callable[[], Awaitable[float]]) -> tuple[float, float]:
        """Return the medians of ours and of the yardstick, measured in turns."""
        pairs = [(await ours(), await self.bare_per_s()) for _ in range(ROUNDS)]
        return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)

    async def count_for(self, step: Callable[[], Awaitable[object]]) -> float:
        """Return how many times a second `step` can be done, one after the other."""
        count, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < self.seconds:
            await step()
            count += 1
        return count / spent


@asynccontextmanager
async def benching(seconds: float, logs: Path | None = None) -> AsyncIterator[Bench]:
    """Start both daemons and the yardstick."""
    server = {
        "accounts": {
            GUEST: {"guest": True},
            USER: {"verifier": make_verifier(PASSWORD)},
        }
    }
    files = {"file.txt": bytes(4096)} | {f"f{number}.txt": b"x" for number in range(16)}
    async with (
        # Every read goes to the server: what a hop costs is measured, not the cache.
        running(
            server=server, redirector={"cache_max_bytes": 0}, files=files, logs=logs
        ) as daemons,
        start(python_module("clients.lab.bench.bare")) as bare,
    ):
        yield Bench(daemons, bare, seconds)


def machine() -> str:
    """Say what this ran on."""
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {python}"
