"""The wall clock jumps: NTP after a long sleep, an administrator, a leap second done badly.

Nothing that waits may wait by the wall clock: no file stays dormant for an hour, no slot is
freed at once. Only what is shown to people may jump.
"""

import functools
from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import chosen, healing


class ClockStep:
    """Put a program's wall clock far forward or back, and then right again."""

    name = "clock_step"
    band = "time"
    needs: tuple[str, ...] = ("clock",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        program = chosen(random, list(field.programs))
        seconds = random.choice((-1, 1)) * random.choice((90.0, 3600.0, 86_400.0))
        async with healing(functools.partial(field.clock.step, program, -seconds)):
            await field.clock.step(program, seconds)
            await trio.sleep(length_s)
        return 1


KIND = ClockStep()
