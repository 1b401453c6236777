"""A stranger says it is a redirector that it is not: SMB1's VcNumber 0, by a second client.

In MS-CIFS (3.3.5.43) a SessionSetup with VcNumber 0 ends all other links of the same client's
name, whoever sends it; Samba has `reset on zero vc` off for that reason. Here the name needs
its key, and an epoch that is not newer ends nobody.
"""

from random import Random

from clients.faults.field import Field, FoundBroken, Identity
from clients.faults.injecting import some_redirector
from clients.faults.strangers import Stranger, guest, within
from redird.wire import messages as m

NEWER = 2**62  # than any epoch there is
TRIED_MAX = 64


class Takeover:
    """Come by a redirector's name with a wrong key, or with its key and a stale epoch."""

    name = "takeover"
    band = "protocol"
    needs: tuple[str, ...] = ("identity",)

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        true = field.identity(some_redirector(field, random).name)
        wrong = Identity(true.instance, f"{random.getrandbits(128):032x}")
        came = 0
        for identity, epoch in ((wrong, NEWER), (Identity(true.instance, ""), NEWER)):
            async with (
                within(length_s / 3),
                guest(field, identity=identity, epoch=epoch) as one,
            ):
                came += 1
                await _must_get_nothing(one)
        # A stale epoch with the true key is an older life of the redirector: it ends nobody.
        async with within(length_s / 3), guest(field, identity=true, epoch=0):
            came += 1
        return came


async def _must_get_nothing(one: Stranger) -> None:
    """Try to take up handles that a redirector has, or had, under trees before this one."""
    handles = tuple(range(1, TRIED_MAX))
    for before in range(max(1, one.tree - TRIED_MAX), one.tree):
        reply = await one.ask(m.Reclaim(one.tree, before, handles, True))
        if isinstance(reply, m.Reclaimed):
            got = [
                handle
                for handle, found in zip(handles, reply.handles, strict=True)
                if not found.status
            ]
            if got:
                raise FoundBroken(f"a stranger without the key was given handles {got}")


KIND = Takeover()
