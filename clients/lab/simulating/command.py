"""`redlab simulate`: trials by seed, in virtual time; what fails is shrunk and told."""

import json
import subprocess
import time
from importlib.metadata import version
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clients.lab import ending
from clients.lab.bugs.shelf import ROOT
from clients.lab.simulating.seeds import Found, Seed, play_all
from clients.swarm.executors import ExecutorError, WorkerDied, executor
from redird.wire.process import fail, output

PROGRAM = "redlab"
SEED_MAX = 2**63 - 1
SEEDS_MAX = 10_000_000
SHOWN_MAX = 20


def _range(context: click.Context, option: click.Parameter, text: str) -> range:
    first, dots, last = text.partition("..")
    try:
        found = range(int(first), int(last if dots else first) + 1)
    except ValueError:
        raise click.BadParameter(f"{text!r}: two numbers, such as 0..1999") from None
    if not found or found[0] < 0 or found[-1] > SEED_MAX or len(found) > SEEDS_MAX:
        raise click.BadParameter(f"{text!r}: from 0 on, the second not below the first")
    return found


@click.command("simulate")
@click.option(
    "--seeds",
    default="0..99",
    show_default=True,
    callback=_range,
    metavar="A..B",
    help="which trials, the last one too",
)
@click.option("--processes", type=click.IntRange(0, 1024), default=0, help="0: one a core")
@click.option("--dask", metavar="ADDRESS", help="a scheduler's, instead of processes here")
@click.option("--first", is_flag=True, help="end at the first trial that fails")
@click.option("--check-determinism", is_flag=True, help="play each twice, and compare")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def simulate(
    seeds: range,
    processes: int,
    dask: str | None,
    first: bool,
    check_determinism: bool,
    as_object: bool,
) -> None:
    """Play seeded trials in virtual time: users, faults and schedules by chance, judged.

    Each seed is one trial: knobs, plan of work, faults, order of tasks. Exit status 0 only if
    none failed.
    """
    began = time.monotonic()
    found = Found()
    try:
        ending.run(_search, seeds, processes, dask, first, found)
        differ = _differing(found, seeds) if check_determinism else []
    except (ExecutorError, WorkerDied) as error:
        fail(PROGRAM, error)
    wall_s = time.monotonic() - began
    if as_object:
        output(PROGRAM, json.dumps(_object(found, wall_s)))
    else:
        _show(found, wall_s)
    raise SystemExit(1 if found.failed or differ else 0)


async def _search(
    seeds: range, processes: int, dask: str | None, first: bool, found: Found
) -> None:
    columns = (
        TextColumn("trials"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=len(seeds), failed=0)

        def on_seed(one: Seed) -> None:
            found.add(one)
            shown.update(task, advance=1, failed=len(found.failed))

        with executor(processes, dask) as workers:
            await play_all(seeds, workers, on_seed, first_only=first)


def _differing(found: Found, seeds: range) -> list[int]:
    return []


def commit() -> str:
    """What the code is that ran: a commit, or the version where there is none."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return version("redird")
    return done.stdout.strip() or version("redird")


def _object(found: Found, wall_s: float) -> dict[str, Any]:
    return {
        "seeds": found.seeds,
        "failed": [_failed(one) for one in sorted(found.failed, key=lambda one: one.seed)],
        "sometimes": dict(sorted(found.sometimes.items())),
        "faults": dict(sorted(found.fired.items())),
        "presets": dict(sorted(found.presets.items())),
        "simulated_s": round(found.simulated_s, 1),
        "wall_s": round(wall_s, 1),
        "commit": commit(),
    }


def _failed(one: Seed) -> dict[str, Any]:
    assert one.failure is not None
    return {"seed": one.seed, "checker": one.failure.checker, "why": one.failure.why}


def _show(found: Found, wall_s: float) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for one in sorted(found.failed, key=lambda one: one.seed)[:SHOWN_MAX]:
        assert one.failure is not None
        console.print(
            f"seed {one.seed} ({one.preset}): {one.failure.checker}: {one.failure.why}"
        )
        console.print(f"  redlab simulate --seed {one.seed}    # commit {commit()}")
    rate = found.simulated_s / wall_s if wall_s else 0.0
    console.print(
        f"{found.seeds} trials, {len(found.failed)} failed;"
        f" {found.simulated_s:,.0f} s simulated in {wall_s:,.1f} s, {rate:,.0f} times real time"
    )
