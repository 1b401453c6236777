"""`redlab compare`: one trace under several presets, side by side."""

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from clients.lab import ending
from clients.lab.compare import results, side
from clients.lab.compare.divergence import first_divergence, never_parted
from clients.lab.compare.logons import Played
from clients.lab.compare.show import show
from clients.lab.compare.source import SourceError, ends_s, load, save
from clients.lab.compare.virtual import Setting
from clients.lab.progress import logons_progress
from clients.lab.quantity import Quantity
from clients.swarm.executors import PROCESSES_MAX, ExecutorError, WorkerDied
from clients.swarm.trace import Trace
from deploy.local import StartFailed
from redird.presets import PRESETS
from redird.wire.config import ConfigError
from redird.wire.process import fail, leave_quietly

PROGRAM = "redlab"
USUAL = ("sp5", "sp6", "recall")
REAL_BUDGET_S = 20.0  # of each preset, when the time scale is left to us
SMALL = 10_000  # sessions and visits: done before other processes have started
SECONDS = Quantity(min=0)

FLAGS = {
    "users": click.option("--users", type=click.IntRange(1, 1_000_000), help="closed: so many"),
    "think_s": click.option("--think-s", type=SECONDS, help="closed: between two sessions"),
    "rate_per_s": click.option(
        "--rate", "rate_per_s", type=SECONDS, help="open: arrivals a second"
    ),
    "length_s": click.option("--length-s", type=SECONDS, help="mean length of a session"),
    "duration_s": click.option("--duration-s", type=SECONDS, help="in which sessions begin"),
    "visits": click.option("--visits", type=SECONDS, help="mean visits of files in a session"),
}


def _workload_flags(function: Any) -> Any:
    for flag in reversed(FLAGS.values()):
        function = flag(function)
    return function


@click.command("compare")
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option(
    "--preset",
    "presets",
    multiple=True,
    type=click.Choice(list(PRESETS)),
    help=f"repeatable; default {', '.join(USUAL)}",
)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=10, show_default=True)
@click.option("--dormant-s", type=SECONDS, help="for all; else each preset's own")
@click.option(
    "--hold-s", type=SECONDS, default=1.0, show_default=True, help="a visit keeps its file open"
)
@click.option("--delay-s", type=Quantity(0, 10), default=0.0, help="to the server, one way")
@click.option("--wired", is_flag=True, help="virtual time, but over memory streams: slower")
@_workload_flags
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option("--save-trace", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--events", type=click.Path(path_type=Path), help="folder of event logs")
@click.option("--real", is_flag=True, help="by real processes, not in virtual time")
@click.option("--time-scale", type=Quantity(min=1e-4, max=1000), help="with --real")
@click.option(
    "--processes", type=click.IntRange(0, PROCESSES_MAX), default=0, help="0: as it pays"
)
@click.option("--dask", help="address of a Dask scheduler to run them on")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("redlab-out"), show_default=True
)
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def compare_command(source: Path | None, **options: Any) -> None:
    """Play one trace under several presets: what it cost, what it saved, where they part.

    SOURCE is a trace (JSON lines, as `redlab swarm` writes them) or a workload (TOML); else
    the flags say who comes, and without them the users of Q248371 do. In virtual time, or
    with --real by daemons. Exit status 0, or 1 if server and clients disagree.
    """
    _require_sense(options)
    changes = {name: options[name] for name in FLAGS if options[name] is not None}
    out: Path = options["out"]
    try:
        trace, said = load(source, changes, options["seed"])
        for folder in filter(None, (out, options["events"])):
            folder.mkdir(parents=True, exist_ok=True)
        if options["save_trace"]:
            save(trace, options["save_trace"])
        began = time.monotonic()
        runs = _play(trace, said, options)
        lost = [one for one in _presets(options) if one not in {run.preset for run in runs}]
        what = results.found(runs, lost)
        results.write(out, runs, what, trace, said, options, time.monotonic() - began)
    except (SourceError, ExecutorError, WorkerDied, ConfigError, StartFailed, OSError) as error:
        fail(PROGRAM, error)
    except KeyboardInterrupt:
        leave_quietly(signal.SIGINT)
    if options["as_object"]:
        print(json.dumps(what))
    else:
        console = Console()
        where = first_divergence(runs)
        stories = what["first_divergence"]["stories"] if where is not None else {}
        show(console, what["presets"], where, stories, never_parted(runs))
        console.print(f"\nSee {out}/timeline.png, results.json", highlight=False)
    if lost:
        fail(PROGRAM, f"partial: worker processes died, and with them {', '.join(lost)}")
    disagreed = any(row["disagreements"] for row in what["presets"].values())
    raise SystemExit(1 if disagreed else 0)


def _presets(options: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(options["presets"])) or USUAL


def _require_sense(options: Mapping[str, Any]) -> None:
    if options["rate_per_s"] is not None and options["users"] is not None:
        fail(
            PROGRAM, "--rate is of an open workload, --users of a closed one: give one of them"
        )
    if options["time_scale"] is not None and not options["real"]:
        fail(PROGRAM, "--time-scale is for --real: virtual time needs none")
    if options["real"] and options["delay_s"]:
        fail(PROGRAM, "--delay-s is for virtual time: a real link takes what it takes")


def _play(trace: Trace, said: str, options: Mapping[str, Any]) -> list[Played]:
    presets = _presets(options)
    values = {
        name: options[name] for name in ("limit", "dormant_s", "hold_s", "delay_s", "wired")
    }
    settings = [Setting(preset, **values) for preset in presets]
    console = Console(stderr=True)
    visits = sum(len(planned.visits) for planned in trace.sessions)
    console.print(
        f"{said}: {len(trace.sessions):,} sessions, {visits:,} visits,"
        f" limit {options['limit']}, under {', '.join(presets)}.",
        highlight=False,
    )
    with logons_progress(console) as progress:
        tasks = {name: progress.add_task(name, total=len(trace.sessions)) for name in presets}

        def on(preset: str, attempts: int) -> None:
            progress.advance(tasks[preset], attempts)

        seed, events = options["seed"], options["events"]
        if options["real"]:
            scale = options["time_scale"] or _default_scale(trace)
            logs = options["out"] / "logs"
            return ending.run(side.for_real, trace, settings, scale, seed, logs, events, on)
        processes, dask = options["processes"], options["dask"]
        small = len(trace.sessions) + visits < SMALL and not processes
        if dask is None and (small or processes == 1 or len(settings) == 1):
            return side.in_turn(trace, settings, seed, events, on)
        workers = processes or min(len(settings), os.cpu_count() or 1) * (dask is None)
        runs = ending.run(side.at_once, trace, settings, seed, events, on, workers, dask)
    if not any(runs):
        raise WorkerDied("all worker processes died: nothing to show")
    return [run for run in runs if run is not None]


def _default_scale(trace: Trace) -> float:
    """The scale with which each preset takes about REAL_BUDGET_S."""
    return min(1.0, float(f"{REAL_BUDGET_S / max(ends_s(trace), 1.0):.2g}"))
