"""A link's end arrives late: FIN packets lost and sent again, a proxy that drains first.

Who dialled again meanwhile has two links for a while, an old and a new epoch at once.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import both, some_wire


class SlowClose:
    """Delay the ends of streams on one wire, and have its links end orderly meanwhile."""

    name = "slow_close"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        wire = some_wire(field, random)
        late = both(random, "slow_close", delay=int(length_s * 500))
        ends = both(random, "limit_data", bytes=1)
        try:
            for toxic in (*late, *ends):
                wire.add(toxic)
            await trio.sleep(length_s / 4)
            for toxic in ends:
                wire.remove(toxic)
            await trio.sleep(length_s * 3 / 4)
        finally:
            for toxic in (*late, *ends):
                wire.remove(toxic)
        return sum(map(wire.changed, (*late, *ends)))


KIND = SlowClose()
