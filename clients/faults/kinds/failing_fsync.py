"""fsync fails: the one error that may mean data already acknowledged to the page cache is gone.

PostgreSQL's fsyncgate (2018): the second fsync says success, and the pages are marked clean.
Whoever asked must be told at the first.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import spoil_disk


class FailingFsync:
    """Let every fsync of the server fail."""

    name = "failing_fsync"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await spoil_disk(field, length_s, "fsync", "EIO")


KIND = FailingFsync()
