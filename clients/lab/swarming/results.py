"""What a swarm leaves behind: results.json, pictures, a page, and a table for the terminal."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table

from clients.lab.plot import timeline_png
from clients.lab.swarming.leader import Load
from clients.lab.swarming.options import Options
from clients.lab.swarming.plots import latency_png, refusals_png
from clients.lab.swarming.report import (
    HOST_COLUMNS,
    MEMORY,
    QUANTILES,
    Picture,
    host_rows,
    latency_rows,
    rows,
    write_report,
)

WEIGHED_MIN = 1000  # sessions at once; with fewer the rest of a daemon weighs more than they
LAG_S = 0.05  # as much again is worth a word: more processes may help
LATE_S = 0.1  # a shard that began later is worth a word


def write_results(out: Path, options: Options, load: Load) -> dict[str, Any]:
    """Write results.json into `out`; returns the documented object."""
    figures = figures_of(load)
    details = {
        **figures,
        "options": options.words(),
        "notes": notes(options, load),
        "reasons": dict(load.outcome.reasons),
        "daemon_memory_kb": load.watch.memory_kb,
        "refusals": [[round(at_s, 6), verdict] for at_s, verdict in load.outcome.refusals],
        "measures": load.outcome.measures.plain(),
        "bounds": asdict(options.bounds),
    }
    (out / "results.json").write_text(json.dumps(details, indent=1), encoding="utf-8")
    return figures


def write_page(out: Path, options: Options, load: Load, said: str) -> list[str]:
    """Write report.html and its pictures into `out`; `said` is when and how long.

    Returns what else there is to note: why the page has no pictures.
    """
    try:
        pictures, lacking = _pictures(out, options, load), []
    except ModuleNotFoundError as missing:
        pictures, lacking = [], [f"no pictures: {missing.name} is an extra, redird[lab]"]
    write_report(
        out / "report.html",
        figures=figures_of(load),
        options=options.words(),
        notes=notes(options, load) + lacking,
        reasons=load.outcome.reasons,
        pictures=pictures,
        said=said,
        command=shlex.join(["redlab", *sys.argv[1:]]),
    )
    return lacking


def figures_of(load: Load) -> dict[str, Any]:
    """The documented object."""
    hosts = {host: one.as_json() for host, one in load.hosts.items()}
    return load.outcome.as_json() | memory(load) | ({"hosts": hosts} if hosts else {})


def memory(load: Load) -> dict[str, Any]:
    """What each daemon's memory grew by, at most, for each session at the peak."""
    peak = load.outcome.peak
    if peak < WEIGHED_MIN:
        return {}
    grown = {
        program: round((seen["most"] - seen["first"]) / peak, 1)
        for program, seen in load.watch.memory_kb.items()
    }
    return {MEMORY: grown} if grown else {}


def notes(options: Options, load: Load) -> list[str]:
    """What the figures do not say, or do not say for sure."""
    found = load.outcome
    said = [f"lost: {why}" for why in found.lost]
    if found.interrupted:
        said.append("ended early by a signal: what was found until then")
    if found.late_s > LATE_S:
        said.append(f"a shard began {found.late_s:.1f} s after the others")
    if (lag_s := found.measures.lag.quantile(0.99)) > LAG_S:
        said.append(
            f"the swarm itself was late: one session in a hundred began over {lag_s:.2g} s late"
        )
    if not found.complete and options.limit is not None:
        said.append("not every session is remembered: no refusal can be called spurious")
    if options.redird and options.limit is None and found.refusals:
        said.append("refusals are not judged: say the share's limit with --limit")
    if options.redird and options.limit is not None:
        said.append("verdicts know of this swarm's sessions only, not of others on the share")
    if load.watch.reason:
        said.append(f"slots over time: {load.watch.reason}")
    most = found.reasons.most_common(1)
    return said + [f"most failures ({count:,}): {reason}" for reason, count in most]


def _pictures(out: Path, options: Options, load: Load) -> list[Picture]:
    found = load.outcome
    measures = found.measures
    latency = out / "latency.png"
    latency_png(
        latency,
        {
            "logon": measures.logon,
            "file operation": measures.operation,
            "logoff": measures.logoff,
        },
    )
    pictures = [Picture("Latency", latency, "Latency by percentile, of each kind of request")]
    if len(load.hosts) > 1:
        hosts = out / "hosts.png"
        latency_png(
            hosts, {host: one.outcome.measures.logon for host, one in load.hosts.items()}
        )
        said = "Latency of logons by percentile, on each host"
        pictures.append(Picture("Logons on each host", hosts, said))
    timeline = load.watch.timeline(load.begins_at)
    if timeline is not None:
        slots, limit = out / "slots.png", options.limit or timeline.peak()
        name = options.preset if not options.redird else "redirector"
        scale = 1.0 if options.redird else options.time_scale
        seen_by = "server" if options.hosts else "redirector"
        timeline_png(slots, {name: timeline}, {name: found.refusals}, limit, scale, seen_by)
        said = "Slots by what holds them, over time, against the limit"
        pictures.append(Picture("Slots against the limit", slots, said))
    if found.refusals:
        refusals = out / "refusals.png"
        refusals_png(refusals, found.refusals, max(found.answering_s, 1.0))
        pictures.append(Picture("Refusals", refusals, "Refusals over time, by verdict"))
    return pictures


def results_tables(figures: Mapping[str, Any]) -> Group:
    """The figures for a terminal."""
    counts = _table("what", "figure")
    for row in rows(figures):
        counts.add_row(*row)
    latencies = _table("milliseconds", *QUANTILES.values())
    for quantiles in latency_rows(figures):
        latencies.add_row(*quantiles)
    if "hosts" not in figures:
        return Group(counts, "", latencies)
    hosts = _table("host", "shards", *HOST_COLUMNS)
    for cells in host_rows(figures["hosts"]):
        hosts.add_row(*cells)
    return Group(counts, "", latencies, "", hosts)


def _table(first: str, *others: str) -> Table:
    narrow = (0, 1, 0, 0)
    table = Table(box=box.SIMPLE_HEAD, padding=narrow, pad_edge=False, show_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
