"""Which peers are still there: an echo for a quiet one, the end for one silent too long.

When this process did not run for a while (it was stopped, its host slept), every peer gets
a whole silence anew: its input may be waiting unread.
"""

from collections.abc import Collection

import trio

from redird.wire.link import Link


async def keep_alive(links: Collection[Link], *, echo_s: float, silence_max_s: float) -> None:
    """Judge the silence of all `links`, for ever."""
    last = trio.current_time()
    while True:
        await trio.sleep(echo_s / 2)
        now = trio.current_time()
        overslept = now - last > 2 * echo_s
        last = now
        for link in list(links):
            if overslept:
                link.heard_at = now
            link.judge_silence(now, echo_s, silence_max_s)
