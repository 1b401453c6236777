"""A redirector stands still for a while (SIGSTOP, swapping, a paused VM) and goes on.

When it wakes it must not shoot its healthy peers for a silence that was its own.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import healing, some_redirector


class StopRedirector:
    """Stop a redirector for a while."""

    name = "stop_redirector"
    band = "process"
    needs: tuple[str, ...] = ("stop",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        redirector = some_redirector(field, random)
        async with healing(redirector.go_on):
            await redirector.stop()
            await trio.sleep(length_s)
        return 1


KIND = StopRedirector()
