"""Which processes run, seen from outside: whoever ends something must leave none of them."""

import time
from collections.abc import Callable
from pathlib import Path

WAIT_MAX_S = 60
Process = tuple[int, str]  # its number, and when it started: a number alone may be another's


def started_by(pid: int) -> dict[Process, str]:
    """A process's children and theirs, with their commands."""
    found, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = _stat(int(entry.name))
            text = (entry / "cmdline").read_text()
        except OSError:
            continue
        if stat[0] != "Z":
            parents[int(entry.name)] = int(stat[1])
            found[int(entry.name), stat[19]] = text
    return {one: text for one, text in found.items() if pid in _ancestors(one[0], parents)}


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found: set[int] = set()
    while (pid := parents.get(pid, 0)) and pid not in found:
        found.add(pid)
    return found


def runs(one: Process | int) -> bool:
    """Whether that very process is still there, or any with the number if that is all."""
    pid, began = one if isinstance(one, tuple) else (one, None)
    try:
        stat = _stat(pid)
    except OSError:
        return False
    return stat[0] != "Z" and began in (None, stat[19])


def _stat(pid: int) -> list[str]:
    """Its state first, its parent after it, its start 20th: proc(5) from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until it holds; fails with `what` is wrong if it never does."""
    until = time.monotonic() + WAIT_MAX_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)
