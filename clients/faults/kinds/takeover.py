"""A stranger says it is a redirector that it is not: SMB1's VcNumber 0, by a second client.

In MS-CIFS (3.3.5.43) a SessionSetup with VcNumber 0 ends all other links of the same client's
name, whoever sends it; Samba has `reset on zero vc` off for that reason. Here the name needs
its key, and an epoch that is not newer ends nobody.
"""

from random import Random

import trio

from clients.faults.field import Field, FoundBroken, Identity
from clients.faults.injecting import some_redirector
from clients.faults.strangers import Stranger, guest, within
from redird.wire import files as f
from redird.wire import messages as m

NEWER = 2**62  # than any epoch there is
TRIED_MAX = 64
NOTICED_S = 0.05  # after which a server knows that a link is lost


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
        async with within(length_s / 3):
            came += await _must_close_nothing(field, random)
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


async def _must_close_nothing(field: Field, random: Random) -> int:
    """Name a tree that somebody else has left as one's own: what is kept there stays.

    What is left under a second tree, which nobody names, tells whether anything was kept.
    """
    one, other = _somebody(random), _somebody(random)
    async with guest(field, identity=other, epoch=1) as taker:
        async with guest(field, identity=one, epoch=1) as leaver:
            trees = leaver.tree, await leaver.connect(field)
            handles = [await _opened(leaver, tree, f"{one.instance}-{tree}") for tree in trees]
        await trio.sleep(NOTICED_S)
        await taker.ask(m.Reclaim(taker.tree, trees[0], (), False))
        async with guest(field, identity=one, epoch=2) as again:
            kept = [
                await _takes_up(again, tree, handle)
                for tree, handle in zip(trees, handles, strict=True)
            ]
            if kept == [False, True]:
                raise FoundBroken(f"{other.instance} closed what {one.instance} had left")
    return 1


def _somebody(random: Random) -> Identity:
    return Identity(f"left-{random.getrandbits(40):010x}", f"{random.getrandbits(128):032x}")


async def _opened(leaver: Stranger, tree: int, path: str) -> int:
    options = f.FILE_NON_DIRECTORY_FILE | f.FILE_DELETE_ON_CLOSE
    access = f.FILE_READ_DATA | f.DELETE
    create = m.Create(tree, path, access, f.SHARE_ALL, f.FILE_OPEN_IF, options)
    reply = await leaver.ask(create)
    assert isinstance(reply, m.Created)
    return reply.handle


async def _takes_up(one: Stranger, before: int, handle: int) -> bool:
    """Whether a handle was kept; it is closed then."""
    reply = await one.ask(m.Reclaim(one.tree, before, (handle,), False))
    kept = isinstance(reply, m.Reclaimed) and not reply.handles[0].status
    if kept:
        await one.ask(m.Close(one.tree, handle))
    return kept


KIND = Takeover()
