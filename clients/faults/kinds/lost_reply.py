"""The server did it and the answer was lost with the link: the classic of every remote call.

Asked again it must not be done twice, and whoever asked must not be told that it failed:
`Once` and its replayed reply, or the reclaimed handle, answer.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import one_way, server_wire, wait_touched
from clients.faults.toxics import DOWNSTREAM


class LostReply:
    """Lose one answer of the server's, and then the link that should have brought it."""

    name = "lost_reply"
    band = "protocol"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        wire = server_wire(field, random)
        replies = (
            "Created",
            "TreeConnected",
            "BatchClosed",
            "Renamed",
            "Unlinked",
            "DataWritten",
        )
        toxics = [one_way(random, "drop", DOWNSTREAM, message=name) for name in replies]
        try:
            for toxic in toxics:
                wire.add(toxic)
            count = await wait_touched(wire, toxics, length_s)
        finally:
            for toxic in toxics:
                wire.remove(toxic)
        if count:
            wire.cut()
        return count


KIND = LostReply()
