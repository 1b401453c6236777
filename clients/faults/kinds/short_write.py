"""A write does only a part, as POSIX allows: a nearly full disk, a signal, a network disk.

Whoever does not go on with the rest has a hole in the file and an acknowledged write.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import spoil_disk


class ShortWrite:
    """Let writes of the server be done in part only."""

    name = "short_write"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        return await spoil_disk(field, length_s, "write", "short", random.randint(1, 2))


KIND = ShortWrite()
