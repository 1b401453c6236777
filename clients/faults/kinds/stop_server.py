"""The server stands still for a while (SIGSTOP, swapping, a snapshot of its VM) and goes on.

Nobody lost anything: who waited may be answered late, and a peer is silent only when it had
the time to speak.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import SERVER, healing


class StopServer:
    """Stop the server for a while."""

    name = "stop_server"
    band = "process"
    needs: tuple[str, ...] = ("stop",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        server = field.programs[SERVER]
        async with healing(server.go_on):
            await server.stop()
            await trio.sleep(length_s)
        return 1


KIND = StopServer()
