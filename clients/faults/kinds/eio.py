"""The disk answers with an error now and then: a bad sector, a cable, a lost iSCSI path.

A write that failed was never acknowledged; the client hears STATUS_UNEXPECTED_IO_ERROR or the
like, never success.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import spoil_disk


class Eio:
    """Let some writes of the server fail with EIO."""

    name = "eio"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await spoil_disk(field, length_s, "write", "EIO", random.randint(1, 4))


KIND = Eio()
