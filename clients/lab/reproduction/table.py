"""The results of a run as one table: what each preset did, and whether it was what it should.

What was expected stands below the table: beside the figures it would not fit 80 columns. The
results are by host and preset; a run without hosts has the one host "".
"""

from collections.abc import Container, Mapping
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


Results = Mapping[str, Mapping[str, Mapping[str, Any]]]


def results_table(results: Results, lost: Container[str] = ()) -> Table:
    """One row for each preset of each host, last pass or FAIL; expectations below.

    A host that was lost fails in a row of its own, after those that it still gave.
    """
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
    for host, presets in results.items():
        if host:  # on a line of its own: a column more would not fit
            table.add_row(Text(host, "bold"))
        for preset, result in presets.items():
            figures = (figure(result[key]) for key, _ in COLUMNS)
            name = Text(f"  {preset}") if host else Text(preset, "bold")
            table.add_row(name, *figures, _outcome(result["ok"]))
        if host in lost:
            table.add_row(Text("  lost"), *("" for _ in COLUMNS), _outcome(False))
    return table


def has_hosts(results: Mapping[str, Any]) -> bool:
    """Whether the run was on named hosts."""
    return "" not in results


def label(host: str, preset: str) -> str:
    """A run in words."""
    return f"{preset} on {host}" if host else preset


def figure(value: float) -> str:
    """A count, or a measure rounded as far as its size allows, with thousands set apart."""
    return f"{value:,.1f}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def _outcome(ok: bool) -> Text:
    return Text("pass", "green") if ok else Text("FAIL", "bold red")


def _expectations(results: Results) -> Text:
    # As Text, so that square brackets in an expectation are not taken for markup.
    lines = Text(style="not italic")
    by_preset = {preset: result for one in results.values() for preset, result in one.items()}
    for preset, result in by_preset.items():
        ok = all(one[preset]["ok"] for one in results.values() if preset in one)
        lines.append("\n").append_text(_outcome(ok))
        lines.append(f" {preset}", "bold").append(f", expected: {result['expected']}")
    return lines
