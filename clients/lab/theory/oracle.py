"""`redlab oracle`: hold the daemons to queueing theory, cell by cell."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich import progress as bars
from rich.console import Console

from clients.lab import ending
from clients.lab.quantity import Quantity
from clients.lab.theory.cells import ERLANG, TICK, TICK_S, USERS, Cell, cells
from clients.lab.theory.judging import Measured, Verdict, judge
from clients.lab.theory.picture import oracle_png
from clients.lab.theory.replications import REPLICATIONS
from clients.lab.theory.running import PieceLost, Plan, Progress, measure
from clients.lab.theory.showing import show
from clients.swarm.executors import ExecutorError, executor
from redird.presets import PRESETS
from redird.wire.process import fail

PROGRAM = "redlab"
MODELS = {"erlang": ERLANG, "tick": TICK, "users": USERS}
REFUSALS = {ERLANG: (0.05, 0.2, 0.5), TICK: (0.05, 0.2, 0.5), USERS: (0.2, 0.5)}
PLANTS = {"limit": "limit", "dormant_age_s": "dormant_age_s", "scavenger_tick_s": "tick_s"}
LIMIT_MAX, CELLS_MAX = 60, 500
EXACT_KINDS = ("leave", "purge")


def listed(kind: Callable[[str], Any], what: str) -> Callable[..., tuple[Any, ...]]:
    """Return click's callback for values with commas between."""

    def parse(context: click.Context, option: click.Parameter, text: str) -> tuple[Any, ...]:
        try:
            return tuple(dict.fromkeys(kind(one.strip()) for one in text.split(",") if one))
        except ValueError:
            raise click.BadParameter(f"{text!r}: {what}, with commas between") from None

    return parse


def _limit(text: str) -> int:
    number = int(text)
    if not 1 <= number <= LIMIT_MAX:
        raise ValueError
    return number


def _percent(text: str) -> float:
    number = float(text.removesuffix("%"))
    if not 0.5 <= number <= 90:
        raise ValueError
    return number / 100


def _preset(text: str) -> str:
    if text not in PRESETS or PRESETS[text].policy.logoff not in EXACT_KINDS:
        raise ValueError
    return text


def _planted(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    found = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            found[PLANTS[key]] = float(value)
        except (KeyError, ValueError):
            raise click.BadParameter(
                f"{text!r}: {', '.join(PLANTS)}, then = and a number"
            ) from None
    return found


@click.command("oracle")
@click.option(
    "--model",
    type=click.Choice([*MODELS, "all"]),
    default="erlang",
    show_default=True,
    help="erlang: exact deadlines; tick: one timer for all; users: they come again at once",
)
@click.option(
    "--limits",
    default="2,5,10,20",
    show_default=True,
    callback=listed(_limit, "limits from 1 to 60"),
)
@click.option(
    "--refusals",
    default="",
    callback=listed(_percent, "per cent from 0.5 to 90"),
    help="what theory refuses, in per cent: sets the load  [default: 5,20,50; users: 20,50]",
)
@click.option(
    "--presets",
    default="sp5,sp6",
    show_default=True,
    callback=listed(_preset, "presets whose logoff leaves or purges"),
)
@click.option("--tick-s", type=Quantity(1, 3600), default=TICK_S, show_default=True)
@click.option(
    "--precision",
    type=Quantity(0.005, 0.2),
    default=0.02,
    show_default=True,
    help="half width of each interval, relative to theory: sets the run length",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--plant",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_planted,
    help="run the daemons otherwise than theory is told, to see it noticed:"
    " limit=-1 (one less), dormant_age_s=25, scavenger_tick_s=30",
)
@click.option("--wired", is_flag=True, help="cables between the daemons, not calls: slower")
@click.option("--processes", type=click.IntRange(0, 1024), default=0, help="0: all cores")
@click.option("--dask", metavar="ADDRESS", help="a Dask scheduler, instead of processes here")
@click.option("--out", type=click.Path(path_type=Path), default=Path("redlab-oracle"))
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def oracle(
    model: str,
    limits: tuple[int, ...],
    refusals: tuple[float, ...],
    presets: tuple[str, ...],
    tick_s: float,
    precision: float,
    seed: int,
    plant: dict[str, float],
    wired: bool,
    processes: int,
    dask: str | None,
    out: Path,
    as_object: bool,
) -> None:
    """Measure refusals of the daemons in virtual time, and hold them to theory.

    \b
    Exit status 0 only if in every cell the whole 95 % interval lies within 5 % of theory,
    Little's law holds within 1 %, slots linger as long as they should, and as many logons
    are refused as there is time when all slots are held (PASTA).
    """
    chosen = _chosen(model, limits, refusals, presets, tick_s)
    plan = Plan(chosen, precision, seed, plant, wired)
    began = time.monotonic()
    try:
        out.mkdir(parents=True, exist_ok=True)
        found, complete = ending.run(_measure_all, plan, processes, dask)
        verdicts = judge(found)
        result = _result(verdicts, plan, complete, time.monotonic() - began)
        _write(out, verdicts, result)
    except (ExecutorError, PieceLost, OSError) as error:
        fail(PROGRAM, error)
    if as_object:
        print(json.dumps(result))
    else:
        show(Console(), verdicts)
        print(f"{result['logons']:,} logons in {result['took_s']:.0f} s; see {out}/")
    if not complete:
        fail(PROGRAM, f"a worker died: {len(found)} of {len(chosen)} cells are complete")
    raise SystemExit(0 if result["ok"] else 1)


def _write(out: Path, verdicts: list[Verdict], result: dict[str, Any]) -> None:
    (out / "results.json").write_text(json.dumps(result, indent=1))
    if verdicts:
        oracle_png(out / "oracle.png", verdicts)


def _chosen(
    model: str,
    limits: tuple[int, ...],
    refusals: tuple[float, ...],
    presets: tuple[str, ...],
    tick_s: float,
) -> tuple[Cell, ...]:
    found: list[Cell] = []
    for one in MODELS.values() if model == "all" else [MODELS[model]]:
        targets = refusals or REFUSALS[one]
        found += cells(one, limits, targets, _of_model(one, presets), tick_s)
    if not found or len(found) > CELLS_MAX:
        fail(PROGRAM, f"{len(found)} cells: choose between 1 and {CELLS_MAX}")
    return tuple(found)


def _of_model(model: str, presets: tuple[str, ...]) -> list[str]:
    """A tick changes nothing where a logoff gives the slot back at once."""
    leaves = [one for one in presets if PRESETS[one].policy.logoff == "leave"]
    return leaves if model == TICK else list(presets)


def _result(
    verdicts: list[Verdict], plan: Plan, complete: bool, took_s: float
) -> dict[str, Any]:
    return {
        "cells": [one.row() for one in verdicts],
        "equivalent": complete and all(one.outcome == "equivalent" for one in verdicts),
        "ok": complete and all(one.ok for one in verdicts),
        "partial": not complete,
        "seed": plan.seed,
        "precision": plan.precision,
        "replications": REPLICATIONS,
        "planted": plan.planted,
        "logons": sum(one.measured.logons for one in verdicts),
        "took_s": round(took_s, 1),
    }


async def _measure_all(
    plan: Plan, processes: int, dask: str | None
) -> tuple[list[Measured], bool]:
    """Measure, and show how far it has come."""
    columns = (
        bars.TextColumn("{task.description:14}"),
        bars.BarColumn(),
        bars.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as shown:
        pilots = shown.add_task("pilot runs", total=len(plan.cells))
        logons = shown.add_task("logons", total=1, start=False, visible=False)

        def begin(found: list[Any]) -> None:
            total = REPLICATIONS * sum(one.logons for one in found)
            shown.start_task(logons)
            shown.update(logons, total=total, visible=True)

        told = Progress(
            on_pilot=lambda _: shown.advance(pilots),
            on_pilots=begin,
            on_replication=lambda run: shown.advance(logons, run.logons),
        )
        with executor(processes, dask) as workers:
            return await measure(plan, workers, told)
