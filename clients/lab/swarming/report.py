"""A swarm on one page: figures, pictures, what was asked for, and what it cannot say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from clients.lab.page import options_table, page, picture, table
from clients.lab.table import figure

REASONS_SHOWN = 10
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
) -> None:
    """Write the page to `path`; `said` is when and where the run was."""
    body = [
        "<h1>A swarm of sessions</h1>",
        f'<p class="soft">{escape(said)}</p>',
        f"<p>{HOW}</p>",
        outcome_box(figures, notes),
        "<h2>Figures</h2>",
        table(["what", "figure"], [[escape(a), escape(b)] for a, b in rows(figures)], {1}),
        *(f"<h2>{escape(one.heading)}</h2>\n{picture(one.path, one.alt)}" for one in pictures),
        *_reasons(reasons),
        "<h2>What was asked for</h2>",
        options_table(options),
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
    spurious = figures["spurious"]
    judged = "" if spurious is None else f", {spurious:,} of them spuriously"
    refused = f"{figures['refused']:,} refused{judged if figures['refused'] else ''}"
    return (
        f"{partial}{figures['logons']:,} logons, {figures['admitted']:,} admitted, {refused};"
        f" {figures['failed']:,} failed, {figures['not_started']:,} arrivals not started."
    )


def rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each figure by its name in words; milliseconds in a row each."""
    found = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found += [
                (f"{_words(name)}, {key}", "" if one is None else figure(one))
                for key, one in value.items()
            ]
        elif isinstance(value, bool):
            found.append((_words(name), "yes" if value else "no"))
        else:
            found.append((_words(name), "not judged" if value is None else figure(value)))
    return found


def _words(name: str) -> str:
    return name.replace("_ms", " in ms").replace("_kb", " in kB").replace("_", " ")


def _reasons(reasons: Mapping[str, int]) -> list[str]:
    if not reasons:
        return []
    most = sorted(reasons.items(), key=lambda item: -item[1])[:REASONS_SHOWN]
    cells = [[figure(count), escape(reason)] for reason, count in most]
    return ["<h2>Why something failed</h2>", table(["times", "reason"], cells, {0})]
