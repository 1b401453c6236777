"""The disk takes its time: a RAID that rebuilds, a spun-down drive, a snapshot.

One slow file costs those who wait for it, not the server's every client.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import spoil_disk


class SlowDisk:
    """Let the server's writes be slow."""

    name = "slow_disk"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await spoil_disk(field, length_s, "write", "slow")


KIND = SlowDisk()
