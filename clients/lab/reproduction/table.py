"""The results of a run as one table: what each preset did, and whether it was what it should.

What was expected stands below the table: beside the figures it would not fit 80 columns.
"""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

# Key of a result, heading.
COLUMNS = (
    ("logons", "logons"),
    ("refused", "refused"),
    ("spurious", "spurious"),
    ("undecided", "un-\ndecided"),
    ("slots_after_logoff", "slots\nafter\nlogoff"),
    ("ghost_slot_seconds", "ghost\nslot\nseconds"),
    ("round_trips_saved", "round\ntrips\nsaved"),
)


def results_table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row for each preset, the last column pass or FAIL; the expectations below."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        caption=_expectations(results),
        caption_justify="left",
    )
    table.add_column("preset", no_wrap=True)
    for _, heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for preset, result in results.items():
        figures = (figure(result[key]) for key, _ in COLUMNS)
        table.add_row(Text(preset, "bold"), *figures, _outcome(result))
    return table


def figure(value: float) -> str:
    """A count, or a measure rounded as far as its size allows, with thousands set apart."""
    return f"{value:,.1f}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def _outcome(result: Mapping[str, Any]) -> Text:
    return Text("pass", "green") if result["ok"] else Text("FAIL", "bold red")


def _expectations(results: Mapping[str, Mapping[str, Any]]) -> Text:
    # As Text, so that square brackets in an expectation are not taken for markup.
    lines = Text(style="not italic")
    for preset, result in results.items():
        lines.append("\n").append_text(_outcome(result))
        lines.append(f" {preset}", "bold").append(f", expected: {result['expected']}")
    return lines
