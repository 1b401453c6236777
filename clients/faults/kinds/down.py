"""The other side cannot be reached: a switch port is off, an address is filtered with a reject.

Who dials is told so at once, and dials again, and again, until it is there or given up.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, one_way, some_wire
from clients.faults.toxics import UPSTREAM


class Down:
    """Reset one wire and refuse every new link on it for a while."""

    name = "down"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await apply(
            some_wire(field, random), length_s, one_way(random, "down", UPSTREAM)
        )


KIND = Down()
