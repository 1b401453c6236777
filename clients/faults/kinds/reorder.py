"""A CloseBatch, TreeDisconnect or Logoff is overtaken by the message after it.

The server may answer requests in any order, and a redirector that pipelines them must not mind.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, partings, server_wire


class Reorder:
    """Let the next message overtake those by which uses end, on one wire to the server."""

    name = "reorder"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = partings(random, "reorder", random.randint(0, 2))
        return await apply(server_wire(field, random), length_s, *toxics)


KIND = Reorder()
