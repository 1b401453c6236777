"""A swarm on one page: figures, pictures, what was asked for, and what it cannot say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from clients.lab.page import options_table, page, picture, table
from clients.lab.reproduction.table import figure

REASONS_SHOWN = 10
MEMORY = "daemon_kb_per_session"
LATENCIES = {
    "latency_ms": "logon",
    "operation_latency_ms": "file operation",
    "logoff_latency_ms": "logoff",
    "lag_ms": "begun late by",
}
QUANTILES = {"p50": "p50", "p99": "p99", "p999": "p99.9"}
HOST_COLUMNS = {  # of each host: heading, and where in its figures
    "logons": ("logons",),
    "refused": ("refused",),
    "failed": ("failed",),
    "peak": ("sessions_peak",),
    "logon\np50\nms": ("latency_ms", "p50"),
    "logon\np99\nms": ("latency_ms", "p99"),
    "file\np50\nms": ("operation_latency_ms", "p50"),
    "logoff\np50\nms": ("logoff_latency_ms", "p50"),
}
HOW = """Sessions begin at their intended instants, whatever the daemons do, and every latency
counts from that instant: what had to wait has waited. A refusal is spurious when fewer sessions
than the limit can have been logged on at any instant of it, by the clients' own history."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and what it shows."""

    heading: str
    path: Path
    alt: str


def write_report(
    path: Path,
    *,
    figures: Mapping[str, Any],
    options: Mapping[str, Any],
    notes: Sequence[str],
    reasons: Mapping[str, int],
    pictures: Sequence[Picture],
    said: str,
    command: str,
) -> None:
    """Write the page to `path`; `said` is when the run was and how long it took."""
    body = [
        "<h1>A swarm of sessions</h1>",
        f'<p class="soft">{escape(said)}</p>',
        f"<p>{HOW}</p>",
        outcome_box(figures, notes),
        "<h2>Figures</h2>",
        table(["what", "figure"], rows(figures), {1}),
        "<h2>Milliseconds</h2>",
        table(["of each", *QUANTILES.values()], latency_rows(figures), {1, 2, 3}),
        *_hosts(figures.get("hosts", {})),
        *(f"<h2>{escape(one.heading)}</h2>\n{picture(one.path, one.alt)}" for one in pictures),
        *_reasons(reasons),
        "<h2>What was asked for</h2>",
        options_table(options),
        "<h2>Run it again</h2>",
        f"<pre>{escape(command)}</pre>",
    ]
    path.write_text(page("A swarm of sessions", body), encoding="utf-8")


def outcome_box(figures: Mapping[str, Any], notes: Sequence[str]) -> str:
    """What happened in a sentence, and what to know about it."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    kind = "outcome bad" if figures["partial"] or figures["failed"] else "outcome"
    listed = f"<ul>{items}</ul>" if items else ""
    return f'<div class="{kind}"><strong>{escape(sentence(figures))}</strong>{listed}</div>'


def sentence(figures: Mapping[str, Any]) -> str:
    """The outcome in words."""
    partial = "Partial: " if figures["partial"] else ""
    refused = f"{figures['refused']:,} refused"
    if figures["refused"] and figures["spurious"] is not None:
        refused += f" ({figures['spurious']:,} spuriously, {figures['undecided']:,} undecided)"
    return (
        f"{partial}{figures['logons']:,} logons, {figures['admitted']:,} admitted, {refused};"
        f" {figures['failed']:,} failed, {figures['not_started']:,} arrivals not started."
    )


def rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each figure by its name in words, but for the latencies."""
    found = []
    for name, value in figures.items():
        words = name.replace("_per_s", "/s").replace("_", " ")
        if name == MEMORY:
            found += [(f"{program}, kB/session", figure(kb)) for program, kb in value.items()]
        elif isinstance(value, bool):
            found.append((words, "yes" if value else "no"))
        elif name not in (*LATENCIES, "hosts"):
            found.append((words, "not judged" if value is None else figure(value)))
    return found


def latency_rows(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What took how many milliseconds, at each quantile."""
    return [
        (words, *(figure(figures[name][quantile]) for quantile in QUANTILES))
        for name, words in LATENCIES.items()
    ]


def host_rows(hosts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Each host, how many of its shards there are, and its figures under `HOST_COLUMNS`."""
    return [
        (
            host,
            _shards(len(figures["shards"]), figures["shards_lost"]),
            *(figure(_found(figures, place)) for place in HOST_COLUMNS.values()),
        )
        for host, figures in hosts.items()
    ]


def _found(figures: Any, place: tuple[str, ...]) -> float:
    for name in place:
        figures = figures[name]
    return float(figures) if len(place) > 1 else int(figures)


def _shards(count: int, lost: int) -> str:
    return f"{count - lost} of {count}" if lost else str(count)


def _hosts(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not hosts:
        return []
    headings = [
        "host",
        "shards",
        *(heading.replace("\n", " ") for heading in HOST_COLUMNS),
    ]
    rows = [tuple(map(escape, cells)) for cells in host_rows(hosts)]
    return ["<h2>Each host</h2>", table(headings, rows, set(range(1, len(headings))))]


def _reasons(reasons: Mapping[str, int]) -> list[str]:
    if not reasons:
        return []
    most = sorted(reasons.items(), key=lambda item: -item[1])[:REASONS_SHOWN]
    cells = [[figure(count), escape(reason)] for reason, count in most]
    return ["<h2>Why something failed</h2>", table(["times", "reason"], cells, {0})]
