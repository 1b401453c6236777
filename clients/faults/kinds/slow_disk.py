"""The disk takes its time: a RAID that rebuilds, a spun-down drive, a snapshot.

One slow file costs those who wait for it, not the server's every client.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import HEAL_MAX_S, SERVER


class SlowDisk:
    """Let the server's writes be slow."""

    name = "slow_disk"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        disk = field.disks[SERVER]
        await disk.begin("write", "slow", 1)
        try:
            await trio.sleep(length_s)
        finally:
            with trio.move_on_after(HEAL_MAX_S) as scope:
                scope.shield = True
                count = await disk.heal()
        return count


KIND = SlowDisk()
