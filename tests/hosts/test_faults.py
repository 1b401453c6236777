"""A host whose power is cut, and one that sleeps: seen from outside, by its process alone.

Its share has one slot, so that whoever else gets in proves that the slot was free.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from clients.session import logon
from deploy.hosts.host import Host
from deploy.hosts.running import Guest, reach, running
from tests.hosts.played import SAFE_PATH
from tests.processes.daemons import Daemon, share_server, wait_until

SITTING = str(Path(__file__).with_name("sitting.py"))
SILENCE_MAX_S = 5.0
NAP_S = 1.5  # less than the redirector waits for its server
AT_ONCE_S = 2.0  # as its sockets close
START_MAX_S = 180.0  # beside other tests
STEP_MAX_S = 60.0
NATIVE = Host("native", "native")


class Sitter:
    """A host with one session on it, and the lines that it tells."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._heard = b""

    async def tells(self) -> dict[str, str]:
        """The next line."""
        while b"\n" not in self._heard:
            part = await self.guest.stdout.receive_some()
            assert part, "the host has ended"
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
        told: dict[str, str] = json.loads(line)
        return told

    async def wait_told(
        self, told: dict[str, str], within_s: float = STEP_MAX_S
    ) -> list[dict[str, str]]:
        """Lines until that one, with it."""
        lines: list[dict[str, str]] = []
        with trio.fail_after(within_s):
            while told not in lines:
                lines.append(await self.tells())
        return lines

    async def asleep(self) -> None:
        """Stop it, and hear what it had said before."""
        self.guest.pause()
        while True:
            with trio.move_on_after(0.5) as quiet:
                self._heard += await self.guest.stdout.receive_some()
            if quiet.cancelled_caught:
                self._heard = self._heard.rpartition(b"\n")[2]
                return


@asynccontextmanager
async def sitting(host: Host, folder: Path) -> AsyncIterator[tuple[Sitter, Daemon]]:
    """A host whose session reads `old`."""
    settings: dict[str, Any] = {"peer_silence_max_s": SILENCE_MAX_S, "echo_s": 1}
    async with share_server(folder, 1, **settings) as (server, docs):
        await trio.Path(docs, "note").write_bytes(b"old")
        command = ["python3", SITTING, reach(host, server.tcp)]
        files = {SITTING: Path(SITTING)}
        async with running(
            host, command, files=files, env=SAFE_PATH, log=folder / "log"
        ) as guest:
            sitter = Sitter(guest)
            await sitter.wait_told({"read": "old"}, START_MAX_S)
            yield sitter, server


async def kinds(server: Daemon) -> list[str]:
    return [fact["kind"].removeprefix("use_") for fact in await server.view("facts")]


async def freed_after_s(server: Daemon) -> float:
    """How long it takes until nobody has a slot."""

    async def is_free() -> bool:
        return not await server.uses()

    began = trio.current_time()
    await wait_until(is_free)
    return trio.current_time() - began


async def write_meanwhile(server: Daemon) -> None:
    """Somebody else takes the only slot, writes, and gives it back."""
    async with (
        logon(server.tcp, "guest") as other,
        other.open("//files/docs/note", "wb") as file,
    ):
        await file.write(b"new")


async def story(host: Host, folder: Path) -> None:
    """It naps, it sleeps for longer than it is waited for, and its power is cut."""
    async with sitting(host, folder) as (sitter, server):
        await naps(sitter, server)
        await oversleeps(sitter, server)
        sitter.guest.kill()
        assert await freed_after_s(server) < AT_ONCE_S


async def naps(sitter: Sitter, server: Daemon) -> None:
    await sitter.asleep()
    await trio.sleep(NAP_S)
    sitter.guest.resume()
    for _ in range(10):
        assert {"read": "old"} == await sitter.tells()
    assert ["admitted"] == await kinds(server)


async def oversleeps(sitter: Sitter, server: Daemon) -> None:
    await sitter.asleep()
    assert await freed_after_s(server) <= SILENCE_MAX_S + 1
    await write_meanwhile(server)
    sitter.guest.resume()
    lines = await sitter.wait_told({"read": "new"})

    # A look that was under way when it fell asleep may have seen what was there then.
    assert {"read": "old"} not in lines[1:]
    assert lines[-2:-1] in ([], [{"no": "STATUS_FILE_CLOSED"}], [{"read": "old"}]), lines
    assert ["admitted", "released", "admitted", "released"] == (await kinds(server))[:4]
    assert 1 == await server.uses()


async def test_this_host_sleeps_and_loses_its_power(tmp_path):
    await story(NATIVE, tmp_path)


@pytest.mark.time_limit(START_MAX_S + 120)
async def test_a_host_sleeps_and_loses_its_power(host, tmp_path):
    await story(host, tmp_path)
