"""The timer that turns due handles into batch closes.

One timer for everything: it sleeps until the next deadline, or with a tick until the first tick
at or after it, takes what is due from the tables, and only then awaits. It re-arms when
something new becomes dormant.
"""

import math

import trio

from redird.closing import close_handles, next_release, release_left, take_releasable
from redird.presets import AFTER_KEEP
from redird.state import State


async def scavenge(state: State) -> None:
    """Close what is due, for ever."""
    while True:
        await _wait_until(state, next_tick(state, trio.current_time()))
        now = trio.current_time()
        due = state.dormant.take_due(now)
        if due:
            state.spawn(close_handles, state, due)
        for connection in take_releasable(state, now):
            state.spawn(release_left, state, connection)


def next_tick(state: State, now: float) -> float:
    """When to look next: exact without a tick, else at a multiple of it."""
    due = min(state.dormant.next_due(), next_release(state))
    tick_s = state.policy.scavenger_tick_s
    if tick_s <= 0 or math.isinf(due):
        return due
    tick = math.ceil(max(due, now) / tick_s) * tick_s
    return max(tick, due)  # as floats the product may lie just below


async def _wait_until(state: State, deadline: float) -> None:
    """Ages of files are equal: what becomes dormant meanwhile is due later than this.

    A connection that is kept may have set a deadline far behind the next file's.
    """
    with trio.move_on_at(deadline):
        if math.isinf(deadline) or state.policy.release_left == AFTER_KEEP:
            await state.rearmed.park()
        else:
            await trio.sleep_until(deadline)
