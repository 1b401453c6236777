"""Is the search any good? Each planted bug in a copy of the house, until a trial fails.

A copy is searched by a process of its own, which imports the copy and nothing of ours.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trio

from clients.lab.bugs import shelf


@dataclass(frozen=True, slots=True)
class Score:
    """One bug: the seeds it took, who found it, and how small the shrunk trial is.

    `seeds` is None if it escaped; `card` says whether the trial can be told as a card.
    """

    bug: str
    seeds: int | None
    checker: str = ""
    why: str = ""
    operations: int | None = None
    card: bool = False
    trouble: str = ""

    def row(self) -> dict[str, Any]:
        """As it is shown."""
        return asdict(self)


async def score_all(
    names: Sequence[str],
    seeds_max: int,
    processes: int,
    replays_max: int,
    on_score: Callable[[Score], None],
    out: Path | None,
) -> None:
    """Search for each bug, several beside each other."""
    room = trio.CapacityLimiter(max(1, processes or os.cpu_count() or 1))

    async def search(name: str) -> None:
        async with room:
            on_score(await score(name, seeds_max, replays_max, out / name if out else None))

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(search, name)


async def score(name: str, seeds_max: int, replays_max: int, out: Path | None) -> Score:
    """Search for one bug."""
    with tempfile.TemporaryDirectory(prefix="redlab-") as folder:
        await trio.to_thread.run_sync(shelf.plant, shelf.load(name), Path(folder))
        command = [sys.executable, "-m", "clients.lab", "simulate", "--first", "--json"]
        command += ["--seeds", f"0..{seeds_max - 1}", "--processes", "1"]
        command += ["--replays-max", str(replays_max)]
        command += ["--out", str(await trio.Path(out).resolve())] if out else []
        done = await trio.run_process(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": folder, "PYTHONSAFEPATH": "1"},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        return _score(name, done, folder)


def _score(name: str, done: "subprocess.CompletedProcess[bytes]", folder: str) -> Score:
    try:
        said = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return Score(name, None, trouble=lines[-1] if lines else "it said nothing")
    if said["root"] != str(Path(folder).resolve()):
        return Score(name, None, trouble=f"{said['root']} was searched, not the copy")
    if not said["failed"]:
        return Score(name, None)
    first = said["failed"][0]
    shrunk = first.get("shrunk", {})
    return Score(
        name,
        first["seed"] + 1,
        first["checker"],
        first["why"],
        shrunk.get("operations"),
        shrunk.get("card", False),
    )


def as_object(scores: Sequence[Score]) -> dict[str, Any]:
    """The documented object; a bug that escaped took no number of seeds."""
    return {
        "planted": len(scores),
        "found": sum(one.seeds is not None for one in scores),
        "bugs": {one.bug: one.seeds for one in sorted(scores, key=lambda one: one.bug)},
        "details": [one.row() for one in sorted(scores, key=lambda one: one.bug)],
    }
