"""Wires stop one after the other and go on in another order: switches that reboot in turn.

FoundationDB's name for it; they found it better at finding bugs than stopping all at once, as
each pair of ends disagrees for a while about who is there.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import both


class SwizzleClog:
    """Stop some wires one by one, and let them go on one by one in another order."""

    name = "swizzle_clog"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        names = sorted(field.wires)
        some = random.sample(names, random.randint(1, len(names)))
        toxics = {name: both(random, "timeout") for name in some}
        pause_s = length_s / (2 * len(some))
        try:
            for name in some:
                for toxic in toxics[name]:
                    field.wires[name].add(toxic)
                await trio.sleep(random.uniform(0.0, 2 * pause_s))
            for name in random.sample(some, len(some)):
                for toxic in toxics[name]:
                    field.wires[name].remove(toxic)
                await trio.sleep(random.uniform(0.0, 2 * pause_s))
        finally:
            for name in some:
                for toxic in toxics[name]:
                    field.wires[name].remove(toxic)
        return sum(field.wires[name].changed(toxic) for name in some for toxic in toxics[name])


KIND = SwizzleClog()
