"""The disk is full: logs, a quota, other people's profiles.

STATUS_DISK_FULL at the write, not at the close, and what had been written stays whole. See
Linux's cifs.ko, where a deferred write's ENOSPC was lost with the close.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import spoil_disk


class Enospc:
    """Let every write of the server fail with ENOSPC."""

    name = "enospc"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await spoil_disk(field, length_s, "write", "ENOSPC")


KIND = Enospc()
