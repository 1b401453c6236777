"""A link ends in the middle of a frame: a proxy's quota, a crashed peer's last packet.

What had begun to arrive is not a message, and whoever sent it does not know how much was read.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, one_way, some_wire
from clients.faults.toxics import STREAMS


class LimitData:
    """Close each link of one wire after so many bytes more, wherever that is."""

    name = "limit_data"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxic = one_way(
            random, "limit_data", random.choice(STREAMS), bytes=random.randint(1, 800)
        )
        return await apply(some_wire(field, random), length_s, toxic)


KIND = LimitData()
