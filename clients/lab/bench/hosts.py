"""How fast each host is beside this one: sessions that come and go, while others sit there.

A host is its terminal server: redirector and sessions are there, the share server is here. So
what is compared is the client's side of everything, under emulation and not.
"""

import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clients.lab.bench.yardstick import Result
from clients.lab.daemons import address, share_server
from clients.lab.terminal.crowd import Crowd
from clients.lab.terminal.hosted import TerminalError, terminal
from deploy.hosts import cache
from deploy.hosts.host import NATIVE, Host, HostError, known

SITTING = 50
CYCLING = 8
LIMIT_S = 600.0
SILENCE_MAX_S = 180.0
FILES = {"file.txt": bytes(4096)}
Told = Callable[[str], None]


async def hosts(seconds: float, tell: Told) -> tuple[list[Result], list[str]]:
    """A row for each host that is ready, native first; and a note on each that is not."""
    rows, notes, native = list[Result](), list[str](), 0.0
    async with share_server(files=FILES) as server:
        at = address(server.process, "tcp")
        for host in _ready(notes):
            tell(host.name)
            try:
                found = await measure(host, at, seconds)
            except (HostError, TerminalError) as error:
                notes.append(str(error))
                continue
            native = native or found["per_s"]
            rows.append(_result(host.name, found, native))
    return rows, notes


def _ready(notes: list[str]) -> Iterator[Host]:
    for name in known():
        try:
            yield cache.find(name)
        except HostError as error:
            notes.append(str(error))


async def measure(host: Host, server: str, seconds: float) -> dict[str, Any]:
    """Logons and logoffs of a crowd on one host; raises HostError or TerminalError."""
    crowd = Crowd(SITTING, CYCLING, seconds)
    with _folder() as folder:
        async with terminal(host, folder / "terminal.log", LIMIT_S) as one:
            await one.prepare("crowd", server, {})
            found = await one.go(asdict(crowd), SILENCE_MAX_S)
    return found | {"per_s": len(found["logons_s"]) / found["took_s"]}


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that stays if something goes wrong with the host: the error names its log."""
    folder = Path(tempfile.mkdtemp(prefix="redlab-"))
    wrong = False
    try:
        yield folder
    except (HostError, TerminalError):
        wrong = True
        raise
    finally:
        if not wrong:
            shutil.rmtree(folder)


def _result(name: str, found: dict[str, Any], native: float) -> Result:
    logons, logoffs = sorted(found["logons_s"]), sorted(found["logoffs_s"])
    more = {
        "sessions_at_once": found["at_once"],
        "logons": len(logons),
        "logon_p50_ms": _ms(statistics.median(logons)),
        "logon_p99_ms": _ms(logons[int(len(logons) * 0.99)]),
        "logoff_p50_ms": _ms(statistics.median(logoffs)),
        "logoff_p99_ms": _ms(logoffs[int(len(logoffs) * 0.99)]),
    }
    return Result(f"hosts: {name}", found["per_s"], "cycles/s", native, NATIVE, more)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
