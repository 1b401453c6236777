"""A comparison as a person sees it: one row a preset, then where they part and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clients.lab.compare.divergence import Divergence
from clients.lab.reproduction.table import figure
from clients.receipt import seconds

Row = Mapping[str, Any]
# Key of a figure, heading; those of RARE only if any preset has one.
COLUMNS = (
    ("logons", "logons"),
    ("refused", "re-\nfused"),
    ("spurious", "spu-\nrious"),
    ("undecided", "un-\ndecid."),
    ("failed", "failed"),
    ("visits_failed", "visits\nfailed"),
    ("ghost_slot_seconds", "ghost\nslot s"),
    ("dormant_only_slot_seconds", "dormant\nslot s"),
    ("reuse_hit_ratio", "re-\nused"),
    ("round_trips_saved", "trips\nsaved"),
    ("requests_sent", "re-\nquests"),
    ("mean", "logon\nms"),
    ("p99", "p99\nms"),
)
RARE = ("undecided", "failed", "visits_failed", "mean", "p99")
SAME = "No divergence: every attempt and every visit ended alike under all of them."
NOTE = (
    "ghost, dormant slot s: how long slots were held for users who had logged off, and for"
    " users with nothing open. reused: opens answered without the server."
)


def comparison_table(rows: Mapping[str, Row]) -> Table:
    """One row for each preset."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        caption=Text(NOTE),
        caption_justify="left",
    )
    shown = [one for one in COLUMNS if one[0] not in RARE or _any(rows, one[0])]
    table.add_column("preset", no_wrap=True)
    for _, heading in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    for preset, row in rows.items():
        table.add_row(Text(preset, "bold"), *(_cell(row, key) for key, _ in shown))
    return table


def _any(rows: Mapping[str, Row], key: str) -> bool:
    return any(_value(row, key) for row in rows.values())


def _value(row: Row, key: str) -> Any:
    return (row["log_on_ms"] or {}).get(key) if key in ("mean", "p99") else row[key]


def _cell(row: Row, key: str) -> Text:
    value = _value(row, key)
    if value is None:
        return Text("-")
    if key == "reuse_hit_ratio":
        return Text(f"{value:.0%}")
    bad = key in ("spurious", "failed", "visits_failed") and value
    return Text(figure(value), "bold red" if bad else "")


def show(
    console: Console,
    rows: Mapping[str, Row],
    where: Divergence | None,
    stories: Mapping[str, Mapping[str, Any]],
    alike: Sequence[tuple[str, str]],
) -> None:
    """Print the table and where the presets part."""
    console.print(comparison_table(rows))
    _plain(console, f"\n{_agreement(rows)}")
    if len(rows) < 2:
        return
    if where is None:
        _plain(console, f"\n{SAME}")
        return
    _plain(console, f"\nThe first divergence: {what(where)}.")
    for group in where.groups():
        console.print(Text(f"\n{', '.join(group)}: {where.fates[group[0]]}", "bold"))
        of = [f"(of {group[0]}:)"] if len(group) > 1 else []
        _plain(console, "\n".join([*of, *stories[group[0]]["words"]]))
    if alike:
        pairs = ", ".join(f"{one} and {other}" for one, other in alike)
        _plain(console, f"\nNever apart: {pairs}.")


def _plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)


def _agreement(rows: Mapping[str, Row]) -> str:
    """Whether those who judged refusals agree."""
    told = [f"{preset}: {row['disagreements']}" for preset, row in rows.items()]
    if any(row["disagreements"] for row in rows.values()):
        return (
            f"Server and clients DISAGREE about refusals ({', '.join(told)}): a fault of ours."
        )
    refused = sum(row["refused"] for row in rows.values())
    if not refused:
        return "Nobody was refused."
    return f"The server's receipts and the clients' history agree on all {refused:,} refusals."


def what(where: Divergence) -> str:
    """What it was that differed."""
    user, number = where.key
    logon = f"the {ordinal(number)} logon of user{user}"
    when = f"{seconds(where.at_s)} after the begin"
    if where.visit is None:
        return f"{logon}, {when}"
    return f"the {ordinal(where.visit + 1)} visit in {logon}, {when}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    last = (
        "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{last}"
