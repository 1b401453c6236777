"""`redlab replay`: play a NetBench load file, and compare every status with the file's."""

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clients.lab import ending
from clients.lab.peers.leaving import left_by_smbd
from clients.lab.replaying.netbench import LABELS, Options, Replay, replay
from clients.lab.replaying.playing import DAEMON, LIBRARY
from clients.lab.replaying.trees import differences
from deploy.local import StartFailed
from redird.presets import PRESETS
from redird.wire.console import table
from redird.wire.process import fail

PROGRAM = "redlab"
MISMATCHES_SHOWN_MAX = 20
DIFFERENCES_SHOWN_MAX = 20


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--clients", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option(
    "--through",
    type=click.Choice([DAEMON, LIBRARY]),
    default=DAEMON,
    show_default=True,
    help="library: the redirector's tables in the clients' own process",
)
@click.option("--preset", type=click.Choice(list(PRESETS)), default="win10", show_default=True)
@click.option("--lines", type=click.IntRange(min=1), help="only the file's first so many")
@click.option(
    "--compare-tree",
    is_flag=True,
    help="with what samba's disk holds after the same lines, but for a Deltree at their end",
)
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def replay_command(
    file: Path,
    clients: int,
    through: str,
    preset: str,
    lines: int | None,
    compare_tree: bool,
    as_object: bool,
) -> None:
    """Play a NetBench load file (Debian's dbench has one) and check its statuses.

    Each client works in a folder of its own; every line's status is compared with the file's
    after the answer. Exit status 0 only if all are equal.
    """
    if compare_tree and clients > 1:
        fail(PROGRAM, "--compare-tree is for one client: what smbtorture's leave is one tree")
    different = None
    try:
        if compare_tree:
            lines = _lines_without_end(file, lines)
        done = _with_progress(
            Options(file, clients, through, preset, lines, keep_tree=compare_tree)
        )
        if lines is not None and done.tree is not None:
            different = differences(done.tree, ending.run(left_by_smbd, file, lines))
    except (StartFailed, OSError) as error:
        fail(PROGRAM, error)
    if as_object:
        print(json.dumps(done.row() | _tree_row(done, different)))
    else:
        show(done)
        _show_tree(_tree_row(done, different))
    raise SystemExit(0 if done.ok and not different else 1)


def _lines_without_end(file: Path, lines_max: int | None) -> int:
    """Return how many lines there are to play, without a Deltree at their end."""
    with file.open("rb") as text:
        lines = list(islice(text, lines_max))
    while lines and (not lines[-1].strip() or lines[-1].startswith(b"Deltree")):
        lines.pop()
    return len(lines)


def _tree_row(done: Replay, different: list[str] | None) -> dict[str, Any]:
    if different is None or done.tree is None:
        return {}
    return {"tree_entries": len(done.tree), "tree_differences": different}


def _show_tree(row: dict[str, Any]) -> None:
    if not row:
        return
    different = row["tree_differences"]
    print(f"{row['tree_entries']:,} names on the disk, {len(different):,} not as smbd has them")
    for one in different[:DIFFERENCES_SHOWN_MAX]:
        print(one)


def _with_progress(options: Options) -> Replay:
    with options.file.open("rb") as file:
        lines = sum(1 for _ in file)
    lines = min(lines, options.lines_max or lines) * options.clients
    with Progress(
        TextColumn("lines"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("", total=lines)

        def on_done(done: int) -> None:
            progress.update(task, completed=done)

        done = ending.run(replay, options, on_done)
        progress.update(task, completed=lines)
        return done


def show(done: Replay) -> None:
    """Print what came of it: a line for each operation, the totals, and what was different."""
    row = done.row()
    shown: list[dict[str, Any]] = row["operations"]
    if shown:
        print("\n".join(table(shown)))
    print(
        f"\n{row['matched']:,} of {row['lines']:,} statuses as the file has them"
        f"\n{row['operations_per_s']:,.0f} operations/s, {row['mb_per_s']:.2f} MB/s,"
        f" {row['seconds']:.1f} s up to the last logoff"
        f"\n{row['reuse_hits']:,} dormant files opened again,"
        f" {row['round_trips_saved']:,} round trips saved,"
        f" {row['requests_sent']:,} requests sent to the server"
        f"\n{row['clients']} clients in {row['processes']} processes,"
        f" {LABELS[row['through']]}, preset {row['preset']}"
    )
    for one in row["mismatched"][:MISMATCHES_SHOWN_MAX]:
        print(
            f"line {one['line']} (client {one['client']}) {one['operation']} {one['about']}:"
            f" expected {one['expected']}, got {one['got']}"
        )
    sys.stdout.flush()
