"""Packets vanish in one direction only: an asymmetric route, a broken transmitter.

One end is heard and hears nothing: echoes are answered by one end, and the other one gives up.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, one_way, some_wire
from clients.faults.toxics import STREAMS


class BlackHoleOneWay:
    """Let nothing through one direction of a wire, and then everything."""

    name = "black_hole_one_way"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxic = one_way(random, "timeout", random.choice(STREAMS))
        return await apply(some_wire(field, random), length_s, toxic)


KIND = BlackHoleOneWay()
