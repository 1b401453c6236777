"""`redlab simulate`: trials by seed, in virtual time; what fails is shrunk and told."""

import functools
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from clients.lab import ending
from clients.lab.bugs import shelf
from clients.lab.bugs.patch import PatchError
from clients.lab.simulating import scoreboard as scores
from clients.lab.simulating import showing
from clients.lab.simulating.failing import REPLAYS_MAX, Shrunk, save, shrink_all, told_of
from clients.lab.simulating.scoreboard import Score
from clients.lab.simulating.seeds import Found, Seed, differing, play_all
from clients.lab.simulating.trial import TrialError, parse
from clients.swarm.executors import ExecutorError, WorkerDied, executor
from redird.wire.process import fail, output

PROGRAM = "redlab"
SEED_MAX = 2**63 - 1
SEEDS_MAX = 10_000_000


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
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="one trial, told if it fails")
@click.option(
    "--trace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="one trial that was saved, told",
)
@click.option("--scoreboard", is_flag=True, help="search for the planted bugs, each in a copy")
@click.option("--bug", "bugs", multiple=True, help="which of them; repeatable  [default: all]")
@click.option(
    "--seeds-max",
    type=click.IntRange(1, SEEDS_MAX),
    default=1000,
    show_default=True,
    help="of each planted bug",
)
@click.option("--processes", type=click.IntRange(0, 1024), default=0, help="0: one a core")
@click.option("--dask", metavar="ADDRESS", help="a scheduler's, instead of processes here")
@click.option("--first", is_flag=True, help="end at the first trial that fails")
@click.option("--check-determinism", is_flag=True, help="play each twice, and compare")
@click.option(
    "--replays-max",
    type=click.IntRange(0, 100_000),
    default=REPLAYS_MAX,
    show_default=True,
    help="to shrink one trial by; 0: do not",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="where shrunk trials, their stories, histories and cards go",
)
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def simulate(
    seeds: range,
    seed: int | None,
    trace: Path | None,
    scoreboard: bool,
    bugs: tuple[str, ...],
    seeds_max: int,
    processes: int,
    dask: str | None,
    first: bool,
    check_determinism: bool,
    replays_max: int,
    out: Path | None,
    as_object: bool,
) -> None:
    """Play seeded trials in virtual time: users, faults and schedules by chance, judged.

    Each seed is one trial: knobs, plan of work, faults, order of tasks. What fails is shrunk to
    a smaller trial that fails by the same checker, told, and saved. Exit status 0 only if
    nothing failed; of the scoreboard, if every planted bug was found.
    """
    if scoreboard:
        _scoreboard(bugs, seeds_max, processes, replays_max, out, as_object)
    if trace is not None:
        _trace(trace, as_object)
    seeds = seeds if seed is None else range(seed, seed + 1)
    search = _Search(seeds, processes, dask, first, check_determinism, replays_max)
    try:
        ending.run(search.run)
    except (ExecutorError, WorkerDied) as error:
        fail(PROGRAM, error)
    search.tell(out, as_object)


class _Search:
    """One search, and what it found."""

    def __init__(
        self,
        seeds: range,
        processes: int,
        dask: str | None,
        first: bool,
        twice: bool,
        replays_max: int,
    ) -> None:
        self._seeds, self._first, self._twice = seeds, first, twice
        self._processes, self._dask = processes, dask
        self._replays_max = replays_max
        self._began = time.monotonic()
        self.found = Found()
        self.differ: list[int] = []
        self.shrunk: list[Shrunk] = []

    async def run(self) -> None:
        """Play all, again if each is to be played twice, and shrink what failed."""
        with executor(self._processes, self._dask) as workers:
            with _progress("trials", len(self._seeds)) as (shown, task):

                def on_seed(one: Seed) -> None:
                    self.found.add(one)
                    shown.update(task, advance=1, failed=len(self.found.failed))

                play = functools.partial(play_all, first_only=self._first)
                await play(self._seeds, workers, on_seed)
            if self._twice:
                again = Found()
                await play_all(self._seeds, workers, again.add)
                self.differ = differing(self.found, again)
            if self._replays_max:
                self.shrunk = await shrink_all(self.found.failed, workers, self._replays_max)

    def tell(self, out: Path | None, as_object: bool) -> None:
        """Say what was found, save it, and leave."""
        wall_s = time.monotonic() - self._began
        for one in self.shrunk if out is not None else ():
            assert out is not None
            save(one, out)
        if as_object:
            row = showing.as_object(self.found, self.shrunk, wall_s)
            output(PROGRAM, json.dumps(row | ({"differ": self.differ} if self._twice else {})))
        else:
            showing.show(self.found, wall_s)
            for one in self.shrunk:
                showing.show_shrunk(one)
            for seed in self.differ:
                click.echo(f"seed {seed} gave another history when it was played again")
        raise SystemExit(1 if self.found.failed or self.differ else 0)


@contextmanager
def _progress(what: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield shown, shown.add_task("", total=total, failed=0)


def _scoreboard(
    bugs: Sequence[str],
    seeds_max: int,
    processes: int,
    replays_max: int,
    out: Path | None,
    as_object: bool,
) -> NoReturn:
    names = list(dict.fromkeys(bugs)) or shelf.names()
    found: list[Score] = []

    async def run() -> None:
        with _progress("bugs", len(names)) as (shown, task):

            def on_score(one: Score) -> None:
                found.append(one)
                escaped = sum(score.seeds is None for score in found)
                shown.update(task, advance=1, failed=escaped)

            await scores.score_all(names, seeds_max, processes, replays_max, on_score, out)

    try:
        for name in names:
            shelf.load(name)
        ending.run(run)
    except PatchError as error:
        fail(PROGRAM, error)
    if as_object:
        output(PROGRAM, json.dumps(scores.as_object(found)))
    else:
        showing.show_scores(found)
    raise SystemExit(0 if all(one.seeds is not None for one in found) else 1)


def _trace(path: Path, as_object: bool) -> NoReturn:
    try:
        trial = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, TrialError) as error:
        fail(PROGRAM, error)
    told = told_of(trial)
    if as_object:
        output(PROGRAM, json.dumps(told.row()))
    else:
        showing.show_told(told)
    raise SystemExit(1 if told.failure is not None else 0)
