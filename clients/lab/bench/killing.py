"""The share server killed at random points under live sessions, and started again at once.

What counts: how long until every session works again, whether each slot is back with who had
it, and whether any byte that was acknowledged is lost. A write counts as acknowledged when the
flush after it was answered.
"""

import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import trio

from clients.file import File
from clients.lab.bench.yardstick import Bench, Result
from clients.lab.daemons import GUEST, SERVER, SHARE, toml_lines
from clients.session import logon
from deploy.local import LocalProcess, python_module, start
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking

KILLS, SESSIONS = 100, 16
LIMIT_S = 5.0
PIECE_BYTES_MAX = 4_096
WORK_MAX_S = 0.3  # between all working again and the next kill
GIVE_UP_S = 60.0


async def killing(bench: Bench) -> Result:
    """From the kill -9 of the share server to all live sessions working, slots exact."""
    with tempfile.TemporaryDirectory(prefix="redlab-") as name:
        ordeal = _Ordeal(Path(name))
        await ordeal.run()
        lost = ordeal.lost_bytes()
    more = {
        "kills": KILLS,
        "sessions": SESSIONS,
        "median_s": round(statistics.median(ordeal.times), 2),
        "slots_exact": ordeal.exact,
        "acknowledged_bytes": sum(one.acknowledged for one in ordeal.writers),
        "lost_bytes": lost,
    }
    return Result("server-killed", max(ordeal.times), "s (max)", LIMIT_S, "the limit", more)


@dataclass(eq=False)
class _Writer:
    """One session that goes on writing to its file; `expected` is what its flushes promise."""

    number: int
    expected: bytes = b""
    acknowledged: int = 0
    flushes: int = 0
    progress: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    @property
    def name(self) -> str:
        return f"writer{self.number}.bin"

    async def write(self, file: File, random: Random) -> None:
        """Write one piece somewhere in the file and flush it."""
        piece = random.randbytes(random.randint(1, PIECE_BYTES_MAX))
        offset = random.randint(0, len(self.expected))
        await file.seek(offset)
        await file.write(piece)
        await file.fsync()
        self.expected = self.expected[:offset] + piece + self.expected[offset + len(piece) :]
        self.acknowledged += len(piece)
        self.flushes += 1
        self.progress.unpark_all()

    async def wait_flushes(self, count: int) -> None:
        """Wait until so many flushes were answered."""
        while self.flushes < count:
            await self.progress.park()

    def lost_in(self, content: bytes) -> int:
        """How many bytes are not as they were acknowledged."""
        differ = sum(a != b for a, b in zip(self.expected, content, strict=False))
        return differ + abs(len(self.expected) - len(content))


class _Ordeal:
    """The daemons of such a run, and what it found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._random = Random(0)
        self.share = folder / SHARE
        self.writers = [_Writer(number) for number in range(SESSIONS)]
        self.times: list[float] = []
        self.exact = 0
        self._over = False

    async def run(self) -> None:
        """Kill, start again, wait for all, so many times."""
        self.share.mkdir()
        async with trio.open_nursery() as nursery:
            server = await nursery.start(self._serve)
            async with self._redirector() as at, trio.open_nursery() as working:
                for writer in self.writers:
                    await working.start(self._work, at, writer)
                for _ in range(KILLS):
                    await trio.sleep(self._random.uniform(0, WORK_MAX_S))
                    server = await self._kill_and_wait(nursery, server)
                self._over = True
            nursery.cancel_scope.cancel()

    async def _kill_and_wait(self, nursery: trio.Nursery, server: LocalProcess) -> LocalProcess:
        began = time.perf_counter()
        await server.kill()
        aims = [writer.flushes + 2 for writer in self.writers]  # one may have been on its way
        server = await nursery.start(self._serve)
        with trio.fail_after(GIVE_UP_S):
            for writer, aim in zip(self.writers, aims, strict=True):
                await writer.wait_flushes(aim)
        self.times.append(time.perf_counter() - began)
        shares = await asking(
            lambda link: ask_view("shares", link), parse(self._address("server"))
        )
        self.exact += shares[0]["uses"] == SESSIONS
        return server

    async def _serve(self, *, task_status: trio.TaskStatus[LocalProcess]) -> None:
        """Run a share server until it is killed."""
        settings = {
            "listen": [self._address("server")],
            "journal": str(self._folder / "journal.sqlite"),
            "accounts": {GUEST: {"guest": True}},
            "shares": {SHARE: {"path": str(self.share), "uses_max": SESSIONS}},
        }
        async with start(self._command("shareserver", settings)) as process:
            task_status.started(process)
            await process.process.wait()

    @asynccontextmanager
    async def _redirector(self) -> AsyncIterator[str]:
        settings = {
            "listen": [self._address("redird")],
            "servers": {SERVER: self._address("server")},
        }
        async with start(self._command("redird", settings)):
            yield self._address("redird")

    def _address(self, program: str) -> str:
        return f"unix:{self._folder}/{program}.sock"

    def _command(self, program: str, settings: Mapping[str, Any]) -> list[str]:
        config = self._folder / f"{program}.toml"
        config.write_text("".join(toml_lines(settings)))
        return python_module(program, "serve", "--json", "--config", str(config))

    async def _work(
        self, at: str, writer: _Writer, *, task_status: trio.TaskStatus[None]
    ) -> None:
        random = Random(writer.number)
        async with (
            logon(at, GUEST) as session,
            session.open(rf"\\{SERVER}\{SHARE}\{writer.name}", "wb") as file,
        ):
            await writer.write(file, random)
            task_status.started()
            while not self._over:
                await writer.write(file, random)

    def lost_bytes(self) -> int:
        """How many acknowledged bytes are not on the disk; nothing is in flight any more."""
        return sum(
            writer.lost_in((self.share / writer.name).read_bytes()) for writer in self.writers
        )
