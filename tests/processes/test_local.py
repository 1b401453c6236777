"""deploy.local keeps hold of its processes: tiny Python programs stand in for the daemons."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from deploy.local import StartFailed, python_module, start

READY = """
import json, os, sys, time
ready = {"ready": True, "pid": os.getpid(), "listening": ["tcp:127.0.0.1:1", "unix:/x"]}
print(json.dumps(ready), flush=True)
time.sleep(60)
"""
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{READY}"
SILENT = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(60)"
FAILING = "import sys; print('no such folder: /y', file=sys.stderr); sys.exit(3)"
TALKATIVE = "import time; print('Hello!', flush=True); time.sleep(60)"
MUTE = "import os, time; os.close(1); time.sleep(60)"
LOUD = "import os, time; os.write(1, b'x' * 100_000); time.sleep(60)"


def program(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def state(pid: int) -> str:
    """What the kernel says a process is doing: sleeping, stopped, running."""
    status = Path(f"/proc/{pid}/status").read_text()
    return status.partition("State:")[2].partition("(")[2].partition(")")[0]


async def wait_until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - another process sets no Event of ours
            await trio.sleep(0.01)


async def test_a_ready_process_says_where_it_listens_and_ends_with_its_context():
    async with start(program(READY)) as local:
        assert ["tcp:127.0.0.1:1", "unix:/x"] == local.addresses
        assert local.process.pid == local.ready["pid"]
        assert is_running(local.process.pid)

    assert -signal.SIGTERM == local.process.returncode
    assert not is_running(local.process.pid)


async def test_standard_error_is_appended_to_the_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("before\n")
    async with start(
        program(f"import sys; print('now', file=sys.stderr)\n{READY}"), log=log
    ) as it:
        assert log == it.stderr_path

    assert "before\nnow\n" == log.read_text()


@pytest.mark.parametrize("keeps_log", [True, False])
async def test_an_early_end_is_reported_with_its_last_words(tmp_path, keeps_log):
    log = tmp_path / "log"
    log.write_text("of another run\n")
    with pytest.raises(StartFailed) as failure:
        async with start(program(FAILING), log=log if keeps_log else None):
            pytest.fail("started")

    text = str(failure.value)
    assert "did not start: ended with status 3" in text
    assert "import sys; print(" in text
    assert text.endswith("last lines of standard error:\nno such folder: /y")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SILENT, "not ready after 0.5 s"),
        (TALKATIVE, "printed something else than that it is ready: Hello!"),
        (LOUD, "printed something else than that it is ready: xxx"),
        (MUTE, "closed its output without a word that it is ready"),
        ("import os; os.abort()", "ended by SIGABRT"),
    ],
    ids=["silent", "talkative", "loud", "mute", "aborting"],
)
async def test_what_never_gets_ready_is_reported_and_ended(source, reason):
    ready_max_s = 0.5 if source is SILENT else 20
    with pytest.raises(StartFailed, match=reason):
        async with start(program(source), ready_max_s=ready_max_s):
            pytest.fail("started")


async def test_a_missing_program_is_reported(tmp_path):
    with pytest.raises(
        StartFailed, match=r"none did not start: could not be run: No such file"
    ):
        async with start([str(tmp_path / "none")]):
            pytest.fail("started")


async def test_a_process_that_ignores_sigterm_is_killed():
    async with start(program(DEAF)) as local:
        assert -signal.SIGKILL == await local.terminate(wait_s=0.1)
        assert not is_running(local.process.pid)


async def test_ending_twice_is_harmless():
    async with start(program(READY)) as local:
        await local.kill()
        await local.kill()

        assert -signal.SIGKILL == await local.terminate()


async def test_a_paused_process_can_go_on_and_can_be_ended():
    async with start(program(READY)) as local:
        local.pause()
        await wait_until(lambda: state(local.process.pid) == "stopped")
        local.resume()
        await wait_until(lambda: state(local.process.pid) == "sleeping")
        local.pause()
        await wait_until(lambda: state(local.process.pid) == "stopped")

        assert -signal.SIGTERM == await local.terminate()


async def test_a_cancelled_body_leaves_nothing_running():
    with trio.CancelScope() as scope:
        async with start(program(READY)) as local:
            scope.cancel()
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert -signal.SIGTERM == local.process.returncode


async def test_a_failed_body_leaves_nothing_running():
    with pytest.raises(ZeroDivisionError):
        async with start(program(READY)) as local:
            raise ZeroDivisionError

    assert -signal.SIGTERM == local.process.returncode


async def test_a_start_cancelled_while_waiting_leaves_nothing_running(tmp_path):
    log = tmp_path / "log"
    log.touch()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(start_and_wait, program(SILENT), log)
        await wait_until(lambda: log.read_text().endswith("\n"))
        nursery.cancel_scope.cancel()

    assert not is_running(int(log.read_text()))


async def start_and_wait(command: list[str], log: Path) -> None:
    async with start(command, log=log):
        await trio.sleep_forever()


async def test_a_module_is_run_by_this_interpreter():
    result = await trio.run_process(python_module("json.tool", "--help"), capture_stdout=True)

    assert b"usage: python -m json.tool" in result.stdout
