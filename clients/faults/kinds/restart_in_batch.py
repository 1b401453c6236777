"""The server dies just as a CloseBatch is on its way, or just as its answer is.

Either it closed the handles and nobody knows, or it did not and somebody believes it: the
moment in which Q248371 comes back by another door.
"""

from random import Random

from clients.faults.field import Field
from clients.faults.injecting import SERVER, healing, one_way, server_wire, wait_touched
from clients.faults.toxics import DOWNSTREAM, UPSTREAM


class RestartInBatch:
    """Hold a CloseBatch or its answer back, kill the server meanwhile, start it again."""

    name = "restart_in_batch"
    band = "process"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        server, wire = field.programs[SERVER], server_wire(field, random)
        asked, answered = (UPSTREAM, "CloseBatch"), (DOWNSTREAM, "BatchClosed")
        stream, message = random.choice((asked, answered))
        toxic = one_way(random, "hold", stream, message=message)
        try:
            wire.add(toxic)
            count = await wait_touched(wire, [toxic], length_s)
            if count:
                async with healing(server.restart):
                    await server.kill()
        finally:
            wire.remove(toxic)
        return min(count, 1)


KIND = RestartInBatch()
