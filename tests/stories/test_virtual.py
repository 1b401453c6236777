"""Virtual time is fast, and a seed fixes the schedule."""

import trio

from clients.lab import virtual


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


def test_the_clock_jumps():
    async def sleep_a_year():
        began = trio.current_time()
        await trio.sleep(365 * 86_400)
        return trio.current_time() - began

    assert virtual.run(sleep_a_year) == 365 * 86_400
