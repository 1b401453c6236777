"""What a crowd of slow-loris peers costs those who work, and that it holds no slot."""

import os
import statistics
import time
from contextlib import AbstractAsyncContextManager

import trio

from clients.lab.bench.yardstick import ROUNDS, Bench, Result
from clients.lab.daemons import GUEST, SERVER, SHARE
from clients.session import Client, dial
from deploy.local import LocalProcess, python_module, start

PEERS = 1_000
WORKERS = 4
PAUSE_S = 0.005  # of a worker between two visits: busy, not saturated
LIMIT_RATIO = 2
POLL_S = 0.05


async def loris(bench: Bench) -> Result:
    """A visit of a healthy session straight at the server, with a crowd there and without."""
    alone: list[float] = []
    beside: list[float] = []
    held, there = 0, PEERS
    for _ in range(ROUNDS):
        alone.append(await _p99_ms(bench))
        before = _descriptors(bench.daemons.server)
        async with _crowd(bench):
            beside.append(await _p99_ms(bench))
            there = min(there, _descriptors(bench.daemons.server) - before)
            uses = (await bench.daemons.server_view("shares"))[0]["uses"]
            held = max(held, uses)
        await _wait_gone(bench.daemons.server, before)
    more = {
        "peers": PEERS,
        "peers_there": there,
        "slots_held": held,
        "limit_ratio": LIMIT_RATIO,
    }
    without = "without the crowd"
    return Result(
        "loris", statistics.median(beside), "ms (p99)", statistics.median(alone), without, more
    )


async def _wait_gone(daemon: LocalProcess, before: int) -> None:
    """A crowd that leaves costs too, but is not what is measured."""
    while True:
        if _descriptors(daemon) <= before:
            return
        await trio.sleep(POLL_S)


def _descriptors(daemon: LocalProcess) -> int:
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def _crowd(bench: Bench) -> AbstractAsyncContextManager[LocalProcess]:
    command = python_module("clients.lab.bench.crowd", bench.daemons.server_tcp, str(PEERS))
    return start(command)


async def _p99_ms(bench: Bench) -> float:
    times: list[float] = []
    async with dial(bench.daemons.server_tcp) as client, trio.open_nursery() as nursery:
        for _ in range(WORKERS):
            nursery.start_soon(_visits, client, time.perf_counter() + bench.seconds, times)
    return statistics.quantiles(times, n=100)[-1] * 1000


async def _visits(client: Client, until: float, times: list[float]) -> None:
    """Log on, read a file, log off, again and again."""
    while (began := time.perf_counter()) < until:
        session = await client.logon(GUEST)
        async with session.open(rf"\\{SERVER}\{SHARE}\file.txt", "rb") as file:
            await file.read()
        await session.logoff()
        times.append(time.perf_counter() - began)
        await trio.sleep(PAUSE_S)
