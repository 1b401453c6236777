"""What breaks a real process from outside: its disk, its clock, its limits, its life."""

import errno
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from clients.lab.faulting import clocks, disks
from clients.lab.faulting.clocks import FakeClock
from clients.lab.faulting.disks import StraceDisk
from clients.lab.faulting.memory import MemoryLimit
from clients.lab.faulting.programs import RealProgram
from tests.processes.daemons import wait_until

# Writes, syncs, and says after each how it went.
WRITER = """
import os, sys, time
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
while True:
    for name, act in (("write", lambda: os.pwrite(file, b"x" * 10, 0)),
                      ("fsync", lambda: os.fsync(file))):
        try:
            print(name, act(), flush=True)
        except OSError as error:
            print(name, -error.errno, flush=True)
    time.sleep(0.01)
"""


@asynccontextmanager
async def running(*command, env=None):
    """A process, and the lines it says."""
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, env=env)
    output = process.stdout
    assert output is not None
    lines, closed = trio.open_memory_channel[str](10_000)

    async def read():
        rest = b""
        while data := await output.receive_some():
            *whole, rest = (rest + bytes(data)).split(b"\n")
            for line in whole:
                with suppress(trio.WouldBlock):
                    lines.send_nowait(line.decode())

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            try:
                yield process, closed
            finally:
                process.kill()  # which ends its output, and the reading of it
    finally:
        with trio.CancelScope(shield=True):
            await process.wait()
            await trio.aclose_forcefully(output)


async def said(lines, count):
    """The next lines, from now on."""
    with suppress(trio.WouldBlock):
        while True:
            lines.receive_nowait()
    with trio.fail_after(20):
        return Counter([await lines.receive() for _ in range(count)])


@pytest.mark.parametrize(
    ("call", "error", "line"),
    [
        ("write", "EIO", f"write -{errno.EIO}"),
        ("write", "ENOSPC", f"write -{errno.ENOSPC}"),
        ("write", "short", "write 0"),
        ("fsync", "EIO", f"fsync -{errno.EIO}"),
    ],
)
async def test_a_disk_fails_a_program_from_outside_and_is_well_again(
    tmp_path, requires, call, error, line
):
    requires("strace")
    if reason := await disks.why_no_strace():
        pytest.skip(reason)
    async with running(sys.executable, "-c", WRITER, str(tmp_path / "file")) as (
        process,
        lines,
    ):
        disk = StraceDisk(lambda: process.pid, tmp_path)
        assert {"write 10", "fsync None"} == set(await said(lines, 4))
        await disk.begin(call, error, 2)
        ill = await said(lines, 40)
        met = await disk.heal()
        well = await said(lines, 20)

        assert {"write 10", "fsync None", line} == set(ill)
        assert 0 < ill[line] <= met
        assert {"write 10", "fsync None"} == set(well)
        assert 0 == await disk.heal()
        assert "TracerPid:\t0" in (await trio.Path(f"/proc/{process.pid}/status").read_text())


async def test_a_clock_jumps_for_one_program_and_only_on_the_wall(tmp_path, requires):
    requires("faketime")
    clock = FakeClock(tmp_path)
    if clock.missing:
        pytest.skip(f"needs package {clocks.LIBRARIES[0]} (Debian: faketime)")
    script = (
        "import select, time\n"
        "while True:\n"
        "    print(time.time() - time.monotonic(), flush=True)\n"
        "    select.select([], [], [], 0.01)\n"
    )
    async with running(sys.executable, "-c", script, env=clock.env("one")) as (_, lines):

        async def offset():
            return float(next(iter(await said(lines, 1))))

        usual = await offset()
        await clock.step("one", 3600)
        ahead = await offset() - usual
        await clock.step("two", -50)
        await clock.heal()
        again = await offset() - usual

    assert 3598 < ahead < 3602
    assert -2 < again < 2
    assert {"one", "two"} == clock.stepped


async def test_memory_runs_out_for_one_process_until_the_limit_is_lifted():
    grow = (
        "import time\n"
        "while True:\n"
        "    try: print(len(bytearray(64 * 2**20)), flush=True)\n"
        "    except MemoryError: print('none', flush=True)\n"
        "    time.sleep(0.01)\n"
    )
    async with running(sys.executable, "-c", grow) as (process, lines):
        assert {str(64 * 2**20)} == set(await said(lines, 2))
        limit = MemoryLimit(process.pid, 0, roots=())
        assert {"none"} == set(await said(lines, 5))
        limit.lift()
        assert {str(64 * 2**20)} == set(await said(lines, 5))


@asynccontextmanager
async def program(folder):
    (folder / "share").mkdir()
    told: list = []
    settings = {
        "listen": ["tcp:127.0.0.1:0", f"unix:{folder}/s.sock"],
        "accounts": {"guest": {"guest": True}},
        "shares": {"docs": {"path": str(folder / "share")}},
    }
    made = RealProgram(
        "server", "shareserver", folder, settings, None, lambda *one: told.append(one)
    )
    await made.restart()
    try:
        yield made, told
    finally:
        await made.end()


async def test_a_program_keeps_its_address_over_its_lives_and_acts_are_harmless(tmp_path):
    async with program(tmp_path) as (server, told):
        at, first = server.address("tcp"), server.pid
        await server.kill()
        for act in (server.kill, server.stop, server.go_on):
            await act()
        await server.limit_files(0)
        assert (None, {}) == (server.pid, server.counts())
        await server.restart()
        await server.restart()

        assert at == server.address("tcp")
        assert first != server.pid is not None
        assert [("started", 1), ("killed", 1), ("started", 2)] == told
        assert [] == server.deaths
    assert server.pid is None


async def test_a_program_that_ends_by_itself_is_seen_and_started_again(tmp_path):
    async with program(tmp_path) as (server, told), trio.open_nursery() as nursery:
        nursery.start_soon(server.watch)
        os.kill(server.pid, signal.SIGKILL)
        await wait_until(lambda: ("started", 2) in told)
        nursery.cancel_scope.cancel()

    assert ["server ended by itself, with status -9"] == server.deaths


async def test_a_program_that_may_open_nothing_more_may_again_later(tmp_path):
    async with program(tmp_path) as (server, _):
        assert await server.view("shares")

        async def closed():  # a link of the look before may have to end first
            await server.limit_files(0)
            return not await server.view("shares")

        await wait_until(closed)
        await server.limit_files(None)

        assert await server.view("shares")
