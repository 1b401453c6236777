"""One run of a host for many tests: its tables, then the recorded workload."""

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trio

from deploy.hosts.host import Host, HostError
from deploy.hosts.running import reach, running
from tests.hosts.sharing import recording_server, slot_history, tree

HERE = Path(__file__).parent
TABLES, RECORDED = HERE / "tables.py", HERE / "recorded.py"
LIMIT_S = 300.0
SAFE_PATH = {"PYTHONSAFEPATH": "1"}  # our packages as they are installed, not the folder's
# Both in one process: under emulation an import takes longer than most tests.
BOTH = """
import runpy, sys
*paths, server = sys.argv[1:]
for path in paths:
    sys.argv = [path, server]
    runpy.run_path(path, run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What a host said of itself, what it recorded, and what that left at the server."""

    tables: dict[str, Any]
    lines: list[str]
    tree: list[str]
    slots: list[str]


def played(host: Host) -> Played:
    """Run both on a host; the second time what came of it is known, failed or not."""
    result = _outcome(host)
    if isinstance(result, str):
        pytest.fail(f"{host.name}: {result}")
    return result


@cache
def _outcome(host: Host) -> Played | str:
    try:
        return trio.run(_play, host)
    except (HostError, AssertionError) as error:
        return str(error)


async def _play(host: Host) -> Played:
    with tempfile.TemporaryDirectory(prefix="played-") as name:
        folder = Path(name)
        async with recording_server(folder) as server:
            said = await output(host, [str(TABLES), str(RECORDED)], server.tcp, folder / "log")
            tables, *lines = said
            return Played(json.loads(tables), lines, tree(folder), await slot_history(server))


async def output(host: Host, scripts: list[str], server: str, log: Path) -> list[str]:
    """The lines that scripts print there; a host that fails says why in its log."""
    files = {path: Path(path) for path in scripts}
    command = ["python3", "-c", BOTH, *scripts, reach(host, server)]
    async with running(
        host, command, files=files, env=SAFE_PATH, log=log, limit_s=LIMIT_S
    ) as guest:
        printed = b"".join([bytes(part) async for part in guest.stdout])
        status = await guest.wait()
    assert 0 == status, await trio.Path(log).read_text()
    return printed.decode().splitlines()
