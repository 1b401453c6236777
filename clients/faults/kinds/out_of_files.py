"""A daemon may open no more files (EMFILE): a low ulimit, a leak elsewhere in the process.

Opens and new links are refused with a status that says so; what is open goes on working.
"""

import functools
from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import chosen, healing


class OutOfFiles:
    """Let a program open hardly anything more, for a while."""

    name = "out_of_files"
    band = "process"
    needs: tuple[str, ...] = ("files_limit",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        program = field.programs[chosen(random, list(field.programs))]
        async with healing(functools.partial(program.limit_files, None)):
            await program.limit_files(random.randint(0, 3))
            await trio.sleep(length_s)
        return 1


KIND = OutOfFiles()
