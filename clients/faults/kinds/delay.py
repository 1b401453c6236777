"""A CloseBatch, TreeDisconnect or Logoff is late while others pass it: two paths, a slow relay.

What was said after it arrives before it: a new open before the close of the old one.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply_to_all, partings, server_wires


class Delay:
    """Delay the first messages by which uses end, on all wires to the server."""

    name = "delay"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        late_ms = random.randint(50, 800)
        toxics = partings(random, "delay", random.randint(0, 1), delay=late_ms)
        return await apply_to_all(server_wires(field), length_s, *toxics)


KIND = Delay()
