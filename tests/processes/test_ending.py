"""A signal at `redlab`: whatever it started, ours or a peer's, is gone with it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.processes.alive import runs, started_by, wait_for
from tests.processes.mounts import require_fuse

ENDED_MAX_S = 20
LINES = 'NTCreateX "\\a" 0x40 0x2 1 NT_STATUS_OK\nWriteX 1 0 1 1 NT_STATUS_OK\n'


@pytest.fixture
def folder():
    """A temporary folder with a short name, for sockets in it have short ones."""
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


def signalled(folder: Path, number: int, expected: list[str], *arguments: str) -> None:
    """Run `redlab` until processes of all expected names run, then signal it."""
    command = [sys.executable, "-m", "clients.lab", *arguments]
    env = os.environ | {"TMPDIR": str(folder)}
    started: dict[tuple[int, str], str] = {}
    left: dict[tuple[int, str], str] = {}

    def all_run() -> bool:
        assert redlab.poll() is None, redlab.communicate()
        started.update(started_by(redlab.pid))
        return all(any(name in text for text in started.values()) for name in expected)

    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as redlab:
        try:
            wait_for(all_run, f"{expected} do not run")
            redlab.send_signal(number)
            out, _ = redlab.communicate(timeout=ENDED_MAX_S)
        finally:
            redlab.kill()
            left |= {one: text for one, text in started.items() if runs(one)}
            for pid, _ in left:
                os.kill(pid, signal.SIGKILL)
    assert {} == left
    assert 128 + number == redlab.returncode, out
    assert [] == list(folder.iterdir())
    assert "Traceback" not in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_replay_ends_all_it_started(tmp_path, folder, number):
    (tmp_path / "file").write_text(LINES + "ReadX 1 0 1 1 NT_STATUS_OK\n" * 300_000)
    expected = ["shareserver", "redird", "clients.lab.replaying.playing"]
    signalled(folder, number, expected, "replay", str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("netbench", ["smbd", "smbtorture"]),
        ("reopen", ["smbd", "smbtorture", "shareserver", "redird"]),
    ],
)
def test_a_bench_beside_smbd_ends_all_it_started(folder, requires, name, expected):
    requires("smbd", "samba")
    requires("smbtorture", "samba-testsuite")
    requires("dbench")
    signalled(
        folder, signal.SIGTERM, expected, "bench", name, "--against", "samba", "--seconds", "60"
    )


def test_a_bench_of_mounts_ends_all_it_started(folder, requires):
    require_fuse()
    for program, package in [("dbench", ""), ("sshfs", ""), ("sshd", "openssh-server")]:
        requires(program, package)
    expected = ["shareserver", "redird", "sshd", "sshfs", "dbench"]
    arguments = ("bench", "mount", "--against", "sshfs", "--seconds", "60")
    signalled(folder, signal.SIGTERM, expected, *arguments)
    assert str(folder) not in Path("/proc/self/mounts").read_text()
