"""Terminal servers: programs of their own that hold a redirector and its sessions."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from clients.lab.__main__ import main
from clients.lab.history import Attempt
from clients.lab.terminal.desks import Desks, Seen
from clients.swarm.runner import Bounds, Target
from clients.swarm.trace import PlannedSession, Trace, Visit
from clients.swarm.worker import Shard
from clients.swarm.workload import Workload
from deploy.hosts import cache
from tests.processes.alive import runs, started_by
from tests.processes.daemons import wait_until
from tests.processes.test_swarm import has_admitted, swarm

TERMINAL = "clients.lab.terminal"
COMMAND = "\0".join([sys.executable, "-m", TERMINAL, ""])
SERVER = "tcp:127.0.0.1:1"


def reproduced(out, *flags):
    """Run `redlab reproduce --json` with few users; returns how it ended, and its object."""
    few = ["--limit", "3", "--users", "3", "--cycles", "2"]
    command = ["reproduce", "--json", *few, *flags, "--out", str(out)]
    ended = CliRunner().invoke(main, command)
    return ended, json.loads(ended.stdout) if ended.stdout else None


def test_a_terminal_server_of_its_own_sees_what_users_here_see(tmp_path):
    before = started_by(os.getpid())
    flags = ["--preset", "sp5", "--preset", "sp6", "--time-scale", "0.03"]
    ended, found = reproduced(tmp_path, *flags, "--host", "native")
    assert 0 == ended.exit_code, ended.stderr
    assert {"hosts", "ok"} == found.keys()
    presets = found["hosts"]["native"]["presets"]
    page = (tmp_path / "report.html").read_text()
    kept = json.loads((tmp_path / "results.json").read_text())

    assert presets["sp5"]["spurious"] > 0 == presets["sp6"]["refused"]
    assert 6 == presets["sp5"]["logons"] == presets["sp6"]["logons"]
    assert [6, 6] == [len(one) for one in kept["history"]["native"].values()]
    assert ["native"] == kept["options"]["hosts"]
    assert "sp5 on native" in page
    assert "--host native" in page
    assert (tmp_path / "timeline-native.png").exists()
    assert before == started_by(os.getpid())


@pytest.fixture
def folder():
    """A temporary folder with a short name, for sockets in it have short ones."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.mark.time_limit(90)
async def test_what_is_killed_costs_its_own_shard_and_a_signal_keeps_the_rest(folder, tmp_path):
    flags = ["--rate", "40", "--duration-s", "60", "--length-s", "0.1", "--no-report"]
    env = os.environ | {"TMPDIR": str(folder)}
    async with swarm(tmp_path, *flags, "--host", "native=2", env=env) as one:
        await one.wait_processes("shareserver", "redird", "redird")
        [server] = folder.glob("redlab-*/server.sock")
        await wait_until(lambda: has_admitted(f"unix:{server}", 10))
        killed, _ = (pid for (pid, _), text in one.started.items() if text == COMMAND)
        os.kill(killed, signal.SIGKILL)
        await wait_until(lambda: has_admitted(f"unix:{server}", 30))
        one.process.send_signal(signal.SIGINT)
    host = one.object["hosts"]["native"]

    assert (True, 1) == (one.object["partial"], one.object["shards_lost"])
    assert ([0, 1], 1) == (host["shards"], host["shards_lost"])
    assert 0 < host["admitted"] == one.object["admitted"]
    assert 0 == host["failed"] == host["sessions_lost"]
    assert 128 + signal.SIGINT == one.process.returncode
    assert (
        "lost: shard 0: host native: " in one.err or "lost: shard 1: host native: " in one.err
    )
    await wait_until(lambda: not any(runs(process) for process in one.started))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reproduce", "--host", "vax"], "no host vax: there are native, "),
        (["reproduce", "--host", "native", "--host", "native"], "name each host once"),
        (["swarm", "--host", "vax=2"], "no host vax: there are native, "),
        (["swarm", "--host", "native"], "--host native: write native=N"),
        (["swarm", "--host", "native=0"], "--host native=0: write native=N"),
        (["swarm", "--host", f"native={'9' * 5000}"], "9: write native=N"),
        (["swarm", "--host", "native=1", "--host", "native=1"], "name each host once"),
        (["swarm", "--host", "native=1", "--processes", "2"], "--host and --processes"),
        (["swarm", "--host", "native=1", "--dask", "tcp://x:1"], "--host and --dask"),
        (["swarm", "--host", "native=1", "--redird", "unix:/x"], "--host and --redird"),
    ],
)
def test_hosts_that_make_no_sense_are_one_clear_line(tmp_path, arguments, said):
    ended = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path)])

    assert said in ended.stderr.splitlines()[-1]
    assert "redlab: " == ended.stderr.splitlines()[-1][:8]
    assert 1 == ended.exit_code


@pytest.mark.parametrize("command", ["reproduce", "swarm"])
def test_a_place_for_results_that_is_none_is_one_clear_line(tmp_path, command):
    (tmp_path / "file").touch()
    hosts = {"reproduce": "native", "swarm": "native=1"}
    out = tmp_path / "file"
    ended = CliRunner().invoke(main, [command, "--host", hosts[command], "--out", str(out)])

    assert ended.stderr.splitlines()[-1].startswith(f"redlab: {out}")
    assert 1 == ended.exit_code


def test_a_host_that_is_not_built_is_one_line_that_says_how(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path / "nothing"))
    ended, _ = reproduced(tmp_path, "--host", "native", "--host", "alpha")

    said = "redlab: host alpha is not built: redlab hosts build alpha"
    assert said == ended.stderr.splitlines()[-1]
    assert 1 == ended.exit_code


@pytest.fixture
def dying_alpha(tmp_path, monkeypatch):
    """An Alpha whose emulator ends at once."""
    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path / "hosts"))
    python = cache.result("alpha-root", "0ff1ce") / cache.MAIN_FILES[cache.ROOT]
    python.parent.mkdir(parents=True)
    python.write_text("a processor's")
    cache.write(cache.Record("alpha", keys={"root": "0ff1ce"}))
    emulator = tmp_path / "qemu-alpha-static"
    emulator.write_text("#!/bin/sh\nexit 3\n")
    emulator.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.usefixtures("dying_alpha")
def test_a_host_that_dies_costs_what_was_to_be_run_there(tmp_path):
    flags = ["--preset", "sp6", "--time-scale", "0.03"]
    ended, found = reproduced(tmp_path, *flags, "--host", "alpha", "--host", "native")
    page = (tmp_path / "report.html").read_text()

    log = tmp_path / "logs/alpha/terminal.log"
    died = f"host alpha: the terminal server ended with status 3; see {log}"
    assert f"redlab: {died}" == ended.stderr.splitlines()[-1]
    assert {"presets": {}, "error": died} == found["hosts"]["alpha"]
    assert found["hosts"]["native"]["presets"]["sp6"]["ok"]
    assert (False, 1) == (found["ok"], ended.exit_code)
    assert "Not as expected: alpha was lost." in page
    assert died in page


def test_jobs_that_make_no_sense_are_answered_each(tmp_path):
    job = {"job": "desks", "server": SERVER, "redirector": {"preset": "sp6"}}
    bad = {**job, "redirector": {"preset": "nt5"}}
    lines = [
        '{"job": "clock"}',
        "nonsense",
        "[]",
        json.dumps({**job, "job": "nothing"}),
        json.dumps(bad),
    ]
    lines += [json.dumps(job), '{"go": {"users": 3}}', json.dumps(job)]
    ended = subprocess.run(
        [sys.executable, "-m", TERMINAL],
        input="\n".join(lines).encode() + b"\n", capture_output=True, timeout=60,
    )  # fmt: skip
    said = [json.loads(line) for line in ended.stdout.splitlines()]

    kinds = [next(iter(one)) for one in said]
    assert ["result"] + ["error"] * 4 + ["ready", "error", "ready", "error"] == kinds
    assert "preset 'nt5'" in said[4]["error"]
    assert 0 == ended.returncode
    assert b"Traceback" not in ended.stderr


def test_what_goes_over_the_line_is_the_same_on_both_sides():
    trace = Trace(False, (PlannedSession(0, 0.25, 1.0, (Visit(0.5, 3, True),)),))
    target = Target("tcp:10.0.2.2:4450", "files", "docs", "alice", "secret")
    shard = Shard(1, 2, 7, Workload(visits=3.5), trace, target, Bounds(), 1e9, SERVER, "token")
    desks = Desks("sp5", 5, 4, 3, 30.0, 0.1, 1)
    attempt = Attempt("user1", 1.5, 1.75, "refused", receipt={"number": 3})
    seen = Seen(1.0, 10**18 + 1, [attempt], 7, [{"kind": "x", "at_ns": 3}], None)

    assert shard == Shard.of(json.loads(json.dumps(shard.plain())))
    assert seen == Seen.of(json.loads(json.dumps(seen.plain())))
    assert "sp5" == desks.redirector()["preset"]
