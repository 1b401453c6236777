"""A redirector at work while its server is killed, and its link is cut, again and again.

Whatever it asks once is done once, whatever was acknowledged is there, and what it has open it
keeps; a model to which nothing ever happens says how the disk must look.
"""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from tests.playbook import play, uses
from tests.stories.returning import SUCCESS
from tests.stories.returning import named as named_peer
from tests.stories.test_journal import KEPT
from tests.stories.test_once import once

NAMES = [f"n{number}" for number in range(6)]
STEPS = 60
MAKE = (f.FILE_READ_DATA | f.FILE_WRITE_DATA, f.SHARE_ALL, f.FILE_CREATE, 0, f.LEASE_RWH)


class Worker:
    """Does one thing after the other, and takes everything up again when the link is lost.

    `disk` is what the share must hold: contents of files, None for a folder.
    """

    def __init__(self, peer: Any, tree: int, random: Random) -> None:
        self.peer = peer
        self.tree = tree
        self.random = random
        self.disk: dict[str, bytes | None] = {}
        self.opened: dict[str, int] = {}
        self.closing = 0  # perhaps it is closed: the answer was lost
        self.number = self.outages = 0

    async def ask(self, part: Any) -> Any:
        """Ask until there is an answer: once, if it is not for reading or closing."""
        repeats = isinstance(part, m.Close | m.Read)
        self.number += not repeats
        outages = self.outages
        while True:
            fields = [self.tree, *part.codec.to_fields(part)[1:]]
            here = type(part).codec.from_fields(fields, getattr(part, "data", b""))
            request = here if repeats else once(self.number, here, self.number - 1)
            try:
                reply = await self.peer.ask(request)
            except LinkLost:
                await self.return_to_work()
                continue
            if isinstance(reply, m.Created) and self.outages > outages:
                await self.find(reply.handle)
            return reply

    async def find(self, handle: int) -> None:
        """It was made over an earlier link, or over this one: take it up over this one."""
        try:
            await self.peer.reclaim(self.tree, 0, handle)
        except LinkLost:
            self.opened["(new)"] = handle
            await self.return_to_work()
            del self.opened["(new)"]

    async def return_to_work(self) -> None:
        """Come back over a newer link with all that was open."""
        self.outages += 1
        while True:
            await self.peer.lose()
            await trio.sleep(0.05)
            try:
                await self.peer.dial()
                tree = await self.peer.enter(reclaims=self.tree)
                handles = self.opened.values()
                got = await self.peer.reclaim(tree, self.tree, *handles)
            except LinkLost:
                continue
            for handle, one in zip(handles, got, strict=True):
                assert one.status == SUCCESS or handle == self.closing
            self.tree = tree
            return

    # --- what it does ---

    async def step(self) -> None:
        verbs = [self.create, self.create, self.append, self.mkdir, self.remove, self.rename]
        name, target = self.random.sample(NAMES, 2)
        await self.random.choice(verbs)(name, target)

    async def create(self, name: str, _: str) -> None:
        part = m.Create(0, name, *MAKE)
        if name in self.disk:
            with pytest.raises(Refused, match="STATUS_OBJECT_NAME_COLLISION"):
                await self.ask(part)
            return
        self.opened[name] = (await self.ask(part)).handle
        self.disk[name] = b""

    async def append(self, name: str, _: str) -> None:
        if name in self.opened:
            data = b"%d " % self.number
            await self.ask(m.Write(0, self.opened[name], m.APPEND, data))
            content = self.disk[name]
            assert content is not None
            self.disk[name] = content = content + data
            read = await self.ask(m.Read(0, self.opened[name], 0, 1000))
            assert content == read.data

    async def mkdir(self, name: str, _: str) -> None:
        if name in self.disk:
            with pytest.raises(Refused, match="STATUS_OBJECT_NAME_COLLISION"):
                await self.ask(m.MakeDirectory(0, name))
        else:
            await self.ask(m.MakeDirectory(0, name))
            self.disk[name] = None

    async def close(self, name: str) -> None:
        if name in self.opened:
            self.closing = self.opened[name]
            with suppress(Refused):  # it was closed, and nobody heard of it
                await self.ask(m.Close(0, self.closing))
            del self.opened[name]

    async def remove(self, name: str, _: str) -> None:
        await self.close(name)
        if name not in self.disk:
            with pytest.raises(Refused, match="STATUS_OBJECT_NAME_NOT_FOUND"):
                await self.ask(m.Unlink(0, name))
            return
        folder = self.disk.pop(name) is None
        await self.ask(m.RemoveDirectory(0, name) if folder else m.Unlink(0, name))

    async def rename(self, name: str, target: str) -> None:
        if name in self.disk and target not in self.disk:
            await self.ask(m.Rename(0, name, target))
            self.disk[target] = self.disk.pop(name)
            if name in self.opened:
                self.opened[target] = self.opened.pop(name)


async def break_things(s, peer, random, broken):
    """Cut the link, or kill the server and start it again soon after, for ever."""
    while True:
        await trio.sleep(random.expovariate(1 / 0.15))
        broken.append("cut" if random.random() < 0.5 else "kill")
        if broken[-1] == "cut":
            peer.cable.cut()
            continue
        await s.kill_server()
        await trio.sleep(random.choice([0.0, 0.01, 0.2]))
        await s.restart_server()


@pytest.mark.parametrize("seed", range(12))
async def test_everything_is_done_once_whatever_is_killed(seed, autojump_clock):
    random = Random(seed)
    async with play(seed=seed, server_options=KEPT) as s, named_peer(s) as peer:
        worker = Worker(peer, await peer.enter(), random)
        broken: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(break_things, s, peer, random, broken)
            for _ in range(STEPS):
                peer.cable.delay(random.choice([0.001, 0.02, 0.05]))
                await worker.step()
            nursery.cancel_scope.cancel()
        assert {"cut", "kill"} == set(broken)
        assert worker.outages > 2
        assert worker.disk == {name: content(s, name) for name in names(s)}
        if s._server.nursery is None:
            await s.restart_server()
            await worker.return_to_work()
        for name in list(worker.opened):
            await worker.close(name)
        assert (1, 0) == (uses(s), len(s.server.handles))


def names(s):
    return s.disks[0].open("", writable=False, create="never", directory=True)[0].names()


def content(s, name):
    if s.disks[0].identify(name)[1] == "directory":
        return None
    file, _ = s.disks[0].open(name, writable=False, create="never", directory=False)
    return file.read(0, 1000)
