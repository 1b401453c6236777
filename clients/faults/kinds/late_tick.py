"""The scavenger's tick comes late, again and again: a host with more to do than processors.

Files stay dormant a little longer, and nothing else may follow from it: no tick is lost, none
is made up for twice.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import healing, some_redirector


class LateTick:
    """Stop a redirector for moments that are most of the time."""

    name = "late_tick"
    band = "time"
    needs: tuple[str, ...] = ("stop",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        redirector = some_redirector(field, random)
        count = 0
        ends_at = trio.current_time() + length_s
        async with healing(redirector.go_on):
            while trio.current_time() < ends_at:
                await redirector.stop()
                count += 1
                await trio.sleep(random.uniform(0.05, 0.4))
                await redirector.go_on()
                await trio.sleep(random.uniform(0.01, 0.1))
        return count


KIND = LateTick()
