"""Answers take now long, now short: Wi-Fi, a shared uplink, a virtual switch under load.

The order within a link stays, as with TCP; the order of links to each other does not, so what
two redirectors say of one file arrives in any order.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, both, some_wire


class Jitter:
    """Delay what passes one wire by a different time each, both ways."""

    name = "jitter"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = both(random, "latency", latency=100, jitter=100)
        return await apply(some_wire(field, random), length_s, *toxics)


KIND = Jitter()
