"""Every connection is reset at once: a firewall forgot its states, a NAT table overflowed.

Both ends see it at once; the failover of a load balancer does the same.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import some_wire


class Reset:
    """Reset all links of one wire, and once more in the middle of taking up again."""

    name = "reset"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        wire = some_wire(field, random)
        count = wire.cut()
        await trio.sleep(random.uniform(0.0, length_s))
        return count + wire.cut()


KIND = Reset()
