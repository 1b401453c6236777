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
from clients.lab.quantity import Quantity
from clients.lab.reproduction.reproduce import (
    Found,
    Options,
    Run,
    as_json,
    by_host,
    default_time_scale,
    details,
    reproduce,
)
from clients.lab.reproduction.table import label, results_table
from clients.receipt import words
from deploy.hosts.cache import find
from deploy.hosts.host import HostError
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
@click.option("--dormant-s", type=Quantity(min=0), default=30.0, show_default=True)
@click.option("--time-scale", type=Quantity(min=1e-4, max=1000))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="where redirector and users are, repeatable (redlab hosts list)  [default: here]",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("redlab-out"))
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def reproduce_command(
    presets: tuple[str, ...],
    limit: int,
    users: int | None,
    cycles: int,
    dormant_s: float,
    time_scale: float | None,
    hosts: tuple[str, ...],
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
    if len(set(hosts)) < len(hosts):
        fail(PROGRAM, f"--host {', '.join(hosts)}: name each host once")
    scale = time_scale or default_time_scale(len(chosen), cycles, dormant_s)
    options = Options(chosen, limit, users, cycles, dormant_s, scale, hosts=hosts)
    console = Console(stderr=True)
    console.print(_intent(options))
    began = time.monotonic()
    started = datetime.now().astimezone().isoformat(" ", "seconds")
    try:
        out.mkdir(parents=True, exist_ok=True)
        found = _with_progress(options, out / "logs", console)
    except (StartFailed, HostError) as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, f"{error.filename or out}: {(error.strerror or str(error)).lower()}")
    _report(options, found, out, started, time.monotonic() - began)
    if as_object:
        print(json.dumps(as_json(found)))
    else:
        _show(found, out)
    for reason in found.lost.values():
        console.print(f"{PROGRAM}: {reason}", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(0 if found.ok else 1)


def _intent(options: Options) -> str:
    dormant_s, scale = options.dormant_s, options.time_scale
    where = f" on {', '.join(options.hosts)}" if options.hosts else ""
    return (
        f"{options.users} users, limit {options.limit}, {options.cycles} logons each under"
        f" {', '.join(options.presets)}{where}."
        f" Policy times x {scale:g}: dormant for {dormant_s * scale:.2g} s, not {dormant_s:g}."
    )


def _with_progress(options: Options, logs: Path, console: Console) -> Found:
    hosts = [find(name) for name in options.hosts]
    with logons_progress(console) as progress:
        tasks = {
            (host, preset): progress.add_task(
                f"{host} {preset}".strip(), total=options.users * options.cycles, start=False
            )
            for host in options.hosts or ("",)
            for preset in options.presets
        }

        def on_attempt(host: str, preset: str) -> None:
            progress.start_task(tasks[host, preset])
            progress.advance(tasks[host, preset])

        return ending.run(reproduce, options, hosts, logs, on_attempt)


def _report(options: Options, found: Found, out: Path, started: str, duration_s: float) -> None:
    from clients.lab.plot import timeline_png
    from clients.lab.reproduction.report import write_report

    (out / "results.json").write_text(json.dumps(details(options, found), indent=1))
    runs, pictures = found.runs, {}
    for host, timelines in by_host(runs, lambda run: run.timeline).items():
        pictures[host] = out / (f"timeline-{host}.png" if host else "timeline.png")
        refusals = by_host(runs, lambda run: run.refusals)[host]
        timeline_png(pictures[host], timelines, refusals, options.limit, options.time_scale)
    write_report(
        out / "report.html",
        title="Q248371 reproduced",
        options={
            **({"host": list(options.hosts)} if options.hosts else {}),
            "preset": list(options.presets),
            "limit": options.limit,
            "users": options.users,
            "cycles": options.cycles,
            "dormant_s": options.dormant_s,
            "time_scale": options.time_scale,
        },
        results=found.rows(),
        lost=found.lost,
        receipts=by_host(runs, Run.first_receipt),
        pictures=pictures,
        started=started,
        duration_s=duration_s,
        machine=machine(),
    )


def _show(found: Found, out: Path) -> None:
    console = Console()
    console.print(results_table(found.rows(), found.lost))
    for run in found.runs:
        receipt = run.first_receipt()
        if receipt is not None:
            console.print(f"\nThe first refusal under {label(run.host, run.preset)}:")
            console.print(words(receipt), markup=False, highlight=False)
    pictures = "timeline.png" if "" in found.rows() else "timeline-*.png"
    console.print(f"\nSee {out}/report.html, {pictures}, results.json, logs/")
    sys.stdout.flush()
