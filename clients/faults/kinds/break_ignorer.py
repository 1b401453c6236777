"""A client takes a lease and never answers its break: hung, swapped out, or badly written.

NT's own redirector once did (Q163525). Windows waits 35 s for it and then takes it: whoever
wants that file waits so long, and nobody else.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.strangers import guest, within
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.link import Answer, Link


class BreakIgnorer:
    """Take a lease on a file, let another one want it, and do not answer the server."""

    name = "break_ignorer"
    band = "protocol"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        ignored: list[m.Message] = []

        async def never() -> m.Message:
            await trio.sleep_forever()
            raise AssertionError

        def ignore(link: Link, request: m.Message) -> Answer:
            ignored.append(request)
            return never()

        path = f"bait-{random.getrandbits(40):010x}"
        async with within(length_s), guest(field, ignore) as holder, guest(field) as other:
            await holder.ask(_create(holder.tree, path, f.LEASE_RWH, 0))
            await other.ask(_create(other.tree, path, 0, f.FILE_DELETE_ON_CLOSE))
            await trio.sleep_forever()
        return sum(isinstance(one, m.LeaseBreak) for one in ignored)


def _create(tree: int, path: str, lease: int, options: int) -> m.Create:
    options |= f.FILE_NON_DIRECTORY_FILE
    return m.Create(tree, path, f.ACCESS_ALL, f.SHARE_ALL, f.FILE_OPEN_IF, options, lease)


KIND = BreakIgnorer()
