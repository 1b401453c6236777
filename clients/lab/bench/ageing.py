"""What a tick of the scavenger costs in the redirector's tables, whatever else is dormant."""

import statistics
import time

from clients.lab.bench.yardstick import Bench, Result
from redird import closing, scavenger
from redird.config import Config
from redird.daemon import build_state, real_world
from redird.holdings import Connection
from redird.wire import files as f
from redird.wire.messages import FileInfo

FEW, MANY = 1_000, 1_000_000  # dormant handles
FILES_EACH = 40  # of one connection
DUE = 64  # at each tick
TICKS = 1_000
STEP_S = 1e-6  # between one park and the next


async def ageing(bench: Bench) -> Result:
    """A tick with as much due among a million dormant handles as among a thousand."""
    many, few = _tick_us(MANY), _tick_us(FEW)
    more = {"due_each_tick": DUE, "dormant": MANY, "limit_ratio": 2}
    return Result("scavenger", many, "us/tick", few, f"with {FEW:,} dormant handles", more)


def _tick_us(dormant: int) -> float:
    """The median time of a tick, but for the request it sends, with so many dormant."""
    crowd = _Crowd()
    for _ in range(dormant):
        crowd.park_one()
    return statistics.median(crowd.tick() for _ in range(TICKS)) * 1e6


class _Crowd:
    """A redirector's tables, filled one dormant handle after the other."""

    def __init__(self) -> None:
        self._state = build_state(Config(), real_world())
        self._connection = self._connect()
        self._parked = self._closed = 0

    def _connect(self) -> Connection:
        state = self._state
        session = state.sessions.begin("guest", 1, None, 0)
        return state.connections.begin(session, "files", "docs", "files")

    def park_one(self) -> None:
        """Make one more handle dormant."""
        state, number = self._state, self._parked
        self._parked += 1
        if number % FILES_EACH == 0:
            self._connection = self._connect()
        info = FileInfo(number, "file", 0, 1, 0o644, 0, 0, 0)
        file = state.connections.file("files", number, info, f.LEASE_RWH)
        handle = state.connections.add_handle(
            self._connection,
            f"{number}.txt",
            file,
            number,
            1,
            f.FILE_READ_DATA,
            f.SHARE_ALL,
            True,
        )
        state.dormant.park(handle, number * STEP_S)

    def tick(self) -> float:
        """Park as many as are due, then close those; returns how long the closing took."""
        for _ in range(DUE):
            self.park_one()
        self._closed += DUE
        now = (self._closed - 0.5) * STEP_S + self._state.policy.dormant_age_max_s
        began = time.perf_counter()
        scavenger.next_tick(self._state, now)
        due = self._state.dormant.take_due(now)
        closing.take_releasable(self._state, now)
        closing.forget(self._state, due)
        spent = time.perf_counter() - began
        assert len(due) == DUE
        return spent
