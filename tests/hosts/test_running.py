"""A command on an emulated host is as it is here: one run of `visitor.py` serves most tests."""

import functools
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from deploy.hosts.host import Host, HostError, LimitReached
from deploy.hosts.running import reach, running
from tests.hosts import visitor
from tests.hosts.abi import MACHINES
from tests.processes.alive import Process, runs, started_by, wait_for
from tests.processes.daemons import share_server

CLOCK_ASKS = 20
CLOCK_OFF_MAX_S = 0.02
BROUGHT = "LICENSE"
REDLAB = (sys.executable, "-m", "clients.lab")
BYTES = bytes(range(256)) * 2000
LIMIT_S = 200


@dataclass(frozen=True)
class Visit:
    """What one run of the visitor was like."""

    found: dict[str, Any]
    echoed: bytes
    stderr: str
    status: int
    clock: tuple[float, float]  # seconds that asking took; seconds that it is ahead


@functools.cache
def visited(host: Host) -> Visit:
    """Run the visitor on a host with `redlab hosts run`."""
    with tempfile.TemporaryDirectory(prefix="visited-") as folder:
        return trio.run(_visit, host, Path(folder))


async def _visit(host: Host, folder: Path) -> Visit:
    async with share_server(folder) as (server, docs):
        await trio.Path(docs, "a.txt").write_text("here")
        run = ("hosts", "run", host.name, "--file", BROUGHT, "--limit-s", str(LIMIT_S), "--")
        visit = (visitor.__file__, BROUGHT, reach(host, server.tcp))
        return await trio.to_thread.run_sync(_talk, [*REDLAB, *run, *visit])


def _talk(command: list[str]) -> Visit:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as redlab:
        clocks = [ask_clock(redlab) for _ in range(CLOCK_ASKS)]
        out, err = redlab.communicate(b"go\n" + BYTES, timeout=LIMIT_S)
    line, _, echoed = out.partition(b"\n")
    found = json.loads(line) if line.startswith(b"{") else {}
    return Visit(found, echoed, err.decode(), redlab.returncode, min(clocks))


def ask_clock(redlab: subprocess.Popen[bytes]) -> tuple[float, float]:
    """How long asking took, and how far the clock there is ahead of ours at its middle."""
    assert redlab.stdin is not None
    assert redlab.stdout is not None
    asked_s = time.time()
    redlab.stdin.write(b"clock\n")
    redlab.stdin.flush()
    line = redlab.stdout.readline()
    heard_s = time.time()
    assert line, redlab.stderr and redlab.stderr.read()
    return heard_s - asked_s, int(line) / 1e9 - (asked_s + heard_s) / 2


@pytest.fixture
def visit(host: Host) -> Visit:
    return visited(host)


def test_the_status_comes_back(visit):
    assert visitor.STATUS == visit.status, visit.stderr


def test_every_byte_goes_in_and_comes_out(visit):
    assert BYTES == visit.echoed


def test_standard_error_comes_apart(visit):
    assert "apart\n" == visit.stderr


def test_it_is_another_machine_and_its_python_can_be_started_again(host, visit):
    expected = (MACHINES[host.arch], MACHINES[host.arch], [3, 11])

    assert expected == (
        visit.found["machine"],
        visit.found["respawned"],
        visit.found["python"],
    )


def test_files_and_the_working_folder_are_where_they_are_here(visit):
    assert str(Path.cwd()) == visit.found["folder"]
    assert Path(BROUGHT).read_text() == visit.found["brought"]


def test_a_session_there_reads_through_a_redirector_there_from_a_server_here(visit):
    assert "here" == visit.found["read"]


def test_the_clock_agrees(visit):
    # What a question takes is not known to be the same both ways.
    asking_s, ahead_s = visit.clock

    assert abs(ahead_s) < CLOCK_OFF_MAX_S + asking_s / 2


async def test_a_limit_ends_it_and_nothing_is_left(host):
    async with running(host, ["python3", "-c", "input()"], limit_s=2) as guest:
        with pytest.raises(LimitReached, match=f"{host.name}: ended after its limit of 2 s"):
            await guest.wait()
        assert not runs(guest.pid)


async def test_a_guest_whose_qemu_is_killed_says_so(host):
    async with running(host, ["python3", "-c", "input()"]) as guest:
        guest.kill()
        if host.mode == "system":
            with pytest.raises(HostError, match=f"{host.name}: ended before its command did"):
                await guest.wait()
        else:
            assert 128 + signal.SIGKILL == await guest.wait()
        assert b"" == await guest.stdout.receive_some()


@pytest.mark.time_limit(120)
async def test_a_machine_that_switches_itself_off_leaves_its_last_words(machine):
    words = "echo last words > /dev/console; busybox poweroff -f"
    async with running(machine, ["busybox", "sh", "-c", words]) as guest:
        with pytest.raises(HostError, match="last words"):
            await guest.wait()


def test_nothing_is_left_when_redlab_is_killed(host):
    command = [*REDLAB, "hosts", "run", host.name, "--", "python3", "-c", "input()"]
    started: dict[Process, str] = {}

    def qemu_runs() -> bool:
        started.update(started_by(redlab.pid))
        return any("qemu" in text.partition("\0")[0] for text in started.values())

    with subprocess.Popen(command, stdin=subprocess.PIPE) as redlab:
        wait_for(qemu_runs, "QEMU does not run")
        redlab.kill()
        wait_for(lambda: not any(map(runs, started)), f"{started} still run")
