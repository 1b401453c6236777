"""Every answer takes longer: a branch office behind a long line, a VPN, a congested switch.

What is dormant saves most round trips here, and what must be asked back takes longest.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, both, some_wire


class Latency:
    """Delay everything on one wire, both ways."""

    name = "latency"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = both(random, "latency", latency=random.randint(20, 300))
        return await apply(some_wire(field, random), length_s, *toxics)


KIND = Latency()
