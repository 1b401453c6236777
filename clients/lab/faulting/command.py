"""`redlab faults`."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from clients.faults.schedule import ScheduleError
from clients.lab import ending, page
from clients.lab.checking.history import HistoryError
from clients.lab.faulting.options import NoSuchKind, Options, named_kinds
from clients.lab.faulting.outcome import Outcome, outcome_of
from clients.lab.faulting.picture import draw_timeline
from clients.lab.faulting.report import write_report
from clients.lab.faulting.run import Run, run_faults
from clients.lab.faulting.sampling import Samples
from clients.lab.faulting.showing import LiveLine, kinds_json, kinds_table, tables
from clients.lab.quantity import Quantity
from deploy.local import StartFailed
from redird.presets import PRESETS
from redird.wire.process import fail, output

PROGRAM = "redlab"


@click.command("faults")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--duration-s", type=Quantity(1, 86_400), default=60.0, show_default=True,
              help="in which faults come and users work")  # fmt: skip
@click.option("--kinds", default="", help='"a,b": each of these; "all": every one; by default '
              "each is in a run with a chance of a half")  # fmt: skip
@click.option("--preset", type=click.Choice(list(PRESETS)), default="sp6", show_default=True)
@click.option("--users", type=click.IntRange(1, 1000), default=12, show_default=True)
@click.option("--hosts", type=click.IntRange(1, 16), default=2, show_default=True,
              help="redirectors")  # fmt: skip
@click.option("--limit", type=click.IntRange(0), default=8, show_default=True,
              help="of the share; 0: none")  # fmt: skip
@click.option("--time-scale", type=Quantity(1e-3, 1000), default=0.1, show_default=True,
              help="of the preset's times")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=Path("redlab-out"))
@click.option("--list", "listing", is_flag=True, help="name all kinds and end")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def faults_command(out: Path, listing: bool, as_object: bool, **given: Any) -> None:
    """Break real daemons on purpose, by a seeded schedule, and judge what held.

    \b
    Exit status 1 if a checker failed, a daemon died by itself, or a kind that was
    asked for by name never came about.
    """
    if listing:
        output(PROGRAM, kinds_json()) if as_object else Console().print(kinds_table())
        return
    console = Console(stderr=True)
    try:
        options = read_options(given)
        out.mkdir(parents=True, exist_ok=True)
        outcome = _run(Run(options), out, console, given)
    except (NoSuchKind, ScheduleError, StartFailed, HistoryError) as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, f"{error.filename or out}: {(error.strerror or str(error)).lower()}")
    _say(outcome, out, console, as_object)
    raise SystemExit(0 if outcome.ok else 1)


def read_options(given: dict[str, Any]) -> Options:
    """The options of a command line; raises NoSuchKind."""
    more = {key: given[key] for key in ("seed", "duration_s", "preset", "users", "hosts")}
    return Options(
        kinds=named_kinds(given["kinds"]),
        limit=given["limit"] or None,
        time_scale=given["time_scale"],
        **more,
    )


def _run(run: Run, out: Path, console: Console, given: dict[str, Any]) -> Outcome:
    """Run it; also when it is cut short, what it saw is judged and kept."""
    began, started = time.monotonic(), datetime.now().astimezone()
    try:
        ending.run(run_faults, run, out, LiveLine(console).show)
    finally:
        if run.schedule:
            took = f"{time.monotonic() - began:.0f} s"
            said = f"Started {started.isoformat(' ', 'seconds')}, took {took}."
            outcome = outcome_of(run, out)
            _write(outcome, out, said, given)
    return outcome


def _write(outcome: Outcome, out: Path, said: str, given: dict[str, Any]) -> None:
    samples = outcome.run.samples or Samples(None, 0)
    draw_timeline(out / "timeline.png", outcome.seen, samples)
    (out / "results.json").write_text(json.dumps(outcome.as_json(), indent=2) + "\n")
    shown = {key: value for key, value in given.items() if value not in ("", None)}
    command = page.command(["redlab", "faults"], shown)
    write_report(out / "report.html", outcome, said=said, options=shown, command=command)


def _say(outcome: Outcome, out: Path, console: Console, as_object: bool) -> None:
    if as_object:
        output(PROGRAM, json.dumps(outcome.as_json()))
    else:
        for one in tables(outcome):
            Console().print(one)
        print(f"{outcome.sentence}\nSee {out}/report.html", flush=True)
    for name, why in outcome.run.skipped.items():
        console.print(f"not possible here: {name}: {why}", markup=False, soft_wrap=True)
    for name in outcome.failed:
        why = outcome.judged.verdicts[name].why
        console.print(f"FAILED: {name}: {why}", markup=False, soft_wrap=True)
    for found in outcome.found:
        console.print(f"FOUND: {found}", markup=False, soft_wrap=True)
