"""A CloseBatch, TreeDisconnect or Logoff never arrives: a lost link's last packets.

The redirector must neither believe the slot free nor wait for ever. A stream from which a
message is missing is none any more, so the wire's links are reset in the end.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply, partings, server_wire


class Drop:
    """Lose the first messages by which uses end, on one wire to the server."""

    name = "drop"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        wire = server_wire(field, random)
        count = await apply(wire, length_s, *partings(random, "drop", 1))
        if count:
            wire.cut()
        return count


KIND = Drop()
