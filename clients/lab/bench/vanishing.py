"""How long the slot of a client that vanished is held: of one killed, and of a silent one."""

import signal
import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import trio

from clients.lab.bench.yardstick import Bench, Result
from deploy.local import LocalProcess, python_module, start
from redird.wire.dialling import PEER_SILENCE_MAX_S

KILLED, SILENT = 10, 6
SPREAD_S = 0.8  # between two that fall silent: each was heard at another time of an echo's
DEAD_LIMIT_S = 1.0
POLL_S = 0.1


async def dead(bench: Bench) -> Result:
    """From the kill -9 of a client's process to its slot free at the server."""
    times = await _held_after(bench, signal.SIGKILL, KILLED, pause_s=0.0)
    return _result("dead-client", times, DEAD_LIMIT_S)


async def silent(bench: Bench) -> Result:
    """From the SIGSTOP of a client's process, whose link stays, to its slot free."""
    times = await _held_after(bench, signal.SIGSTOP, SILENT, pause_s=SPREAD_S)
    return _result("silent-client", times, PEER_SILENCE_MAX_S)


def _result(name: str, times: Sequence[float], limit_s: float) -> Result:
    more = {"clients": len(times), "median_ms": round(statistics.median(times) * 1000, 1)}
    return Result(name, max(times) * 1000, "ms (max)", limit_s * 1000, "the limit", more)


async def _held_after(
    bench: Bench, number: signal.Signals, count: int, *, pause_s: float
) -> list[float]:
    """Start clients, send each a signal; returns how long after it each slot was free."""
    async with AsyncExitStack() as stack:
        holders = [await stack.enter_async_context(_holder(bench)) for _ in range(count)]
        sent_ns = []
        for holder in holders:
            sent_ns.append(time.time_ns())
            holder.process.send_signal(number)
            await trio.sleep(pause_s)
        freed_ns = await _freed_ns(bench, count)
    return [(freed - sent) / 1e9 for freed, sent in zip(freed_ns, sent_ns, strict=True)]


async def _freed_ns(bench: Bench, count: int) -> list[int]:
    """Wait until so many slots are free again; returns when each was, in the order given."""
    while True:
        facts = await bench.daemons.server_view("facts")
        freed = {one["tree"]: one["at_ns"] for one in facts if one["kind"] == "use_released"}
        if len(freed) >= count:
            return [at_ns for _, at_ns in sorted(freed.items())]
        await trio.sleep(POLL_S)


def _holder(bench: Bench) -> AbstractAsyncContextManager[LocalProcess]:
    return start(python_module("clients.lab.bench.holder", bench.daemons.redirector_unix))
