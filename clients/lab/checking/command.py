"""`redlab check`: what must always hold, judged of any history."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from clients.lab.checking.history import HistoryError, read
from clients.lab.checking.judging import Judged, judge
from clients.lab.checking.verdict import FAIL, PASS, UNKNOWN

PROGRAM = "redlab check"
COLOURS = {PASS: "green", FAIL: "bold red", UNKNOWN: "yellow"}
UNUSABLE = 2
LINES_BETWEEN = 20_000  # from one sign of progress to the next


@click.command("check")
@click.argument("history", type=click.Path(path_type=Path))
@click.option("--json", "as_object", is_flag=True, help="one object instead of tables")
def check_command(history: Path, as_object: bool) -> None:
    """Judge HISTORY, a run's history.jsonl: what must always hold, and what was reached.

    Ends with 0 if every checker passed, 1 if one failed or cannot say, 2 if the file cannot be
    judged.
    """
    try:
        with history.open("rb") as file, _bar() as bar:
            task = bar.add_task("judging", total=history.stat().st_size)
            judged = judge(read(_told(file, lambda done: bar.update(task, completed=done))))
    except OSError as error:
        _unusable(f"{history}: {error.strerror or error}")
    except HistoryError as error:
        _unusable(f"{history}: {error}")
    if as_object:
        print(json.dumps(judged.row()))
    else:
        show(judged, Console())
    raise SystemExit(0 if judged.ok else 1)


def _bar() -> Progress:
    """Shows how much of the file is judged, to people."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _told(lines: Iterable[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    """Pass on the lines, and now and then how many bytes they were."""
    done = 0
    for number, line in enumerate(lines):
        done += len(line)
        if number % LINES_BETWEEN == 0:
            tell(done)
        yield line


def _unusable(text: str) -> Any:
    click.echo(f"{PROGRAM}: {text}", err=True)
    raise SystemExit(UNUSABLE)


def show(judged: Judged, console: Console) -> None:
    """Print what each checker says, failures last, and what was reached how often."""
    order = {PASS: 0, UNKNOWN: 1, FAIL: 2}
    table = Table("checker", "verdict", "why", box=None, pad_edge=False)
    for name, one in sorted(judged.verdicts.items(), key=lambda item: order[item[1].result]):
        table.add_row(name, f"[{COLOURS[one.result]}]{one.result}[/]", one.why)
    console.print(table)
    reached = [f"{name} {count:,}" for name, count in judged.sometimes.items() if count]
    missed = [name for name, count in judged.sometimes.items() if not count]
    if reached:
        console.print(f"\nreached: {', '.join(reached)}", highlight=False)
    if missed:
        console.print(f"not reached: {', '.join(missed)}", highlight=False)
    console.print(f"\n{_sentence(judged)}", highlight=False)


def _sentence(judged: Judged) -> str:
    colour = COLOURS[judged.result]
    failed = judged.failed()
    what = {
        PASS: "every checker passed",
        UNKNOWN: "no checker failed, but some cannot say",
        FAIL: f"{len(failed)} of {len(judged.verdicts)} checkers failed: {', '.join(failed)}",
    }[judged.result]
    lost = f", {judged.lost_bytes:,} bytes lost" if judged.lost_bytes else ""
    return f"[{colour}]{judged.result}[/]: {judged.operations:,} operations{lost}; {what}"
