"""Our mount beside sshfs: Debian's dbench on both in turns."""

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio

from clients.lab.bench.yardstick import Result
from clients.lab.daemons import GUEST, SERVER, SHARE, running
from clients.lab.peers import torture
from clients.lab.peers.processes import program, said, understood
from clients.lab.peers.sshfs import detached, mount_point, sshfs
from clients.lab.peers.turns import Turns
from clients.lab.replaying.netbench import FILE
from deploy.local import python_module

CLIENTS = (1, 4)
SECONDS_MIN = 2
CLEANING_MAX_S = 120.0  # dbench deletes what it made after its time
COMMAND_MAX_S = 30.0


async def mount(turns: Turns) -> list[Result]:
    """Let dbench play its load file on a mount, by one client and by four.

    Alike: dbench's binary, file and seconds, the disk below, one host. Not alike: what sshfs
    sends is encrypted; sshfs keeps attributes for 20 seconds whatever others change, our
    mount keeps what the server promised it.
    """
    dbench = program("dbench", "dbench")
    turns = replace(turns, seconds=max(turns.seconds, SECONDS_MIN))
    with mount_point() as at, mount_point() as peer:
        async with _ours(at), sshfs(peer):
            return [await _beside(dbench, at, peer, turns, clients) for clients in CLIENTS]


async def _beside(dbench: str, at: Path, peer: Path, turns: Turns, clients: int) -> Result:
    ours, theirs = [], []
    for _ in range(turns.rounds):
        theirs.append(await _mb_per_s(dbench, peer, turns.seconds, clients))
        ours.append(await _mb_per_s(dbench, at, turns.seconds, clients))
    return Result(
        f"mount-{clients}",
        statistics.median(ours),
        "MB/s",
        statistics.median(theirs),
        "sshfs, by dbench",
        {"clients": clients, "seconds": turns.seconds, "rounds": turns.rounds},
    )


async def _mb_per_s(dbench: str, at: Path, seconds: int, clients: int) -> float:
    command = [dbench, "-c", str(FILE), "-D", str(at), "-t", str(seconds), str(clients)]
    text = await said(command, seconds + CLEANING_MAX_S)
    return understood("dbench", torture.mb_per_s, text)


@asynccontextmanager
async def _ours(at: Path) -> AsyncIterator[None]:
    """Mount a share at `at` until the end of the block; raises StartFailed."""
    async with running(redirector={"preset": "win10"}) as daemons:
        with detached(at):
            where = ["--redird", daemons.redirector_unix, "--user", GUEST]
            asked = python_module("redird", "mount", f"//{SERVER}/{SHARE}", str(at), *where)
            await said(asked, COMMAND_MAX_S)
            try:
                yield
            finally:
                with trio.CancelScope(shield=True):
                    ended = ["unmount", str(at), "--at", daemons.redirector_unix]
                    await said(python_module("redird", *ended), COMMAND_MAX_S)
