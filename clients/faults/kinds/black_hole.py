"""Packets vanish without a word, both ways: a pulled cable, a dead router, a firewall.

Neither end can tell it from a silent peer; each must give up by its own clock, and no sooner.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, both, some_wire


class BlackHole:
    """Let nothing through one wire, no end of a stream either, and then everything."""

    name = "black_hole"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await apply(some_wire(field, random), length_s, *both(random, "timeout"))


KIND = BlackHole()
