"""Workers on this machine: what one does, what its death takes with it, and that they end."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from clients.swarm import executors
from clients.swarm.executors import ExecutorError, WorkerDied, executor
from tests.processes.alive import runs


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_pieces_are_worked_on_in_processes_of_their_own():
    with executor(2) as workers:
        futures = [workers.submit(os.getpid) for _ in range(2)]
        pids = {future.result(10) for future in futures}
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result(10)

        assert 2 == workers.processes
        assert set() == pids & {os.getpid()}
        assert 2 == len(pids)
    assert [] == [pid for pid in pids if is_running(pid)]


def test_a_worker_that_dies_takes_its_own_piece_only():
    with executor(2) as workers:
        doomed = workers.submit(time.sleep, 60)
        kept = workers.submit(os.getpid)
        victim = next(pid for pid in workers.pids if pid != kept.result(10))  # type: ignore[attr-defined]
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerDied, match=f"worker process {victim} died"):
            doomed.result(10)

        assert kept.result(10) == workers.submit(os.getpid).result(10)


def test_workers_are_ended_in_the_middle_of_their_work():
    began = time.monotonic()
    with executor(1) as workers:
        pid = workers.submit(os.getpid).result(10)
        workers.submit(time.sleep, 60)
    assert not is_running(pid)
    assert time.monotonic() - began < 30


ORPHANS = """
import os, time
from clients.swarm.executors import executor
if __name__ == "__main__":
    with executor(2) as workers:
        futures = [workers.submit(time.sleep, 60)]
        print(*workers.pids, flush=True)
        os.kill(os.getpid(), 9)
"""


def test_workers_do_not_outlive_who_started_them(tmp_path):
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    root = Path(__file__).parents[2]
    command = [sys.executable, str(script)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(root)}
    ) as started:
        assert started.stdout is not None
        pids = [int(pid) for pid in started.stdout.readline().split()]
        started.stdout.read()  # its end is that of the last process that has it open

    assert 2 == len(pids)
    assert -signal.SIGKILL == started.returncode
    assert [] == [pid for pid in pids if runs(pid)]


def test_a_cluster_that_cannot_be_reached_says_so_in_time(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "CLUSTER_WAIT_S", 0.5)
    with (
        pytest.raises(ExecutorError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1: "),
        executor(1, "tcp://127.0.0.1:1"),
    ):
        pytest.fail("nobody listens there")


def test_a_missing_package_is_named_with_the_extra_that_has_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ExecutorError, match=r"--dask needs the extra `dask`"),
        executor(1, "tcp://127.0.0.1:1"),
    ):
        pytest.fail("there is no such package")
