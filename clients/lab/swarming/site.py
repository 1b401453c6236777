"""The daemons that a swarm loads: those that run already, or our own.

With hosts these are a share server here; redirectors run where the sessions do.
"""

import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from clients.errors import FileMissing
from clients.lab.daemons import GUEST, SERVER, SHARE, address, running, share_server
from clients.lab.swarming.options import Options
from clients.session import Session, dial
from clients.swarm.runner import Target, file_name
from shareserver.accounts import make_verifier

FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Site:
    """Where to log on, and the processes of daemons that are ours."""

    target: Target
    ours: dict[str, int] = field(default_factory=dict)  # program: process id
    server: str = ""  # whose views to ask if there is more than one redirector


@asynccontextmanager
async def site(options: Options, logs: Path) -> AsyncIterator[Site]:
    """Have daemons with a share of files, all of whose files are there.

    Raises SessionError or StartFailed if they cannot be had.
    """
    if options.redird:
        target = Target(
            options.redird, options.server, options.share, options.user, options.password
        )
        await _prepare(target, options)
        yield Site(target)
        return
    if options.hosts:
        async with share_server(**_share(options), logs=logs) as one:
            ours = {"shareserver": one.process.process.pid}
            target = _target(options, address(one.process, "tcp"))
            yield Site(target, ours, address(one.process, "unix"))
        return
    async with running(redirector=redirector(options), **_share(options), logs=logs) as daemons:
        pids = {
            "shareserver": daemons.server.process.pid,
            "redird": daemons.redirector.process.pid,
        }
        yield Site(_target(options, daemons.redirector_unix), pids)


def _target(options: Options, at: str) -> Target:
    return Target(at, SERVER, SHARE, options.user, options.password)


def redirector(options: Options) -> dict[str, Any]:
    """The settings of a redirector that a swarm logs on to."""
    return {"preset": options.preset, "time_scale": options.time_scale}


def _share(options: Options) -> dict[str, Any]:
    """The share server: its accounts, its limit and its files."""
    chance = Random(options.seed)
    numbers = range(_files(options))
    return {
        "server": {"accounts": _accounts(options)},
        "uses_max": options.limit,
        "files": {file_name(number): chance.randbytes(FILE_BYTES) for number in numbers},
    }


def _files(options: Options) -> int:
    """How many files are visited; none if nobody visits any."""
    if options.trace is not None:
        visits = (visit.file for one in options.trace.sessions for visit in one.visits)
        return max(visits, default=-1) + 1
    return options.workload.files if options.workload.visits else 0


def _accounts(options: Options) -> dict[str, dict[str, object]]:
    if not options.password:
        return {GUEST: {"guest": True}, options.user: {"guest": True}}
    return {GUEST: {"guest": True}, options.user: {"verifier": make_verifier(options.password)}}


async def _prepare(target: Target, options: Options) -> None:
    """Log on once, so that a wrong password is one error; make the missing files."""
    root = rf"\\{target.server}\{target.share}"
    async with dial(target.address) as client:
        session = await client.logon(target.user, target.password, target.server)
        await session.connect(target.server, target.share)
        for number in range(_files(options)):
            await _make(session, rf"{root}\{file_name(number)}")
        await session.logoff()


async def _make(session: Session, name: str) -> None:
    try:
        await session.stat(name)
    except FileMissing:
        async with session.open(name, "wb") as file:
            await file.write(bytes(FILE_BYTES))


@contextmanager
def line_address(options: Options) -> Iterator[str]:
    """Where workers can report to: a private socket, or a port that others can reach."""
    if options.dask is not None:
        yield f"tcp:{_own_host(options.dask)}:0"
        return
    if options.hosts:
        yield "tcp:127.0.0.1:0"
        return
    with tempfile.TemporaryDirectory(prefix="redlab-") as folder:
        yield f"unix:{folder}/line.sock"


def _own_host(dask: str) -> str:
    """The address of ours from which a cluster's scheduler is reached."""
    there = urlsplit(dask if "://" in dask else f"tcp://{dask}")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((there.hostname or "127.0.0.1", there.port or 8786))
            return str(probe.getsockname()[0])
    except (OSError, ValueError):
        return "127.0.0.1"
