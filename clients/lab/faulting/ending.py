"""What is left when everybody has gone and everything is healed: as the daemons tell, as the
system tells of them, and as the disk holds it.
"""

from pathlib import Path
from typing import Any

import trio

from clients.faults.injecting import SERVER
from clients.lab.checking.recorder import Recorder
from clients.lab.daemons import SHARE
from clients.lab.exercising.blocks import values_of
from clients.lab.faulting.field import RealField
from clients.lab.faulting.options import QUIET_MAX_S
from clients.lab.faulting.programs import RealProgram

LOOK_S = 0.25
SETTLE_S = 0.3  # for sockets of the last look to be closed


async def wait_quiet(place: RealField, recorder: Recorder) -> dict[str, dict[str, int]]:
    """Wait until nothing is left or ought to be; write down and return what is."""
    left: dict[str, dict[str, int]] = {}
    with trio.move_on_after(QUIET_MAX_S):
        while not left or any(_held(counts) for counts in left.values()):
            await trio.sleep(LOOK_S)
            left = {name: await _look(one) for name, one in place.programs.items()}
    await trio.sleep(SETTLE_S)
    for name, program in place.programs.items():
        counts = program.counts()
        links = left.get(name, {}).get("links", 0)
        if counts:  # links that stay are no leak, and the process's first look had none
            counts["fds"] -= links
        left[name] = {**left.get(name, {}), **counts}
        recorder.quiet(name, left[name], program.baseline)
    return left


def _held(counts: dict[str, int]) -> bool:
    return any(value for name, value in counts.items() if name != "links")


async def _look(program: RealProgram) -> dict[str, int]:
    server = program.name == SERVER
    rows = await program.view("statistics" if server else "status")
    if not rows:
        return {"unanswered": 1}
    return _of_server(rows[0]) if server else _of_redirector(rows[0])


def _of_server(row: dict[str, Any]) -> dict[str, int]:
    return {
        "slots": row["uses"],
        "handles": row["handles"],
        "sessions": row["sessions"],
        "locks": row.get("locks", 0),
        "links": row["links"] - 1,  # the one that asked
    }


def _of_redirector(row: dict[str, Any]) -> dict[str, int]:
    names = ("sessions", "connections", "opens", "dormant", "closing")
    return {name: row[name] for name in names} | {"links": row["links"]}


def write_disk(folder: Path, recorder: Recorder) -> None:
    """Write down what the server's disk holds."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            recorder.disk(name, values_of(path.read_bytes()), SHARE)


async def write_facts(place: RealField, recorder: Recorder, began_ns: int) -> None:
    """Write down what the tables of programs noted, at their own times (`began_ns`: the wall
    clock when the run began).

    Not of a program that has died and took some with it, nor of one whose clock jumped. A
    share server's are in its journal, whole unless that was lost.
    """
    for name, program in place.programs.items():
        if name in place.clock.stepped:
            continue
        facts = await program.view("facts") or []
        if program.epoch > 1 and not (name == SERVER and _are_whole(facts, place)):
            continue
        for fact in facts:
            if fact.get("share", SHARE) == SHARE:
                recorder.fact(name, fact, max(0, fact["at_ns"] - began_ns))


def _are_whole(facts: list[dict[str, Any]], place: RealField) -> bool:
    """Whether none is missing, and they begin in the server's first life."""
    numbers = [fact["number"] for fact in facts]
    first_life = bool(facts) and facts[0]["at_ns"] < place.programs[SERVER].killed_first_ns
    return first_life and numbers == list(range(1, len(numbers) + 1))
