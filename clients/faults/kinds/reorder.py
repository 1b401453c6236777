"""A CloseBatch, TreeDisconnect or Logoff is overtaken by the message after it.

The server may answer requests in any order, and a redirector that pipelines them must not mind.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply_to_all, partings, server_wires


class Reorder:
    """Let the next message overtake those by which uses end, on all wires to the server."""

    name = "reorder"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        toxics = partings(random, "reorder", random.randint(0, 1))
        return await apply_to_all(server_wires(field), length_s, *toxics)


KIND = Reorder()
