"""What a search has shown, for people and for programs."""

import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from clients.lab.bugs.shelf import ROOT
from clients.lab.simulating.failing import Shrunk, Told
from clients.lab.simulating.scoreboard import Score
from clients.lab.simulating.seeds import Found, Seed

SHOWN_MAX = 20


def commit() -> str:
    """What the code is that ran: a commit, or the version where there is none."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return version("redird")
    return done.stdout.strip() or version("redird")


def as_object(found: Found, shrunk: Sequence[Shrunk], wall_s: float) -> dict[str, Any]:
    """The documented object."""
    by_seed = {one.seed: one for one in shrunk}
    failed = sorted(found.failed, key=lambda one: one.seed)
    return {
        "seeds": found.seeds,
        "failed": [_failed(one, by_seed.get(one.seed)) for one in failed],
        "sometimes": dict(sorted(found.sometimes.items())),
        "faults": dict(sorted(found.fired.items())),
        "presets": dict(sorted(found.presets.items())),
        "simulated_s": round(found.simulated_s, 1),
        "wall_s": round(wall_s, 1),
        "commit": commit(),
        "digest": found.digest,
        "root": str(ROOT),
    }


def _failed(one: Seed, shrunk: Shrunk | None) -> dict[str, Any]:
    assert one.failure is not None
    row: dict[str, Any] = {
        "seed": one.seed,
        "preset": one.preset,
        "checker": one.failure.checker,
        "why": one.failure.why,
    }
    if shrunk is not None:
        row["shrunk"] = {
            "operations": shrunk.operations,
            "replays": shrunk.replays,
            "card": bool(shrunk.card),
        }
    return row


def show(found: Found, wall_s: float) -> None:
    """Print what failed, one line to play each again, and what it was all about."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    failed = sorted(found.failed, key=lambda one: one.seed)
    ran = commit()
    for one in failed[:SHOWN_MAX]:
        assert one.failure is not None
        console.print(
            f"seed {one.seed} ({one.preset}): {one.failure.checker}: {one.failure.why}"
        )
        console.print(f"  redlab simulate --seed {one.seed}    # commit {ran}")
    if len(failed) > SHOWN_MAX:
        console.print(f"... and {len(failed) - SHOWN_MAX} more")
    rate = found.simulated_s / wall_s if wall_s else 0.0
    console.print(
        f"{found.seeds:,} trials, {len(failed)} failed;"
        f" {found.simulated_s:,.0f} s simulated in {wall_s:,.1f} s, {rate:,.0f} times real time"
    )
    reached = sum(count > 0 for count in found.sometimes.values())
    if found.sometimes:
        console.print(f"{reached} of {len(found.sometimes)} sometimes-invariants were reached")


def show_shrunk(one: Shrunk) -> None:
    """Print a shrunk trial's story."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(f"\nseed {one.seed}, shrunk by {one.replays} replays: {one.heading}")
    for line in one.story:
        console.print(line)


def show_told(one: Told) -> None:
    """Print what one trial showed."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for line in one.story:
        console.print(line)
    found = one.failure
    console.print(f"{found.checker}: {found.why}" if found is not None else "nothing failed")


def show_scores(scores: Sequence[Score]) -> None:
    """Print the scoreboard."""
    table = Table(box=None, pad_edge=False)
    for column in ("bug", "seeds", "found by", "operations", "card"):
        right = column in ("seeds", "operations")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for one in sorted(scores, key=lambda one: (one.seeds is None, one.seeds, one.bug)):
        table.add_row(
            one.bug,
            "escaped" if one.seeds is None else str(one.seeds),
            one.trouble or one.checker,
            "" if one.operations is None else str(one.operations),
            "yes" if one.card else "",
        )
    console = Console(highlight=False)
    console.print(table)
    found = [one for one in scores if one.seeds is not None]
    sizes = [one.operations for one in found if one.operations is not None]
    console.print(
        f"{len(found)} of {len(scores)} found"
        + (f"; median of {median(sizes):g} operations once shrunk" if sizes else "")
    )
