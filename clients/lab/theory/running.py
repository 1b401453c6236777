"""Runs what a table of cells needs, on whatever executor: first pilots, then replications."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import trio

from clients.lab.theory import judging
from clients.lab.theory.cells import Cell
from clients.lab.theory.emulator import Daemons
from clients.lab.theory.judging import Measured
from clients.lab.theory.replications import (
    REPLICATIONS,
    Job,
    Pilot,
    Replication,
    pilot,
    replicate,
)
from clients.swarm.executors import Workers, wait_done

R = TypeVar("R")
QUEUED = 2  # pieces for each worker, so that none waits for the next
LOST = ("WorkerDied", "KilledWorker", "CancelledError", "FutureCancelledError")


class PieceLost(Exception):
    """A worker is gone, with what it worked on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, how well, and with what the daemons are told otherwise than theory."""

    cells: tuple[Cell, ...]
    precision: float
    seed: int
    planted: dict[str, float]
    wired: bool = False

    def jobs(self, pilots: Sequence[Pilot]) -> Iterator[Job]:
        """Yield the replications of all cells, the longest first."""
        pairs = zip(self.cells, pilots, strict=True)
        for cell, found in sorted(pairs, key=lambda pair: -pair[1].logons):
            for number in range(REPLICATIONS):
                seed = f"{self.seed} {cell} {number}"
                yield Job(cell, self.daemons(cell), seed, found.logons)

    def daemons(self, cell: Cell) -> Daemons:
        """How the daemons are configured for a cell."""
        told = Daemons(cell.limit, cell.preset, None, cell.tick_s, self.wired)
        changes: dict[str, Any] = dict(self.planted)
        changes["limit"] = max(1, cell.limit + int(changes.pop("limit", 0)))
        return replace(told, **changes)


@dataclass(slots=True)
class Progress:
    """Who is told how far it has come."""

    on_pilot: Callable[[Pilot], None] = lambda _: None
    on_pilots: Callable[[list[Pilot]], None] = lambda _: None
    on_replication: Callable[[Replication], None] = lambda _: None


async def measure(
    plan: Plan, workers: Workers, progress: Progress
) -> tuple[list[Measured], bool]:
    """Measure all cells; returns those that are complete, and whether these are all.

    Raises PieceLost if a worker died before anything was measured.
    """
    asked = [(cell, plan.precision, f"{plan.seed} {cell}") for cell in plan.cells]
    pilots = await each(workers, pilot, asked, progress.on_pilot)
    if None in pilots:
        raise PieceLost("a worker died in a pilot run; nothing was measured")
    known = [one for one in pilots if one is not None]
    progress.on_pilots(known)
    jobs = list(plan.jobs(known))
    runs = await each(workers, replicate, [(job,) for job in jobs], progress.on_replication)
    by_cell: dict[Cell, list[Replication]] = {cell: [] for cell in plan.cells}
    for job, run in zip(jobs, runs, strict=True):
        if run is not None:
            by_cell[job.cell].append(run)
    complete = [
        judging.measured(cell, found, by_cell[cell])
        for cell, found in zip(plan.cells, known, strict=True)
        if len(by_cell[cell]) == REPLICATIONS
    ]
    return complete, len(complete) == len(plan.cells)


async def each(
    workers: Workers,
    work: Callable[..., R],
    arguments: Sequence[tuple[Any, ...]],
    on_result: Callable[[R], None],
) -> list[R | None]:
    """Do a piece of work for each of the arguments; None for what died with its worker."""
    results: list[R | None] = [None] * len(arguments)
    left = iter(range(len(arguments)))

    async def some() -> None:
        for index in left:
            future = workers.submit(work, *arguments[index])
            await wait_done(future)
            error = future.exception()
            if error is None:
                results[index] = future.result()
                on_result(future.result())
            elif type(error).__name__ not in LOST:
                raise error

    async with trio.open_nursery() as nursery:
        for _ in range(QUEUED * workers.processes):
            nursery.start_soon(some)
    return results
