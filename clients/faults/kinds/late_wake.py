"""A host sleeps for longer than anybody waits for it, and wakes: a laptop's lid, a paused VM.

To all others it was gone, its uses are others' by now; to itself no time has passed. What it
says first comes from a world that has ended, and must be fenced.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import healing, some_redirector


class LateWake:
    """Stop a redirector for longer than a peer's silence is borne."""

    name = "late_wake"
    band = "time"
    needs: tuple[str, ...] = ("stop",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        redirector = some_redirector(field, random)
        async with healing(redirector.go_on):
            await redirector.stop()
            await trio.sleep(max(length_s, 1.2 * field.silence_max_s))
        return 1


KIND = LateWake()
