"""A run on a terminal: a line while it lasts, tables at its end, and the list of kinds."""

import json

import trio
from rich.console import Console
from rich.table import Table

from clients.faults.kinds import ALL
from clients.lab.checking.verdict import FAIL, PASS
from clients.lab.faulting.outcome import Outcome, in_life
from clients.lab.faulting.run import Run

LOOK_S = 0.25
COLOURS = {PASS: "green", FAIL: "bold red"}


class LiveLine:
    """What is going on, on standard error, if that is a terminal; else a line a phase."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, run: Run) -> None:
        """Show it until cancelled."""
        began, said = trio.current_time(), ""
        with self._console.status("starting the daemons") as status:
            while True:
                at_s = trio.current_time() - began
                names = ", ".join(sorted(run.now.values())) or run.phase
                status.update(
                    f"{at_s:5.1f} s  {run.operations:,} operations  [bold]{names}[/bold]"
                )
                if not self._console.is_terminal and said != run.phase:
                    said = run.phase
                    self._console.print(f"{at_s:.1f} s: {said}", highlight=False)
                await trio.sleep(LOOK_S)


def tables(outcome: Outcome) -> list[Table]:
    """The faults and the verdicts."""
    faults = Table("kind", "band", "fired", "healed", title="faults", title_justify="left")
    for name, one in sorted(outcome.run.played.counts.items()):
        faults.add_row(name, ALL[name].band, str(one.fired), str(one.healed))
    for name in outcome.run.skipped:
        faults.add_row(name, ALL[name].band, "-", "-", style="dim")
    verdicts = Table("checker", "verdict", "why", title="verdicts", title_justify="left")
    for name, verdict in outcome.judged.verdicts.items():
        colour = COLOURS.get(verdict.result, "yellow")
        verdicts.add_row(name, f"[{colour}]{verdict.result}[/{colour}]", verdict.why)
    return [faults, verdicts]


def kinds_table() -> Table:
    """All kinds with their bands, a line each."""
    listed = Table("kind", "band", "in life", box=None)
    for name, kind in sorted(ALL.items(), key=lambda row: (row[1].band, row[0])):
        listed.add_row(name, kind.band, in_life(name))
    return listed


def kinds_json() -> str:
    """The same as one JSON object."""
    return json.dumps(
        {
            "kinds": [
                {
                    "kind": name,
                    "band": kind.band,
                    "needs": list(kind.needs),
                    "is": in_life(name),
                }
                for name, kind in sorted(ALL.items())
            ]
        }
    )
