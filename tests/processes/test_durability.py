"""What a close promises, and what a flush does: nothing acknowledged is lost, and nothing that
went wrong is swallowed.

A close that was answered has its bytes in the server's kernel, whoever is killed then; a flush
that was answered has them on its disk. An error of the disk is told once, by the write itself
or by the next write, flush or close of the file. `--kills N` looks for a byte lost more often.
"""

import os
import re
import signal
from dataclasses import dataclass, field
from random import Random

import pytest
import trio

from clients.errors import LinkFailed, SessionError
from clients.session import logon
from redird.wire.status import Status
from tests.processes.daemons import small_disk, stage, wait_until
from tests.processes.tracing import traced

WRITERS = 3
FILES = 8  # of each writer, used again and again
KILLED_AFTER_MAX = 60  # closes
PIECE_BYTES_MAX = 100_000
EIO, FULL = Status.STATUS_IO_DEVICE_ERROR, Status.STATUS_DISK_FULL


# --- killed -----------------------------------------------------------------------------------


@dataclass
class Closed:
    """What closes have promised: contents by name, and which are in question."""

    kill_after: int
    contents: dict[str, bytes] = field(default_factory=dict)
    uncertain: set[str] = field(default_factory=set)
    refused: set[Status] = field(default_factory=set)
    count: int = 0
    enough: trio.Event = field(default_factory=trio.Event)

    def closed(self, name, content):
        self.contents[name] = content
        self.uncertain.discard(name)
        self.count += 1
        if self.count >= self.kill_after:
            self.enough.set()


async def write_until_killed(at, promised, writer, random):
    """Write files anew, change them in place, append, close; until the link is lost."""
    try:
        async with logon(at, "guest") as session:
            while True:
                name = f"{writer}.{random.randrange(FILES)}"
                promised.uncertain.add(name)
                content = promised.contents.get(name, b"")
                mode = random.choice(("wb", "r+b", "ab")) if content else "wb"
                async with session.open(f"//files/docs/{name}", mode) as file:
                    content = await scribble(file, mode, content, random)
                promised.closed(name, content)
    except LinkFailed:
        return
    except SessionError as no:  # the redirector lives, and has lost the server
        promised.refused.add(no.status)


LOST = {
    Status.STATUS_CONNECTION_DISCONNECTED,
    Status.STATUS_NETWORK_NAME_DELETED,
    Status.STATUS_FILE_CLOSED,
    Status.STATUS_BAD_NETWORK_PATH,
}


async def scribble(file, mode, content, random):
    """Write a few pieces, each in a place that the mode allows; returns the content then."""
    content = b"" if mode == "wb" else content
    for _ in range(random.randint(1, 5)):
        piece = random.randbytes(random.choice((1, 100, 4096, PIECE_BYTES_MAX)))
        offset = len(content) if mode == "ab" else random.randint(0, len(content))
        if mode != "ab":
            await file.seek(offset)
        await file.write(piece)
        content = content[:offset] + piece + content[offset + len(piece) :]
    return content


@pytest.mark.time_limit(3600)
async def test_nothing_that_was_closed_is_lost_whoever_is_killed(tmp_path, kills):
    for number in range(kills):
        random = Random(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        promised = Closed(random.randrange(KILLED_AFTER_MAX))
        preset = ("sp6", "win10")[number // 2 % 2]
        async with stage(folder, preset=preset) as house, trio.open_nursery() as nursery:
            for writer in range(WRITERS):
                writing = (house.redirector.unix, promised, writer, Random(random.random()))
                nursery.start_soon(write_until_killed, *writing)
            with trio.fail_after(30):
                await promised.enough.wait()
            await trio.sleep(random.random() * 0.005)
            victim = (house.redirector, house.server)[number % 2]
            os.kill(victim.pid, signal.SIGKILL)
            await victim.local.process.wait()
        assert promised.refused <= LOST
        for name in set(promised.contents) - promised.uncertain:
            lost = promised.contents[name] != (house.docs / name).read_bytes()
            assert not lost, f"kill {number}: {name} is not what its close said"


# --- what the disk says -----------------------------------------------------------------------


async def told(session, name, *pieces):
    """Write, flush, close; returns what each step that was refused said."""
    refusals = []
    try:
        async with session.open(name, "wb") as file:
            for number, piece in enumerate(pieces):
                try:
                    await file.write(piece)
                except SessionError as no:
                    refusals.append((f"write {number}", no.status))
            for _ in "12":
                try:
                    await file.fsync()
                except SessionError as no:
                    refusals.append(("flush", no.status))
    except SessionError as no:
        refusals.append(("close", no.status))
    return refusals


async def test_a_flush_is_answered_when_the_disk_has_what_was_written(tmp_path, requires):
    trace = tmp_path / "trace"
    async with stage(tmp_path) as house, logon(house.redirector.unix, "guest") as session:
        with traced(requires, house.server, trace, "pwrite64", "fsync", "fdatasync"):
            async with session.open("//files/docs/a", "wb") as file:
                await file.write(b"one" * 1000)
                await file.write(b"two" * 1000)
                await file.fsync()
                await wait_until(lambda: "sync(" in trace.read_text())
                calls = re.findall(r"(\w+)\(\d+<\S*/docs/a>", trace.read_text())

    assert "pwrite64" in calls
    assert calls[-1] in ("fsync", "fdatasync")


async def test_a_flush_that_fails_is_told_to_who_asked_once(tmp_path, requires):
    trace, fail = tmp_path / "trace", "fsync:error=EIO:when=2"
    async with stage(tmp_path) as house, logon(house.redirector.unix, "guest") as session:
        with traced(requires, house.server, trace, "fsync", inject=fail):
            async with session.open("//files/docs/a", "wb") as file:
                await file.write(b"text")
                await file.fsync()
                with pytest.raises(SessionError) as no:
                    await file.fsync()
                await file.fsync()

    assert (EIO, "//files/docs/a") == (no.value.status, no.value.subject)


async def test_a_write_that_fails_is_told_once(tmp_path, requires):
    trace, fail = tmp_path / "trace", "pwrite64:error=EIO:when=1"
    async with stage(tmp_path) as house, logon(house.redirector.unix, "guest") as session:
        with traced(requires, house.server, trace, "pwrite64", inject=fail):
            refusals = await told(session, "//files/docs/a", b"one", b"two")
            assert [] == await told(session, "//files/docs/b", b"one", b"two")

    assert [EIO] == [status for _, status in refusals]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
async def test_a_disk_that_fills_up_is_told_once_and_harms_nothing_closed(tmp_path):
    kept, large = os.urandom(300_000), os.urandom(900_000)
    with small_disk(tmp_path / "docs"):
        async with (
            stage(tmp_path) as house,
            logon(house.redirector.unix, "guest") as session,
        ):
            assert [] == await told(session, "//files/docs/kept", kept)
            refusals = await told(session, "//files/docs/large", large)
            assert kept == (house.docs / "kept").read_bytes()
            await session.unlink("//files/docs/large")
            assert [] == await told(session, "//files/docs/small", b"fits")

    assert [FULL] == [status for _, status in refusals]
