"""What the daemons cost, each figure beside a bare trio and msgpack echo of the same run.

With `pin` every process runs on one core: work is compared then, not
how long a virtual machine takes to wake an idle core.
"""

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from clients.lab.bench.ageing import ageing
from clients.lab.bench.judging import check
from clients.lab.bench.killing import killing
from clients.lab.bench.loris import loris
from clients.lab.bench.pace import pace
from clients.lab.bench.vanishing import dead, silent
from clients.lab.bench.yardstick import BARE, PASSWORD, USER, Bench, Result, benching
from clients.lab.daemons import GUEST, SERVER, SHARE
from clients.session import Client, Session, dial
from deploy.local import LocalProcess
from redird.wire import files as f
from redird.wire import messages as m

READ_BYTES = 64

# --- serial requests --------------------------------------------------------------------------


async def serial_direct(bench: Bench) -> Result:
    """Serial reads straight to the share server: one hop."""
    return await _serial(bench, "serial-direct", bench.daemons.server_tcp, 1)


async def serial_daemon(bench: Bench) -> Result:
    """Serial reads through the redirector: two hops, against half of what one bare hop does."""
    return await _serial(bench, "serial-daemon", bench.daemons.redirector_unix, 2)


async def _serial(bench: Bench, name: str, at: str, hops: int) -> Result:
    async with dial(at) as client:
        session = await client.logon(GUEST)
        tree = await session.connect(SERVER, SHARE)
        handle = (await client.ask(create_request(tree), m.Created)).handle
        request = m.Read(tree, handle, 0, READ_BYTES)

        async def ours() -> float:
            return await bench.count_for(lambda: client.link.request(request))

        rate, bare = await bench.alternate(ours)
        await session.logoff()
    reference_name = BARE if hops == 1 else f"{BARE}, per {hops} hops"
    return Result(name, rate, "requests/s", bare / hops, reference_name, {"hops": hops})


def create_request(tree: int) -> m.Create:
    """How a benchmark opens its one file, to read it."""
    access = f.FILE_READ_DATA | f.FILE_READ_ATTRIBUTES
    return m.Create(tree, "file.txt", access, f.SHARE_ALL, f.FILE_OPEN)


# --- dormancy ---------------------------------------------------------------------------------


async def reopen(bench: Bench) -> Result:
    """Open and close of a dormant file through the redirector: two local round trips."""
    async with dial(bench.daemons.redirector_unix) as client:
        session = await client.logon(GUEST)
        tree = await session.connect(SERVER, SHARE)
        request = create_request(tree)

        async def once() -> None:
            created = await client.ask(request, m.Created)
            await client.ask(m.Close(tree, created.handle), m.Closed)

        await once()
        sent = (await bench.daemons.redirector_view("status"))[0]["requests_sent"]
        rate, bare = await bench.alternate(lambda: bench.count_for(once))
        after = (await bench.daemons.redirector_view("status"))[0]["requests_sent"]
        await session.logoff()
    more = {"requests_sent_to_server": after - sent}
    return Result("reopen", rate, "reopens/s", bare / 2, f"{BARE}, two round trips", more)


# --- logging on and off -----------------------------------------------------------------------

USERS_AT_ONCE = 16


async def cycle(bench: Bench) -> Result:
    """Logon, Connect, Logoff through the redirector with guest accounts, 16 users at once."""
    return await _cycle(bench, "cycle", GUEST, "")


async def cycle_scram(bench: Bench) -> Result:
    """The same with SCRAM-SHA-256: a key is derived for each logon."""
    return await _cycle(bench, "cycle-scram", USER, PASSWORD)


async def _cycle(bench: Bench, name: str, user: str, password: str) -> Result:
    async def ours() -> float:
        async with dial(bench.daemons.redirector_unix) as client:
            counts: list[int] = []
            began = time.perf_counter()
            async with trio.open_nursery() as nursery:
                for _ in range(USERS_AT_ONCE):
                    nursery.start_soon(_cycles, client, user, password, bench.seconds, counts)
            return sum(counts) / (time.perf_counter() - began)

    rate, bare = await bench.alternate(ours)
    reference_name = f"{BARE}, serial, per 10 messages"  # 3 + 4 requests, 3 of them relayed
    return Result(name, rate, "cycles/s", bare / 10, reference_name, {"users": USERS_AT_ONCE})


async def _cycles(
    client: Client, user: str, password: str, seconds: float, counts: list[int]
) -> None:
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        session = await client.logon(user, password)
        await session.connect(SERVER, SHARE)
        await session.logoff()
        count += 1
    counts.append(count)


LOGOFFS = 1000
LOGOFFS_AT_ONCE = 4
FILES_EACH = 4


async def logoff(bench: Bench) -> Result:
    """From Logoff to the slot free on the server, with dormant files; sp6 answers after it."""
    times: list[float] = []
    bare = await bench.bare_per_s()
    async with dial(bench.daemons.redirector_unix) as client, trio.open_nursery() as nursery:
        for number in range(LOGOFFS_AT_ONCE):
            nursery.start_soon(_logoffs, client, number, times)
    times.sort()
    p99 = times[int(len(times) * 0.99) - 1] * 1000
    more = {
        "logoffs": len(times),
        "p50_ms": round(statistics.median(times) * 1000, 2),
        "max_ms": round(times[-1] * 1000, 2),
        "limit_ms": 50,
    }
    return Result("logoff", p99, "ms (p99)", 1000 / bare, f"{BARE}, one round trip", more)


async def _logoffs(client: Client, number: int, times: list[float]) -> None:
    for _ in range(LOGOFFS // LOGOFFS_AT_ONCE):
        session = await client.logon(GUEST)
        await _leave_dormant(session, number)
        began = time.perf_counter()
        proof = await session.logoff()
        times.append(time.perf_counter() - began)
        assert not proof.residue
        assert proof.shares[0].uses_after == proof.shares[0].uses_before - 1


async def _leave_dormant(session: Session, number: int) -> None:
    for file in range(FILES_EACH):
        name = rf"\\{SERVER}\{SHARE}\f{number * FILES_EACH + file}.txt"
        async with session.open(name, "rb") as opened:
            await opened.read()


# --- memory -----------------------------------------------------------------------------------

SESSIONS = 10_000
AT_ONCE = 16


async def memory(bench: Bench) -> Result:
    """Memory of both daemons for each of many sessions held at once.

    Each has a link of its own, a connection, one open file and one dormant.
    """
    daemons = (bench.daemons.redirector, bench.daemons.server)
    before = [_resident_kb(one) for one in daemons]
    bare_before = _resident_kb(bench.bare)
    port = int(bench.bare.addresses[0].rpartition(":")[2])
    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        await _start_all(nursery, _hold_session, bench.daemons.redirector_unix)
        took_s = time.perf_counter() - began
        after = [_resident_kb(one) for one in daemons]
        sessions = (await bench.daemons.redirector_view("status"))[0]["sessions"]
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        await _start_all(nursery, _hold_bare, port)
        bare_after = _resident_kb(bench.bare)
        nursery.cancel_scope.cancel()
    each = [(b - a) / SESSIONS for a, b in zip(before, after, strict=True)]
    more = {
        "redird_kb": round(each[0], 1),
        "shareserver_kb": round(each[1], 1),
        "limit_kb": 100,
        "sessions_held": sessions,
        "begun_per_s": round(SESSIONS / took_s),
    }
    bare = (bare_after - bare_before) / SESSIONS
    return Result("memory", sum(each), "kB/session", bare, f"{BARE}, one link", more)


async def _start_all(nursery: trio.Nursery, hold: Any, at: str | int) -> None:
    """Start SESSIONS tasks that hold something, a few at a time."""
    numbers = iter(range(SESSIONS))

    async def some() -> None:
        for number in numbers:
            await nursery.start(hold, at, number)

    async with trio.open_nursery() as starting:
        for _ in range(AT_ONCE):
            starting.start_soon(some)


def _resident_kb(process: LocalProcess) -> int:
    pages = int(Path(f"/proc/{process.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def _hold_session(at: str, number: int, *, task_status: trio.TaskStatus[None]) -> None:
    names = [rf"\\{SERVER}\{SHARE}\f{(number + more) % 16}.txt" for more in range(2)]
    async with dial(at) as client:
        session = await client.logon(GUEST)
        async with session.open(names[0], "rb") as dormant_soon:
            await dormant_soon.read()
        async with session.open(names[1], "rb"):
            task_status.started()
            await trio.sleep_forever()


async def _hold_bare(port: int, number: int, *, task_status: trio.TaskStatus[None]) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port):
        task_status.started()
        await trio.sleep_forever()


BENCHES: dict[str, Callable[[Bench], Awaitable[Result]]] = {
    "serial-direct": serial_direct,
    "serial-daemon": serial_daemon,
    "reopen": reopen,
    "cycle": cycle,
    "cycle-scram": cycle_scram,
    "logoff": logoff,
    "memory": memory,
    "scavenger": ageing,
    "virtual": pace,
    "check": check,
    "loris": loris,
    "dead-client": dead,
    "silent-client": silent,
    "server-killed": killing,
}


async def run_bench(name: str, seconds: float, pin: bool) -> Result:
    """Start everything, run one benchmark, and stop everything."""
    if pin:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # inherited by what we start
    async with benching(seconds) as bench:
        result = await BENCHES[name](bench)
    result.more["pinned"] = pin
    return result
