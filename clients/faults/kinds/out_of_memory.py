"""A daemon gets no more memory and dies of it: a container's limit, a greedy neighbour.

It dies in the middle of anything, and is started again by whoever watches over it.
"""

import functools
from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import chosen, healing


class OutOfMemory:
    """Let a program have hardly more memory; in the end it is dead and started again."""

    name = "out_of_memory"
    band = "process"
    needs: tuple[str, ...] = ("memory_limit",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        program = field.programs[chosen(random, list(field.programs))]
        async with healing(functools.partial(program.limit_memory, None), program.restart):
            if not await program.limit_memory(0):
                await trio.sleep(length_s)
            if not await program.limit_memory(0):
                await program.kill()  # it lived on what it had: the kernel's choice falls on it
        return 1


KIND = OutOfMemory()
