"""Little gets through at a time: ISDN, a backup over the same line, a traffic policy.

Queues fill and must push back; none may grow without a bound.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, both, some_wire


class Bandwidth:
    """Let some kilobytes a second through one wire, each way."""

    name = "bandwidth"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = both(random, "bandwidth", rate=random.randint(2, 64))
        return await apply(some_wire(field, random), length_s, *toxics)


KIND = Bandwidth()
