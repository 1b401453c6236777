"""One bit is wrong: bad memory in a router, a broken offload; a checksum of 16 bits missed it.

Nobody may act on what is no message; the link ends, with a reason, and only that link. The bit
is one that no message has, as a protocol without a checksum of its own takes the others.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import one_way, server_wire, wait_touched
from clients.faults.toxics import STREAMS


class CorruptFrame:
    """Turn over the first bit of one frame's header, on one wire to the server."""

    name = "corrupt_frame"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        wire = server_wire(field, random)
        nth, bit = random.randint(1, 10), 8  # the highest one of the first byte
        toxic = one_way(random, "corrupt", random.choice(STREAMS), nth=nth, bit=bit)
        try:
            wire.add(toxic)
            count = await wait_touched(wire, [toxic], length_s)
        finally:
            wire.remove(toxic)
        return count


KIND = CorruptFrame()
