"""A write does only a part, as POSIX allows: a nearly full disk, a signal, a network disk.

Whoever does not go on with the rest has a hole in the file and an acknowledged write.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import HEAL_MAX_S, SERVER


class ShortWrite:
    """Let writes of the server be done in part only."""

    name = "short_write"
    band = "disk"
    needs: tuple[str, ...] = ("disk",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        disk = field.disks[SERVER]
        await disk.begin("write", "short", random.randint(1, 2))
        try:
            await trio.sleep(length_s)
        finally:
            with trio.move_on_after(HEAL_MAX_S) as scope:
                scope.shield = True
                count = await disk.heal()
        return count


KIND = ShortWrite()
