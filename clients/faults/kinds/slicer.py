"""Frames come in small pieces: a tiny MTU, a middlebox that cuts segments, a slow reader.

Whoever takes one read for one message fails here; so does who gives up on a slow, honest peer.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, both, some_wire


class Slicer:
    """Cut what passes one wire into pieces of a few bytes, both ways."""

    name = "slicer"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = both(random, "slicer", average_size=16, size_variation=15, delay=200)
        return await apply(some_wire(field, random), length_s, *toxics)


KIND = Slicer()
