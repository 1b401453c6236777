"""One end is gone and the other was not told: a host lost power, a NAT entry expired.

The server has ended the link and the redirector still trusts it (or the other way round). When
it dials again it must not be its own ghost: its newer epoch frees what the dead link held.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, one_way, server_wire
from clients.faults.toxics import STREAMS


class HalfOpen:
    """Kill one end of the links to the server; in the end the other one is told."""

    name = "half_open"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxic = one_way(random, "half_open", random.choice(STREAMS))
        return await apply(server_wire(field, random), length_s, toxic)


KIND = HalfOpen()
