"""A terminal server on this host: `python3 -m clients.lab.terminal`.

Lines of JSON, jobs on standard input and what came of them on standard output:

    {"job": "desks", "server": ADDRESS, "redirector": SETTINGS}    or "shard", "crowd"
        {"ready": true}                   its redirector runs, and leads to the share server
    {"go": {...}}                         a `Desks`, `Shard` or `Crowd`, as JSON has it
        {"told": "attempt"}               now and then
        {"result": {...}}                 or, at any time, {"error": "..."}

One job after the other, until the input ends; {"job": "clock"} asks what time it is there. What
goes wrong is logged to standard error.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import trio

from clients.errors import SessionError
from clients.lab import ending
from clients.lab.daemons import address, leading_to
from clients.lab.terminal.crowd import Crowd, gather
from clients.lab.terminal.desks import Desks, sit
from clients.swarm.line import lines
from clients.swarm.trace import TraceError
from clients.swarm.worker import Shard, ShardLate, work_on
from deploy.local import LocalProcess, StartFailed
from redird.wire.errors import LinkLost, Refused
from redird.wire.process import output, raise_open_files_limit

PROGRAM = "terminal"
COMMAND_BYTES_MAX = 1 << 28
READ_BYTES = 1 << 16
LOG_BYTES_MAX = 1 << 20
Commands = AsyncGenerator[bytes, None]
Result = dict[str, Any]
Made = TypeVar("Made")


class JobError(Exception):
    """A job that makes no sense."""


class _Input(trio.abc.ReceiveStream):
    """Standard input, whatever it is; the descriptor's modes, which others share, stay."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await trio.to_thread.run_sync(os.read, 0, READ_BYTES, abandon_on_cancel=True)

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def main() -> None:
    """Do what the lines say."""
    raise_open_files_limit()
    ending.run(_serve)


async def _serve() -> None:
    async with aclosing(lines(_Input(), COMMAND_BYTES_MAX)) as commands:
        async for line in commands:
            try:
                say(result=await _do(_table(line), commands))
            except (StartFailed, SessionError, LinkLost, Refused) as error:
                say(error=str(error))
            except (JobError, TraceError, ShardLate) as error:
                say(error=str(error))


def say(**what: Any) -> None:
    """Write one line; if nobody reads it the program ends."""
    output(PROGRAM, json.dumps(what))


async def _do(job: dict[str, Any], commands: Commands) -> Result:
    match job:
        case {"job": "clock"}:
            return {"now": time.time()}
        case {"job": str(kind), "server": str(server), "redirector": dict(settings)}:
            if kind in WORK:
                return await _with_redirector(WORK[kind], server, settings, commands)
    raise JobError(f"no job: {', '.join(WORK)}, with a server and a redirector; or clock")


async def _with_redirector(
    work: "Work", server: str, settings: dict[str, Any], commands: Commands
) -> Result:
    with tempfile.TemporaryDirectory(prefix="redlab-") as logs:
        try:
            async with leading_to(server, settings, logs=Path(logs)) as redirector:
                say(ready=True)
                match _table(await anext(commands, b"null")):
                    case {"go": dict(given)}:
                        return await work(given, redirector)
                raise JobError("no go")
        finally:
            _show_end(Path(logs) / "redird.log")


async def _desks(given: dict[str, Any], redirector: LocalProcess) -> Result:
    seen = await sit(_made(Desks.of, given), redirector, lambda: say(told="attempt"))
    return seen.plain()


async def _shard(given: dict[str, Any], redirector: LocalProcess) -> Result:
    shard = _made(Shard.of, given)
    target = replace(shard.target, address=address(redirector, "unix"))
    return await work_on(replace(shard, target=target))


async def _crowd(given: dict[str, Any], redirector: LocalProcess) -> Result:
    return await gather(_made(Crowd.of, given), redirector, lambda: say(told="sitting"))


Work = Callable[[dict[str, Any], LocalProcess], Awaitable[Result]]
WORK: dict[str, Work] = {"desks": _desks, "shard": _shard, "crowd": _crowd}


def _made(of: Callable[[dict[str, Any]], Made], given: dict[str, Any]) -> Made:
    try:
        return of(given)
    except (TypeError, KeyError) as error:
        raise JobError(f"go: {error}") from None


def _table(line: bytes) -> dict[str, Any]:
    try:
        table = json.loads(line)
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise JobError("a line is one JSON object")
    return table


def _show_end(log: Path) -> None:
    """What the redirector logged goes where this program logs, from where it is kept."""
    if log.exists():
        sys.stderr.write(log.read_text(errors="replace")[-LOG_BYTES_MAX:])
        sys.stderr.flush()


if __name__ == "__main__":
    main()
