"""The disk answers with an error now and then: a bad sector, a cable, a lost iSCSI path.

A write that failed was never acknowledged; the client hears STATUS_UNEXPECTED_IO_ERROR or the
like, never success.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import HEAL_MAX_S, SERVER


class Eio:
    """Let some writes of the server fail with EIO."""

    name = "eio"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        disk = field.disks[SERVER]
        await disk.begin("write", "EIO", random.randint(1, 4))
        try:
            await trio.sleep(length_s)
        finally:
            with trio.move_on_after(HEAL_MAX_S) as scope:
                scope.shield = True
                count = await disk.heal()
        return count


KIND = Eio()
