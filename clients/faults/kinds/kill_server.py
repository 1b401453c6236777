"""The share server dies without a word (kill -9, a crash, the OOM killer) and is started again.

What was acknowledged must be there; sessions go on; newcomers must not take the slots of those
who were there, for as long as the server's grace lasts.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import SERVER, healing


class KillServer:
    """Kill the server, leave it dead for a while, start it again."""

    name = "kill_server"
    band = "process"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        server = field.programs[SERVER]
        async with healing(server.restart):
            await server.kill()
            await trio.sleep(random.uniform(0.0, min(1.0, length_s)))
        return 1


KIND = KillServer()
