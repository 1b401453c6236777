"""Forty users work while the link to their server is cut every few seconds, or it is killed."""

from random import Random

import pytest
import trio

from clients.errors import FileExists, FileMissing
from clients.lab.staging import virtual
from tests.playbook import USERS, at, enter, enter_directly, play, uses

PEOPLE = USERS[:40]
LENGTH_S = 40.0


class Worker:
    """One user: what he was told must be what he did, each step once."""

    def __init__(self, session, random):
        self.session, self.random = session, random
        self.files: dict[str, str] = {}  # what each holds, as he knows it
        self.log = ""
        self.steps = 0

    def name(self):
        return f"{self.session.user}-{self.random.randrange(4)}"

    async def work(self, until):
        async with self.session.open(at(f"{self.session.user}-log"), "w") as log:
            while trio.current_time() < until:
                step = self.random.choice(
                    [self.make, self.unlink, self.rename, self.look, self.rewrite, self.append]
                )
                await step()
                line = f"{self.steps};"
                await log.write(line)
                self.log += line
                if self.random.random() < 0.1:
                    await log.fsync()
                self.steps += 1
                await trio.sleep(3 * self.random.random())

    async def make(self):
        name = self.name()
        try:
            async with self.session.open(at(name), "x") as file:
                assert name not in self.files
                await file.write(f"{self.steps}")
            self.files[name] = f"{self.steps}"
        except FileExists:
            assert name in self.files

    async def unlink(self):
        name = self.name()
        try:
            await self.session.unlink(at(name))
            del self.files[name]
        except FileMissing:
            assert name not in self.files

    async def rename(self):
        name, target = self.name(), self.name()
        try:
            await self.session.rename(at(name), at(target))
            assert name == target or target not in self.files
            self.files[target] = self.files.pop(name)
        except FileMissing:
            assert name not in self.files
        except FileExists:
            assert target in self.files

    async def look(self):
        mine = f"{self.session.user}-?"
        found = [entry.name for entry in await self.session.listdir(at(), mine)]
        assert sorted(self.files) == sorted(found)

    async def rewrite(self):
        name = self.name()
        try:
            async with self.session.open(at(name), "r+") as file:
                assert self.files[name] == await file.read()
                await file.write("+")
            self.files[name] += "+"
        except FileMissing:
            assert name not in self.files

    async def append(self):
        name = self.name()
        async with self.session.open(at(name), "a") as file:
            await file.write("a")
        self.files[name] = self.files.get(name, "") + "a"


async def cut_now_and_then(s, random, kills):
    while True:
        await trio.sleep(random.uniform(0.5, 4.0))
        if random.random() < kills:
            await s.kill_server()
            await trio.sleep(random.uniform(0.0, 3.0))
            await s.restart_server()
        elif random.random() < 0.5:
            s.redirector.cable.cut()
        else:
            s.redirector.cable.hold()  # half open: neither side hears the other
            await s.redirector.cable.near.aclose()


async def story(preset, seed, kills):
    random = Random(seed)
    options = {"journal": ":memory:"} if kills else {}
    async with play(preset, uses_max=len(PEOPLE), seed=seed, server_options=options) as s:
        s.redirector.delay_s = 0.001
        workers = [Worker(await enter(s, user), Random(f"{seed}{user}")) for user in PEOPLE]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut_now_and_then, s, random, kills)
            async with trio.open_nursery() as working:
                for worker in workers:
                    working.start_soon(worker.work, trio.current_time() + LENGTH_S)
            nursery.cancel_scope.cancel()
        if s.redirector.state.links["server"].outage is not None:
            await trio.sleep(30)
        assert len(PEOPLE) == uses(s)
        recovered = [
            fact
            for fact in s.redirector.state.facts.since(0, 100_000)
            if fact["kind"] == "link_recovered"
        ]
        assert len(recovered) > 5
        assert min(worker.steps for worker in workers) > 5
        for worker in workers:
            assert () == (await worker.session.logoff()).residue
        await look_at_the_disk(s, workers)


async def look_at_the_disk(s, workers):
    direct = await enter_directly(s, "u60")
    for worker in workers:
        for name, text in (*worker.files.items(), (f"{worker.session.user}-log", worker.log)):
            async with direct.open(at(name)) as file:
                assert text == await file.read(), name


@pytest.mark.parametrize(
    ("preset", "seed", "kills"), [("sp6", 1, 0.0), ("win10", 2, 0.0), ("win10", 3, 0.3)]
)
def test_each_call_is_answered_once_and_rightly(preset, seed, kills):
    virtual.run(story, preset, seed, kills, seed=seed)
