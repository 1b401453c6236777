"""A CloseBatch, TreeDisconnect or Logoff never arrives: a lost link's last packets.

The redirector must neither believe the slot free nor wait for ever. A stream from which a
message is missing is none any more, so the wire's links are reset in the end.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import apply_to_all, partings, server_wires


class Drop:
    """Lose the first messages by which uses end, on each wire to the server."""

    name = "drop"
    band = "network"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        wires = server_wires(field)
        count = await apply_to_all(wires, length_s, *partings(random, "drop", 1))
        for wire in wires if count else ():
            wire.cut()
        return count


KIND = Drop()
