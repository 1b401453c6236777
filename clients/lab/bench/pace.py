"""How fast virtual time goes: an hour of 200 users, beside a bare loop that wakes as often.

    python -m clients.lab.bench.pace ROUNDS

prints one object. The loop is trio's with the same clock: tasks that sleep, and do nothing.
"""

import functools
import json
import statistics
import sys
import time
from typing import Any

import trio
from trio.testing import MockClock

from clients.lab.bench.yardstick import Bench, Result
from clients.lab.compare.logons import Played
from clients.lab.compare.virtual import Setting, play
from clients.swarm import arrivals
from clients.swarm.chance import Chance
from clients.swarm.trace import PlannedSession, Trace

USERS, SESSIONS_EACH, VISITS_EACH = 200, 8, 4
OPERATIONS = 3  # of a visit: open, read or write, close
HOUR_S, STAY_S = 3600.0, 60.0
FILES, LOCALITY, WRITES = 400, 0.5, 0.2
SIZE = ("logons", "visits", "reuse_hit_ratio", "requests")
ROUNDS = 3


def hour() -> Trace:
    """200 users, 8 logons each in an hour for a minute, 12 file operations in each."""
    think_s = HOUR_S / SESSIONS_EACH - STAY_S
    return Trace(
        True,
        tuple(
            PlannedSession(user, think_s, STAY_S, _visits(user, turn, STAY_S))
            for user in range(USERS)
            for turn in range(SESSIONS_EACH)
        ),
    )


def _visits(user: int, turn: int, stay_s: float) -> Any:
    chance = Chance(1, user, turn)
    return arrivals.visits(VISITS_EACH, stay_s, FILES, LOCALITY, WRITES, chance)


def wakes(trace: Trace) -> int:
    """How often a player wakes: before each session, at each visit, at the end."""
    return sum(2 + len(planned.visits) for planned in trace.sessions)


async def sleeping(tasks: int, times: int) -> float:
    """Let tasks sleep so many times in all; returns how many seconds were slept."""

    async def sleeper(number: int) -> None:
        for _ in range(times // tasks):
            await trio.sleep(17.0 + number / tasks)

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(tasks):
            nursery.start_soon(sleeper, number)
    return trio.current_time() - began


def measure(rounds: int) -> dict[str, Any]:
    """Measure both in turns; medians."""
    trace = hour()
    ours, bare, on_cpu = [], [], []
    for _ in range(rounds):
        used, began = time.process_time(), time.perf_counter()
        played = play(trace, Setting("sp6", USERS), seed=1)
        ours.append(played.simulated_s / (time.perf_counter() - began))
        on_cpu.append(played.simulated_s / (time.process_time() - used))
        began = time.perf_counter()
        trio.run(sleeping, USERS, wakes(trace), clock=MockClock(autojump_threshold=0))
        bare.append(played.simulated_s / (time.perf_counter() - began))
    return {
        "ours": statistics.median(ours),
        "bare": statistics.median(bare),
        "on_cpu": statistics.median(on_cpu),
        **_size(played),
    }


def _size(played: Played) -> dict[str, Any]:
    row = played.row()
    return {
        "logons": row["logons"],
        "visits": row["opens"],
        "reuse_hit_ratio": row["reuse_hit_ratio"],
        "requests": row["requests_sent"],
    }


async def pace(bench: Bench) -> Result:
    """Simulated seconds in a second of ours, by a process of its own."""
    command = [sys.executable, "-m", __name__, str(ROUNDS)]
    run = functools.partial(trio.run_process, command, capture_stdout=True)
    found = json.loads((await run()).stdout)
    more = {key: found[key] for key in SIZE}
    more["file_operations_each"] = VISITS_EACH * OPERATIONS
    more["s_per_cpu_second"] = round(found["on_cpu"])
    name = "bare trio autojump loop, as many wakes"
    return Result("virtual", found["ours"], "s/s", found["bare"], name, more)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
