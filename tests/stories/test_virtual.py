"""Virtual time is fast, and a seed fixes the schedule."""

import math

import trio
from trio.testing import MockClock

from clients.lab.staging import virtual


async def order_of_ten(log):
    async def say(number):
        for _ in range(3):
            log.append(number)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(say, number)


def schedule(seed):
    log: list[int] = []
    virtual.run(order_of_ten, log, seed=seed)
    return log


def test_a_seed_fixes_the_schedule():
    assert schedule(1) == schedule(1)


def test_another_seed_is_another_schedule():
    assert len({tuple(schedule(seed)) for seed in range(5)}) > 1


def woken(*naps, cancel_at=None):
    """Let tasks sleep until these times, each by the calendar or by trio; returns who woke."""
    log: list[tuple[str, float]] = []

    async def nap(name, until, at):
        await until(at)
        log.append((name, trio.current_time()))

    async def all_of_them():
        with trio.move_on_at(cancel_at if cancel_at is not None else math.inf):
            async with trio.open_nursery() as nursery:
                for name, until, at in naps:
                    nursery.start_soon(nap, name, until, at)
        return trio.current_time()

    return virtual.run(all_of_them), log


def test_the_calendar_and_trios_deadlines_wake_everybody_in_time():
    _, log = woken(
        ("a", virtual.sleep_until, 5.0),
        ("b", trio.sleep_until, 3.0),
        ("c", virtual.sleep_until, 1.0),
        ("d", trio.sleep_until, 7.0),
        ("past", virtual.sleep_until, -1.0),
    )

    assert [("past", 0.0), ("c", 1.0), ("b", 3.0), ("a", 5.0), ("d", 7.0)] == log


def test_who_is_cancelled_in_the_calendar_never_wakes():
    ended, log = woken(
        ("a", virtual.sleep_until, 2.0), ("b", virtual.sleep_until, 9.0), cancel_at=4.0
    )

    assert ([("a", 2.0)], 4.0) == (log, ended)


def test_without_virtual_time_the_calendar_is_trios():
    async def nap():
        await virtual.sleep_until(trio.current_time() + 1000)
        return "slept"

    assert "slept" == trio.run(nap, clock=MockClock(autojump_threshold=0))


def test_the_clock_jumps():
    async def sleep_a_year():
        began = trio.current_time()
        await trio.sleep(365 * 86_400)
        return trio.current_time() - began

    assert virtual.run(sleep_a_year) == 365 * 86_400
