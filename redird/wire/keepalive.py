"""Which peers are still there: an echo for a quiet one, the end for one silent too long.

When this process did not run for a while (it was stopped, its host slept), every peer gets
a whole silence anew: its input may be waiting unread.
"""

import math
from collections.abc import Collection

import trio

from redird.wire.config import ConfigError
from redird.wire.errors import LinkLost
from redird.wire.link import Link
from redird.wire.messages import Echo

PAUSE_MIN_S = 0.01


def require_sense(echo_s: float, silence_max_s: float) -> None:
    """Raise ConfigError for times by which every quiet peer would be gone."""
    if not 0 < echo_s < silence_max_s:
        raise ConfigError(
            f"echo_s: must be more than 0 and less than peer_silence_max_s ({silence_max_s:g}):"
            f" {echo_s:g}"
        )


async def keep_alive(links: Collection[Link], *, echo_s: float, silence_max_s: float) -> None:
    """Judge the silence of all `links`, for ever; each ends when its time is over."""
    last = trio.current_time()
    while True:
        await trio.sleep(min(echo_s / 2, _due_in_s(links, last, silence_max_s)))
        now = trio.current_time()
        overslept = now - last > 2 * echo_s
        last = now
        for link in list(links):
            if overslept:
                link.heard_at = now
            link.judge_silence(now, echo_s, silence_max_s)


async def keep_confirmed(link: Link, *, silence_max_s: float) -> None:
    """End a link whose peer has not confirmed for too long that it hears us.

    It is asked often enough; after this process did not run it gets a whole time anew.
    """
    last = trio.current_time()
    began = link.confirmed.at
    while True:
        due = max(began, link.confirmed.at) + silence_max_s
        await trio.sleep(min(silence_max_s / 4, max(due - last, PAUSE_MIN_S)))
        now = trio.current_time()
        if now - last > silence_max_s / 2:
            began = now
        last = now
        silent_s = now - max(began, link.confirmed.at)
        if silent_s >= silence_max_s:
            link.close(f"the peer did not answer for {silent_s:.1f} s")
        link.ask_for_a_sign(now)


async def confirm(link: Link) -> None:
    """Wait until the peer has heard us now, or the link is lost."""
    link.confirmed.mark(link.exchange.requests, trio.current_time())
    try:
        await link.request(Echo())
    except LinkLost:
        return


def _due_in_s(links: Collection[Link], now: float, silence_max_s: float) -> float:
    """How long until the first of the links has to end, if it stays silent."""
    due = min((link.due_at(silence_max_s) for link in links), default=math.inf)
    return max(due - now, PAUSE_MIN_S)
