"""The disk is full: logs, a quota, other people's profiles.

STATUS_DISK_FULL at the write, not at the close, and what had been written stays whole. See
Linux's cifs.ko, where a deferred write's ENOSPC was lost with the close.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import HEAL_MAX_S, SERVER


class Enospc:
    """Let every write of the server fail with ENOSPC."""

    name = "enospc"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        disk = field.disks[SERVER]
        await disk.begin("write", "ENOSPC", 1)
        try:
            await trio.sleep(length_s)
        finally:
            with trio.move_on_after(HEAL_MAX_S) as scope:
                scope.shield = True
                count = await disk.heal()
        return count


KIND = Enospc()
