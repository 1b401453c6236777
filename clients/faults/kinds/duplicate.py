"""A CloseBatch, TreeDisconnect or Logoff arrives twice: sent again on a new link, a replay.

A slot given back twice is a slot too many for the next ones: one logoff, one release.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply_to_all, partings, server_wires


class Duplicate:
    """Double the first messages by which uses end, on all wires to the server."""

    name = "duplicate"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = partings(random, "duplicate", random.randint(0, 1))
        return await apply_to_all(server_wires(field), length_s, *toxics)


KIND = Duplicate()
