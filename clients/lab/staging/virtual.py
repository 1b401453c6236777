"""Virtual time: a story takes as long as its computing does, and goes the same way each time.

Trio's clock jumps to the next deadline whenever everybody waits. Of the tasks that are ready at
one instant trio picks at random; here by a seed. Whatever else might differ between two runs
(threads, sockets, the wall clock) a stage does not have.
"""

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, TypeVar

import trio
from trio._core import _run  # trio has no public way to fix its schedule, nor to jump faster
from trio.testing import MockClock

T = TypeVar("T")
scheduler: Any = _run


def run(story: Callable[..., Awaitable[T]], *args: object, seed: int = 0) -> T:
    """Run an async story in virtual time; the same seed gives the same schedule."""
    with _scheduled(seed):
        return trio.run(functools.partial(story, *args), clock=Calendar().clock)


async def sleep_until(at: float) -> None:
    """Do as trio's, at half the cost in virtual time: for crowds who sleep and wake."""
    calendar = getattr(trio.lowlevel.current_clock(), "calendar", None)
    if calendar is None or at <= trio.current_time():
        await trio.sleep_until(at)
    else:
        await calendar.wait(at)


class Calendar:
    """Who wakes when, beside trio's deadlines: no cancel scope a sleep, one turn a jump.

    The clock is trio's own, told how to jump and to look nowhere else for the time.
    """

    def __init__(self) -> None:
        clock: Any = MockClock(autojump_threshold=0)
        clock.calendar = self
        clock.current_time = lambda: clock._virtual_base
        clock._autojump = self._jump
        self.clock = clock
        self._entries: list[tuple[float, int, list[trio.lowlevel.Task]]] = []
        self._numbers = count()

    async def wait(self, at: float) -> None:
        """Wait for a time that is to come."""
        tasks = [trio.lowlevel.current_task()]
        heappush(self._entries, (at, next(self._numbers), tasks))

        def leave(_: Any) -> trio.lowlevel.Abort:
            tasks.clear()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    def _jump(self) -> None:
        """Everybody waits: go on to the next time at which somebody does not."""
        deadlines, entries = scheduler.GLOBAL_RUN_CONTEXT.runner.deadlines, self._entries
        at = min(deadlines.next_deadline(), entries[0][0] if entries else inf)
        if at == inf:
            return
        self.clock._virtual_base = max(at, self.clock._virtual_base)
        while entries and entries[0][0] <= at:
            for task in heappop(entries)[2]:
                trio.lowlevel.reschedule(task)
        deadlines.expire(at)


@contextmanager
def _scheduled(seed: int) -> Iterator[None]:
    allowed, state = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(seed)
    try:
        yield
    finally:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = allowed
        scheduler._r.setstate(state)
