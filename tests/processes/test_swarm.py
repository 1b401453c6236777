"""`redlab swarm` for real: it tells the truth, over several processes, also when they die."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from clients.lab.__main__ import main
from clients.swarm.line import leading, report
from clients.swarm.runner import Bounds, Target
from clients.swarm.trace import Trace, write
from clients.swarm.worker import Shard, ShardLate, run_shard
from clients.swarm.workload import Workload, generate
from deploy.local import python_module, start
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking
from tests.processes.alive import runs, started_by
from tests.processes.daemons import for_module, stage, wait_until

RUN_MAX_S = 60
START_MAX_S = 40
WORKER = "multiprocessing.spawn"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with for_module(stage(tmp_path_factory.mktemp("house"), uses_max=20)) as house:
        yield house


@pytest.fixture
def folder():
    """A temporary folder with a short name, for sockets in it have short ones."""
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


class Swarm:
    """A running `redlab swarm --json`."""

    def __init__(self, process, out):
        self.process = process
        self.out = out
        self.object = self.err = None
        self.started = {}

    async def wait_processes(self, *names):
        """Until children whose commands hold these names run; remembers them."""

        def all_run():
            assert self.process.returncode is None
            self.started |= started_by(self.process.pid)
            return all(
                names.count(name) <= sum(name in text for text in self.started.values())
                for name in names
            )

        with trio.fail_after(START_MAX_S):
            while not all_run():  # noqa: ASYNC110 - another program
                await trio.sleep(0.02)

    def pids(self, name):
        return [one[0] for one, text in self.started.items() if name in text]


@asynccontextmanager
async def swarm(out, *arguments, env=None):
    """Run it beside the block, and to its end after it."""
    command = [*python_module("clients.lab", "swarm", "--json", "--out", str(out)), *arguments]
    ended = {}

    async def read(name, stream):
        ended[name] = b"".join([part async for part in stream])

    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
        )
        one = Swarm(process, out)
        nursery.start_soon(read, "out", process.stdout)
        nursery.start_soon(read, "err", process.stderr)
        try:
            yield one
            with trio.fail_after(RUN_MAX_S):
                await process.wait()
        finally:
            with trio.CancelScope(shield=True):
                process.terminate()
                with trio.move_on_after(15):
                    await process.wait()
                process.kill()
                await process.wait()
    one.err = ended["err"].decode()
    assert "Traceback" not in one.err, one.err
    one.object = json.loads(ended["out"])


async def admitted(daemon_unix):
    rows = await asking(lambda link: ask_view("statistics", link), parse(daemon_unix))
    return rows[0]["uses_admitted"]


async def has_admitted(daemon_unix, count):
    return await admitted(daemon_unix) > count


@pytest.mark.time_limit(90)
async def test_a_stopped_server_is_seen_by_every_arrival_meanwhile(house, tmp_path):
    flags = ["--arrivals", "constant", "--rate", "40", "--duration-s", "10"]
    flags += ["--length", "constant", "--length-s", "0.05", "--visits", "0", "--no-report"]
    before = await admitted(house.server.unix)
    async with swarm(
        tmp_path, *flags, "--redird", house.redirector.unix, "--processes", "2"
    ) as one:
        await wait_until(lambda: has_admitted(house.server.unix, before + 1))
        house.server.local.pause()
        try:
            await trio.sleep(6)
        finally:
            house.server.local.resume()

    found = one.object
    assert (400, 400, 0, False) == tuple(
        found[key] for key in ("arrivals", "logons", "failed", "partial")
    )
    assert found["latency_ms"]["p50"] >= 1000
    assert found["latency_ms"]["p99"] >= 5000
    assert 0 == one.process.returncode


@pytest.mark.time_limit(90)
async def test_a_worker_that_is_killed_costs_its_own_shard_only(house, tmp_path):
    before = await admitted(house.server.unix)
    flags = ["--rate", "40", "--duration-s", "4", "--length-s", "0.1", "--limit", "20"]
    async with swarm(
        tmp_path, *flags, "--redird", house.redirector.unix, "--processes", "2"
    ) as one:
        await one.wait_processes(WORKER, WORKER)
        await wait_until(lambda: has_admitted(house.server.unix, before + 10))
        os.kill(one.pids(WORKER)[0], signal.SIGKILL)

    assert (True, 1) == (one.object["partial"], one.object["shards_lost"])
    assert one.object["admitted"] > 20
    assert "died" in one.err
    assert 1 == one.process.returncode
    assert json.loads((tmp_path / "results.json").read_text())["partial"] is True
    assert "Partial: " in (tmp_path / "report.html").read_text()
    assert {"latency.png", "slots.png"} <= {path.name for path in tmp_path.glob("*.png")}


@pytest.mark.time_limit(90)
@pytest.mark.parametrize("number", [signal.SIGINT])
async def test_a_signal_keeps_what_was_found_and_leaves_no_process(folder, tmp_path, number):
    flags = ["--rate", "40", "--duration-s", "60", "--length-s", "5", "--no-report"]
    flags += ["--processes", "2"]
    async with swarm(tmp_path, *flags, env=os.environ | {"TMPDIR": str(folder)}) as one:
        await one.wait_processes(WORKER, WORKER, "shareserver", "redird")
        [home] = {path.parent for path in folder.glob("redlab-*/server.sock")}
        await wait_until(lambda: has_admitted(f"unix:{home}/server.sock", 5))
        one.process.send_signal(number)

    assert one.object["partial"] is True
    assert one.object["admitted"] > 0
    assert one.object["failed"] == one.object["sessions_lost"] == 0
    assert 128 + number == one.process.returncode
    await wait_until(lambda: not any(runs(process) for process in one.started))
    assert [] == list(folder.iterdir())


@pytest.mark.time_limit(120)
async def test_the_shards_run_on_a_dask_cluster(house, tmp_path):
    pytest.importorskip("distributed")
    path = tmp_path / "day.jsonl"
    planned = tuple(generate(Workload(rate_per_s=40, duration_s=1, length_s=0.2), seed=1))
    path.write_text("".join(write(Trace(False, planned))))
    flags = ["--trace", str(path), "--no-report"]
    command = [sys.executable, "-m", "tests.processes.cluster"]
    async with start(command, ready_max_s=60) as cluster:
        [address] = cluster.addresses
        workers = started_by(cluster.process.pid)
        async with swarm(
            tmp_path, *flags, "--redird", house.redirector.unix, "--dask", address
        ) as one:
            pass
    assert 0 == one.process.returncode, one.err
    assert len(planned) == one.object["arrivals"] > 20
    assert len(planned) == one.object["admitted"] + one.object["refused"]
    assert one.object["partial"] is False
    await wait_until(lambda: not any(runs(process) for process in workers))


# --- the line between a worker and its leader ---------------------------------------------


@asynccontextmanager
async def led(folder, token="right"):
    """A leader, and a worker that reports to it; gives both and what the worker knows."""
    stopped = trio.Event()
    async with (
        leading(f"unix:{folder}/line.sock", "right") as lead,
        trio.open_nursery() as nursery,
    ):
        hello = {"token": token, "shard": 3}
        nursery.start_soon(report, lead.address, hello, lambda: {"logons": 7}, stopped.set)
        yield lead, stopped
        nursery.cancel_scope.cancel()


async def test_a_leader_sees_its_workers_and_stops_them(folder):
    async with led(folder) as (lead, stopped):
        await wait_until(lambda: lead.snapshots)
        assert {3: {"logons": 7}} == lead.snapshots
        assert not stopped.is_set()
        await lead.stop()
        await stopped.wait()


async def test_a_stranger_on_the_line_is_not_believed(folder):
    async with led(folder, token="wrong") as (lead, stopped):
        await stopped.wait()  # the line was closed on it

        assert {} == lead.snapshots


@pytest.mark.parametrize("noise", [b"\xff\n", b"[]\n", b"x" * 2_000_000, b""])
async def test_noise_on_the_line_ends_that_line_only(folder, noise):
    async with led(folder) as (lead, stopped):
        async with await trio.open_unix_socket(f"{folder}/line.sock") as stream:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(noise)
                await stream.send_eof()
            with suppress(trio.BrokenResourceError):
                assert b"" == await stream.receive_some()
        await wait_until(lambda: lead.snapshots)

        assert not stopped.is_set()


async def test_a_worker_whose_leader_cannot_be_reached_goes_on(folder):
    await report(f"unix:{folder}/nobody.sock", {}, dict, pytest.fail)


def test_a_shard_that_comes_too_late_does_not_begin():
    target = Target("unix:/nowhere", "files", "docs")
    with pytest.raises(ShardLate, match="shard 1 came"):
        run_shard(Shard(1, 2, 1, Workload(), None, target, Bounds(), begins_at=0.0))


# --- what cannot be -----------------------------------------------------------------------


HEADER = '{"format": "redird-trace", "version": 1, "closed": false}\n'


@pytest.mark.parametrize(
    ("text", "flags", "said"),
    [
        ("rate_s = 3", [], "load.toml: unknown key 'rate_s'; did you mean 'rate_per_s'?"),
        ("rate_per_s = -3", [], "load.toml: rate_per_s: must not be negative"),
        ("users = 'ten'", [], "load.toml: users: must be a whole number, not 'ten'"),
        ("rate_per_s = ", [], "load.toml: not TOML"),
        ("", ["--rate", "-3"], "the options: rate_per_s: must not be negative"),
        ("", ["--users", "3", "--rate", "3"], "--users and --rate"),
        ("", ["--locality", "2"], "the options: locality: must be between 0 and 1"),
        ("", ["--trace", "gone"], "gone: no such file or directory"),
        ("", ["--redird", "redird.sock"], "'redird.sock' is not an address"),
        ("", ["--redird", "unix:/nowhere/redird.sock"], "cannot reach unix:/nowhere"),
        ("", ["--out", "/proc/x"], "/proc/x: no such file or directory"),
        ("", ["--password-file", "/nowhere"], "/nowhere: no such file or directory"),
        ("", ["--dask", "tcp://127.0.0.1:1"], "no Dask scheduler at tcp://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_run_is_one_clear_line(tmp_path, monkeypatch, text, flags, said):
    monkeypatch.setattr("clients.swarm.executors.CLUSTER_WAIT_S", 0.5)
    path = tmp_path / "load.toml"
    path.write_text(text)
    arguments = ["swarm", *([str(path)] if text else []), "--out", str(tmp_path), *flags]
    ended = CliRunner().invoke(main, arguments)

    [line] = ended.stderr.splitlines()
    assert "redlab: " == line[:8]
    assert said in line
    assert 1 == ended.exit_code


def test_a_bad_line_of_a_trace_is_named_with_its_file(tmp_path):
    path = tmp_path / "day.jsonl"
    path.write_text(HEADER + "{}\n")
    ended = CliRunner().invoke(main, ["swarm", "--trace", str(path), "--out", str(tmp_path)])

    assert f"redlab: {path}: line 2: user: is missing\n" == ended.stderr


def test_a_refused_logon_is_one_line_before_anything_runs(house, tmp_path):
    password = tmp_path / "password"
    password.write_text("wrong\n")
    flags = ["--redird", house.redirector.unix, "--user", "nobody", "--out", str(tmp_path)]
    ended = CliRunner().invoke(main, ["swarm", *flags, "--password-file", str(password)])

    [line] = ended.stderr.splitlines()
    assert line.startswith("redlab: nobody at files: ")
    assert 1 == ended.exit_code
