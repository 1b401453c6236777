"""The share server is killed under load and started over its journal: its users see a pause."""

import functools
import sys
from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio

from clients.session import logon
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking
from tests.processes.daemons import redirector, share_server, wait_until
from tests.processes.mounts import mounted

USERS = 6
PAUSE_MAX_S = 5.0
AFTER_A_KILL_S = 0.3
WRITES = """
import os, sys
file = open(sys.argv[1], "wb", buffering=0)
file.write(b"before")
os.fsync(file)
print("before", flush=True)
sys.stdin.readline()
os.mkdir(os.path.join(os.path.dirname(sys.argv[1]), "folder"))
file.write(b" and after")
file.close()
print("after", flush=True)
"""


class House:
    """A redirector in front of a server that can be killed."""

    def __init__(self, folder):
        self.folder = folder
        self.stack = AsyncExitStack()
        self.server: Any = None
        self.docs: Any = None
        self.redirector: Any = None

    async def start_server(self):
        stack = AsyncExitStack()
        options: Any = {"journal": str(self.folder / "journal"), "grace_s": 30.0}
        made = share_server(self.folder, USERS + 1, **options)
        self.server, self.docs = await stack.enter_async_context(made)
        self.stack = stack

    async def kill_server(self):
        await self.server.local.kill()
        await self.stack.aclose()

    async def links(self):
        return await asking(functools.partial(ask_view, "links"), parse(self.redirector.unix))

    async def are_recovered(self, before):
        [link] = await self.links()
        return link["state"] == "up" and link["epoch"] > before


class Typist:
    """Appends numbered lines to a file of his own through one open, and makes folders."""

    def __init__(self, number):
        self.number = number
        self.lines = 0
        self.longest_s = 0.0

    async def work(self, at, stop):
        async with logon(at, "guest") as session:
            async with session.open(f"//files/docs/log{self.number}", "w") as log:
                while not stop.is_set():
                    began = trio.current_time()
                    await log.write(f"{self.lines}\n")
                    await log.fsync()
                    await session.mkdir(f"//files/docs/d{self.number}-{self.lines}")
                    self.lines += 1
                    self.longest_s = max(self.longest_s, trio.current_time() - began)
            assert () == (await session.logoff()).residue


@pytest.mark.time_limit(120)
async def test_all_live_sessions_go_on_after_each_kill(tmp_path, kills):
    house, typists = House(tmp_path), [Typist(number) for number in range(USERS)]
    await house.start_server()
    stop = trio.Event()
    async with redirector(tmp_path, house.server.unix, "win10") as house.redirector:
        async with trio.open_nursery() as nursery:
            for typist in typists:
                nursery.start_soon(typist.work, house.redirector.unix, stop)
            for _ in range(kills):
                await wait_until(functools.partial(all_have_moved_on, typists))
                [link] = await house.links()
                await house.kill_server()
                began = trio.current_time()
                await trio.sleep(AFTER_A_KILL_S)
                await house.start_server()
                await wait_until(functools.partial(house.are_recovered, link["epoch"]))
                assert trio.current_time() - began < 2 * PAUSE_MAX_S  # the half on an idle host
                assert USERS == await house.server.uses()
            await wait_until(functools.partial(all_have_moved_on, typists))
            stop.set()
        assert 0 == await house.server.uses()
    await house.stack.aclose()
    for typist in typists:
        lines = (house.docs / f"log{typist.number}").read_text().splitlines()
        assert [str(line) for line in range(typist.lines)] == lines
        folders = {one.name for one in house.docs.glob(f"d{typist.number}-*")}
        assert {f"d{typist.number}-{line}" for line in range(typist.lines)} == folders
        assert typist.longest_s > AFTER_A_KILL_S  # he noticed


async def all_have_moved_on(typists):
    """Whether every one has written more lines since."""
    before = [typist.lines for typist in typists]
    await trio.sleep(0.2)
    return all(t.lines > was for t, was in zip(typists, before, strict=True))


@pytest.mark.time_limit(120)
async def test_a_program_on_a_mount_sees_a_pause(tmp_path):
    house = House(tmp_path)
    await house.start_server()
    async with redirector(tmp_path, house.server.unix, "win10") as house.redirector:
        with mounted(house.redirector, tmp_path / "at") as at:
            holding = [sys.executable, "-c", WRITES, str(at / "a")]
            program = await trio.lowlevel.open_process(holding, stdin=-1, stdout=-1)
            assert program.stdin is not None
            assert program.stdout is not None
            assert b"before" == await line(program.stdout)
            await house.kill_server()
            began = trio.current_time()
            await program.stdin.send_all(b"\n")
            await trio.sleep(1)
            await house.start_server()
            assert b"after" == await line(program.stdout)
            assert 1 < trio.current_time() - began < 1 + 2 * PAUSE_MAX_S
            assert 0 == await program.wait()
            found = await trio.to_thread.run_sync((at / "a").read_bytes)
        assert b"before and after" == found
        assert ["a", "folder"] == sorted(one.name for one in house.docs.iterdir())
    await house.stack.aclose()


async def line(stream):
    """The next line that a program prints."""
    found = b""
    while not found.endswith(b"\n"):
        found += await stream.receive_some(1)
    return found.strip()
