"""fsync fails: the one error that may mean data already acknowledged to the page cache is gone.

PostgreSQL's fsyncgate (2018): the second fsync says success, and the pages are marked clean.
Whoever asked must be told at the first.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import HEAL_MAX_S, SERVER


class FailingFsync:
    """Let every fsync of the server fail."""

    name = "failing_fsync"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        disk = field.disks[SERVER]
        await disk.begin("fsync", "EIO", 1)
        try:
            await trio.sleep(length_s)
        finally:
            with trio.move_on_after(HEAL_MAX_S) as scope:
                scope.shield = True
                count = await disk.heal()
        return count


KIND = FailingFsync()
