"""Users who play a schedule on a stage, each over a way of its own to the same share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import trio

from clients.lab.staging.cable import Cable
from clients.lab.staging.stage import SERVER, Stage, stage
from clients.session import Client, Session
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from tests.playbook import SHARE, redirector, server
from tests.stories.filemodel import Op, Result

# Two users of a redirector under each of these presets, and one who has none: the server's.
PRESETS = ("win10", "sp6", "")
WAYS = (0, 0, 1, 1, 2)
DELAYS_S = (0.0, 0.0, 0.0, 0.001, 0.02, 0.3)
BY_HANDLE = ("close", "read", "write", "append", "truncate", "flush", "size", "doom")


class Actor:
    """One user; each verb is a method named as the model's, its result what the user saw."""

    def __init__(self, client: Client, user: str) -> None:
        self._client = client
        self._user = user
        self._session: Session
        self._tree = 0
        self._handles: dict[int, int] = {}

    async def enter(self) -> None:
        """Log on and connect."""
        self._session = await self._client.logon(self._user)
        self._tree = await self._session.connect(SERVER, SHARE)

    async def do(self, op: Op) -> Result:
        """Do it and return what is seen."""
        try:
            return await getattr(self, op.verb)(*op.args)
        except Refused as no:
            return no.status.name

    def can(self, op: Op) -> bool:
        """Whether the file to do it with was opened."""
        return op.verb not in BY_HANDLE or op.args[0] in self._handles

    async def _ask(self, request: m.Message) -> Any:
        return await self._client.link.request(request)

    async def open(
        self,
        key: int,
        path: str,
        access: int,
        share: int,
        disposition: int,
        doomed: bool = False,
    ) -> Result:
        options = f.FILE_NON_DIRECTORY_FILE | (f.FILE_DELETE_ON_CLOSE if doomed else 0)
        create = m.Create(self._tree, path, access, share, disposition, options)
        made = await self._ask(create)
        self._handles[key] = made.handle
        return made.action, made.info.size

    async def close(self, key: int) -> Result:
        await self._ask(m.Close(self._tree, self._handles.pop(key)))

    async def read(self, key: int, offset: int, length: int) -> Result:
        reply = await self._ask(m.Read(self._tree, self._handles[key], offset, length))
        return reply.data

    async def write(self, key: int, offset: int, data: bytes) -> Result:
        reply = await self._ask(m.Write(self._tree, self._handles[key], offset, data))
        return reply.offset, reply.info.size

    async def append(self, key: int, data: bytes) -> Result:
        return await self.write(key, m.APPEND, data)

    async def truncate(self, key: int, size: int) -> Result:
        reply = await self._ask(m.SetInfo(self._tree, self._handles[key], size))
        return reply.info.size

    async def flush(self, key: int) -> Result:
        await self._ask(m.Flush(self._tree, self._handles[key]))

    async def size(self, key: int) -> Result:
        reply = await self._ask(m.QueryInfo(self._tree, self._handles[key]))
        return reply.info.size

    async def doom(self, key: int, doomed: bool) -> Result:
        await self._ask(m.SetInfo(self._tree, self._handles[key], delete=doomed))

    async def stat(self, path: str) -> Result:
        info = (await self._ask(m.QueryInfo(self._tree, path))).info
        folder = info.kind == "directory"
        return folder, info.size, None if folder else info.mode

    async def resize(self, path: str, size: int) -> Result:
        return (await self._ask(m.SetInfo(self._tree, path, size))).info.size

    async def chmod(self, path: str, mode: int) -> Result:
        await self._ask(m.SetInfo(self._tree, path, mode=mode))

    async def unlink(self, path: str, posix: bool) -> Result:
        await self._ask(m.Unlink(self._tree, path, posix))

    async def mkdir(self, path: str) -> Result:
        await self._ask(m.MakeDirectory(self._tree, path))

    async def rmdir(self, path: str) -> Result:
        await self._ask(m.RemoveDirectory(self._tree, path))

    async def rename(self, path: str, target: str, replacing: bool, posix: bool) -> Result:
        await self._ask(m.Rename(self._tree, path, target, replacing, posix))

    async def list(self, path: str) -> Result:
        options = f.FILE_DIRECTORY_FILE
        access, share = f.FILE_READ_ATTRIBUTES, f.SHARE_ALL
        create = m.Create(self._tree, path, access, share, f.FILE_OPEN, options)
        handle = (await self._ask(create)).handle
        entries: list[m.Entry] = []
        try:
            while True:
                entries += (await self._ask(m.QueryDirectory(self._tree, handle))).entries
        except Refused:
            pass
        await self._ask(m.Close(self._tree, handle))
        return tuple(sorted((one.name, one.info.kind == "directory") for one in entries))

    async def relogon(self) -> Result:
        proof = await self._session.logoff()
        self._handles.clear()
        await self.enter()
        return list(proof.residue) or None

    async def sleep(self, seconds: float) -> Result:
        await trio.sleep(seconds)


@asynccontextmanager
async def company(seed: int) -> AsyncIterator[tuple[Stage, list[Actor]]]:
    """A stage with all actors logged on, and messages late by chance on every cable."""
    async with stage(server(), None, seed=seed) as s:
        presets = [preset for preset in PRESETS if preset]
        ways: list[Any] = [await s.add_redirector(redirector(name)) for name in presets]
        actors, cables = [], []
        for number, way in enumerate(WAYS):
            direct = way == len(ways)
            client = await (s.direct_client() if direct else s.client(ways[way]))
            actors.append(Actor(client, f"u{number + 1}"))
            cables.append(s.cable(client))
            await actors[-1].enter()
        random = Random(seed)
        for cable in [*cables, *(one.cable for one in ways)]:
            make_late(cable, random)
        yield s, actors


def make_late(cable: Cable, random: Random) -> None:
    """Each message that arrives draws how late those sent from now on will be."""
    for lane in (cable.up, cable.down):

        def redraw(_: str, lane: Any = lane) -> None:
            lane.delay_s = random.choice(DELAYS_S)

        lane.on_arrival = redraw
