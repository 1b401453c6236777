"""A table of cells for people: one line each, and below it what failed and why."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.lab.theory.cells import ERLANG, TICK, USERS
from clients.lab.theory.judging import Verdict, diagnosis

WIDTH_MIN = 100  # narrower, figures would be cut off
TITLES = {
    ERLANG: "Erlang-B: Poisson logons, exact deadlines",
    TICK: "One tick of {tick_s:g} s for all: the event simulation, Erlang-B beside it",
    USERS: "{users} users come again at once: the event simulation, the chain beside it",
}
TEXTBOOK = {TICK: "Erlang", USERS: "chain"}
BELOW = """\
Refusals in per cent. plain: refused / logons; measured: with what the arrivals explain taken
out; Little: residual in per cent; lingers: seconds from a logoff until its slot is free;
otherwise: logons that the event simulation decides differently."""


def show(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print a table for each model, then what failed."""
    console.width = max(WIDTH_MIN, console.width)
    for model in dict.fromkeys(one.measured.cell.model for one in verdicts):
        chosen = [one for one in verdicts if one.measured.cell.model == model]
        console.print(_table(model, chosen))
    console.print(f"\n{BELOW}", style="dim", highlight=False)
    for one in verdicts:
        if not one.ok:
            cell = one.measured.cell
            failed = ", ".join(one.failed)
            said = f"{cell.preset}, limit {cell.limit}, {cell.target:.0%}, failed: {failed}"
            console.print(f"\n{said}", markup=False, highlight=False, style="bold red")
            console.print(diagnosis(one), markup=False, highlight=False)
    good = sum(one.ok for one in verdicts)
    console.print(f"\n{good} of {len(verdicts)} cells are as theory says.")


def _table(model: str, verdicts: Sequence[Verdict]) -> RenderableType:
    cells = [one.measured.cell for one in verdicts]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    headings = ["limit", "load", "preset", "plain", "measured", "+-", "theory"]
    headings += [TEXTBOOK[model]] if model in TEXTBOOK else []
    headings += ["logons", "Little", "lingers", "other-\nwise", ""]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in verdicts:
        table.add_row(*_cells(one))
    title = TITLES[model].format(
        tick_s=cells[0].tick_s,
        users=", ".join(str(users) for users in sorted({cell.users for cell in cells})),
    )
    return Group(Text(f"\n{title}", "bold"), table)


def _cells(verdict: Verdict) -> list[RenderableType]:
    found, cell = verdict.measured, verdict.measured.cell
    textbook = [f"{100 * cell.textbook():.2f}"] if cell.model in TEXTBOOK else []
    return [
        str(cell.limit),
        f"{cell.offered:.2f}",
        cell.preset,
        f"{100 * found.natural.mean:.2f}",
        f"{100 * found.refused.mean:.2f}",
        f"{50 * (found.refused.high - found.refused.low):.2f}",
        f"{100 * found.pilot.theory:.2f}",
        *textbook,
        f"{found.logons:,}",
        f"{100 * found.little_residual:.2f}",
        f"{abs(found.leak_s):.2f}",
        str(found.differing),
        Text("pass", "green") if verdict.ok else Text("FAIL", "bold red"),
    ]
