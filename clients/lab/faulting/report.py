"""A run of faults on one page."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from clients.faults.kinds import ALL
from clients.lab.checking.verdict import FAIL, PASS
from clients.lab.faulting.outcome import Outcome, in_life
from clients.lab.faulting.seen import OUTCOMES
from clients.lab.page import options_table, page, picture, table

TITLE = "Faults, and what held"
HOW = """Real daemons behind proxies, users who work on files, and a seeded schedule of faults.
In the end everything is healed, everybody leaves, and time passes; then the history of what was
asked and answered is judged, with what the daemons still hold and what is on the disk."""


def write_report(
    path: Path, outcome: Outcome, *, said: str, options: dict[str, object], command: str
) -> None:
    """Write the page; the picture is beside it."""
    body = [
        f"<h1>{TITLE}</h1>",
        f'<p class="soft">{escape(said)}</p>',
        f"<p>{HOW}</p>",
        _box(outcome),
        "<h2>Verdicts</h2>",
        table(["checker", "verdict", "why"], _verdicts(outcome), set()),
        "<h2>Over time</h2>",
        picture(path.with_name("timeline.png"), "operations and faults over time"),
        "<h2>Faults</h2>",
        table(
            ["kind", "band", "fired", "healed", "touched", "in life"],
            _faults(outcome),
            {2, 3, 4},
        ),
        *_skipped(outcome),
        "<h2>Operations</h2>",
        table(
            ["asked", "answered", "refused", "never answered"], _operations(outcome), {1, 2, 3}
        ),
        *_left(outcome),
        "<h2>What was asked for</h2>",
        options_table(options),
        "<h2>Run it again</h2>",
        "<p>The same seed gives the same schedule and the same work; real processes take turns"
        " as they like.</p>",
        f"<pre>{escape(command)}</pre>",
    ]
    path.write_text(page(TITLE, body), encoding="utf-8")


def _box(outcome: Outcome) -> str:
    verdicts = outcome.judged.verdicts
    wrong = [f"{name}: {verdicts[name].why}" for name in outcome.failed] + outcome.found
    items = "".join(f"<li>{escape(one)}</li>" for one in wrong)
    kind = "outcome" if outcome.ok else "outcome bad"
    listed = f"<ul>{items}</ul>" if items else ""
    return f'<div class="{kind}"><strong>{escape(outcome.sentence)}</strong>{listed}</div>'


def _verdicts(outcome: Outcome) -> list[Sequence[str]]:
    order = {FAIL: 0, PASS: 2}
    rows = sorted(outcome.judged.verdicts.items(), key=lambda row: order.get(row[1].result, 1))
    return [
        [
            escape(name.replace("_", " ")),
            f'<span class="{_class(one.result)}">{one.result}</span>',
            escape(one.why),
        ]
        for name, one in rows
    ]


def _class(result: str) -> str:
    return result if result in (PASS, FAIL) else "soft"


def _faults(outcome: Outcome) -> list[Sequence[str]]:
    counts = outcome.run.played.counts
    return [
        [
            escape(name),
            ALL[name].band,
            str(counts[name].fired),
            str(counts[name].healed),
            f"{counts[name].touched:,}",
            escape(in_life(name)),
        ]
        for name in sorted(counts, key=lambda name: (ALL[name].band, name))
    ]


def _skipped(outcome: Outcome) -> list[str]:
    if not outcome.run.skipped:
        return []
    rows = [[escape(name), escape(why)] for name, why in outcome.run.skipped.items()]
    return ["<h2>Not possible here</h2>", table(["kind", "why"], rows, set())]


def _operations(outcome: Outcome) -> list[Sequence[str]]:
    rows = sorted(outcome.seen.outcomes.items())
    return [[name, *(f"{counts[one]:,}" for one in OUTCOMES)] for name, counts in rows]


def _left(outcome: Outcome) -> list[str]:
    if not outcome.run.left:
        return []
    names = sorted({name for counts in outcome.run.left.values() for name in counts})
    rows = [
        [escape(program), *(f"{counts[name]:,}" if name in counts else "" for name in names)]
        for program, counts in outcome.run.left.items()
    ]
    headings = ["program", *(name.replace("_", " ") for name in names)]
    said = "<p>Descriptors are counted without those of links that stay.</p>"
    return ["<h2>What is left</h2>", said, table(headings, rows, set(range(1, len(names) + 1)))]
