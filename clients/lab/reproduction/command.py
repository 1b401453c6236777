"""`redlab reproduce`: Q248371 by real processes, from the options to the report."""

import json
import sys
import time
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from clients.lab import ending
from clients.lab.bench.yardstick import machine
from clients.lab.progress import logons_progress
from clients.lab.reproduction.reproduce import (
    Options,
    Run,
    as_json,
    default_time_scale,
    details,
    reproduce,
)
from clients.lab.reproduction.table import results_table
from clients.receipt import words
from deploy.local import StartFailed
from redird.presets import PRESETS
from redird.wire.process import fail

PROGRAM = "redlab"


@click.command("reproduce")
@click.option(
    "--preset",
    "presets",
    multiple=True,
    type=click.Choice(list(PRESETS)),
    help="repeatable; default sp5, sp6, recall",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=10, show_default=True)
@click.option("--users", type=click.IntRange(1, 10_000), help="at most the limit  [default: 8]")
@click.option("--cycles", type=click.IntRange(2, 10_000), default=6, show_default=True)
@click.option("--dormant-s", type=click.FloatRange(min=0), default=30.0, show_default=True)
@click.option("--time-scale", type=click.FloatRange(min=1e-4, max=1000))
@click.option("--out", type=click.Path(path_type=Path), default=Path("redlab-out"))
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def reproduce_command(
    presets: tuple[str, ...],
    limit: int,
    users: int | None,
    cycles: int,
    dormant_s: float,
    time_scale: float | None,
    out: Path,
    as_object: bool,
) -> None:
    """Reproduce Q248371 by real processes, and show which presets are free of it.

    \b
    Exit status 0 only if each preset did what is expected of it:
    sp5 refuses users though fewer than the limit are logged on, sp6 and recall never.
    """
    chosen = tuple(dict.fromkeys(presets)) or ("sp5", "sp6", "recall")
    users = min(limit, 8) if users is None else users
    if users > limit:
        fail(PROGRAM, f"--users {users} is over --limit {limit}: some would rightly be refused")
    scale = time_scale or default_time_scale(len(chosen), cycles, dormant_s)
    options = Options(chosen, limit, users, cycles, dormant_s, scale)
    console = Console(stderr=True)
    console.print(
        f"{users} users, limit {limit}, {cycles} logons each under {', '.join(chosen)}."
        f" Policy times x {scale:g}: dormant for {dormant_s * scale:.2g} s, not {dormant_s:g}."
    )
    began = time.monotonic()
    started = datetime.now().astimezone().isoformat(" ", "seconds")
    try:
        out.mkdir(parents=True, exist_ok=True)
        runs = _with_progress(options, out / "logs", console)
    except (StartFailed, OSError) as error:
        fail(PROGRAM, error)
    _report(options, runs, out, started, time.monotonic() - began)
    if as_object:
        print(json.dumps(as_json(runs)))
    else:
        _show(runs, out)
    raise SystemExit(0 if all(run.ok for run in runs) else 1)


def _with_progress(options: Options, logs: Path, console: Console) -> list[Run]:
    with logons_progress(console) as progress:
        tasks = {
            preset: progress.add_task(preset, total=options.users * options.cycles, start=False)
            for preset in options.presets
        }

        def on_attempt(preset: str) -> None:
            progress.start_task(tasks[preset])
            progress.advance(tasks[preset])

        return ending.run(reproduce, options, logs, on_attempt)


def _report(
    options: Options, runs: list[Run], out: Path, started: str, duration_s: float
) -> None:
    from clients.lab.plot import timeline_png
    from clients.lab.reproduction.report import write_report

    (out / "results.json").write_text(json.dumps(details(options, runs), indent=1))
    picture = out / "timeline.png"
    timeline_png(
        picture,
        {run.preset: run.timeline for run in runs},
        {run.preset: run.refusals for run in runs},
        options.limit,
        options.time_scale,
    )
    write_report(
        out / "report.html",
        title="Q248371 reproduced",
        options={
            "preset": list(options.presets),
            "limit": options.limit,
            "users": options.users,
            "cycles": options.cycles,
            "dormant_s": options.dormant_s,
            "time_scale": options.time_scale,
        },
        results={run.preset: run.row() for run in runs},
        receipts={run.preset: run.first_receipt() for run in runs},
        picture=picture,
        started=started,
        duration_s=duration_s,
        machine=machine(),
    )


def _show(runs: list[Run], out: Path) -> None:
    console = Console()
    console.print(results_table({run.preset: run.row() for run in runs}))
    for run in runs:
        receipt = run.first_receipt()
        if receipt is not None:
            console.print(f"\nThe first refusal under {run.preset}:")
            console.print(words(receipt), markup=False, highlight=False)
    console.print(f"\nSee {out}/report.html, timeline.png, results.json, logs/")
    sys.stdout.flush()
