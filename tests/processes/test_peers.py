"""Real peers beside ours, for a second or two each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clients.lab.replaying.netbench import FILE
from tests.processes.mounts import require_fuse


def bench(*arguments, env=None):
    command = [sys.executable, "-m", "clients.lab", "bench", *map(str, arguments), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)


def in_folder(folder):
    """An environment in which temporary files are made in a folder."""
    return os.environ | {"TMPDIR": str(folder)}


def test_reopening_beside_smbd(requires):
    requires("smbd", "samba")
    requires("smbtorture", "samba-testsuite")
    done = bench("reopen", "--against", "samba", "--seconds", 1, "--rounds", 1)
    assert 0 == done.returncode, done.stderr
    row = json.loads(done.stdout)
    assert "reopen" == row["name"]
    assert row["ours"] > 0
    assert row["reference"] > 0


@pytest.mark.parametrize("name", ["netbench", "reopen"])
def test_a_missing_peer_is_named_with_its_package(name):
    if name == "netbench" and not FILE.exists():
        pytest.skip("needs package dbench")
    code = (
        "import clients.lab.peers.processes as s; s.shutil.which = lambda *_, **__: None\n"
        "import clients.lab.__main__ as m; m.main()"
    )
    command = [sys.executable, "-c", code, "bench", name, "--against", "samba"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert 1 == done.returncode
    assert "(Debian: apt-get install samba" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_has_no_peer_is_refused():
    done = bench("memory", "--against", "samba")
    assert 1 == done.returncode
    assert "memory is measured without --against" in done.stderr


def test_a_mount_beside_sshfs(requires, tmp_path):
    require_fuse()
    for program, package in [
        ("dbench", "dbench"),
        ("sshfs", "sshfs"),
        ("sshd", "openssh-server"),
        ("ssh-keygen", "openssh-client"),
    ]:
        requires(program, package)
    done = bench(
        "mount", "--against", "sshfs", "--seconds", 2, "--rounds", 1, env=in_folder(tmp_path)
    )
    assert 0 == done.returncode, done.stderr
    rows = json.loads(done.stdout)["benches"]
    assert ["mount-1", "mount-4"] == [row["name"] for row in rows]
    assert all(row["ours"] > 0 and row["reference"] > 0 for row in rows)
    assert [] == list(tmp_path.iterdir())
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("bulk", ["bulk-get", "bulk-put"]),
        ("cycle", ["cycle-direct-1", "cycle-daemon-1", "cycle-direct-4", "cycle-daemon-4"]),
    ],
)
def test_copies_and_cycles_beside_smbd(requires, name, rows):
    for program, package in [
        ("smbd", "samba"),
        ("smbtorture", "samba-testsuite"),
        ("smbclient", "smbclient"),
    ]:
        requires(program, package)
    done = bench(name, "--against", "samba", "--seconds", 1, "--rounds", 1)
    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)["benches"]
    assert rows == [row["name"] for row in told]
    assert all(row["ours"] > 0 and row["reference"] > 0 for row in told)
