"""A redirector dies without a word, with all its sessions, and is started again.

Its users log on again; the server must give back every use it held, once; and the newer epoch,
by its key, must free at once whatever a half-open link still holds.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import healing, some_redirector


class KillRedirector:
    """Kill a redirector, leave it dead for a while, start it again."""

    name = "kill_redirector"
    band = "process"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        redirector = some_redirector(field, random)
        async with healing(redirector.restart):
            await redirector.kill()
            await trio.sleep(random.uniform(0.0, min(1.0, length_s)))
        return 1


KIND = KillRedirector()
