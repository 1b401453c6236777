"""A process on this machine that says when it is ready and never outlives its context.

The program prints one line of JSON on standard output once it listens, and logs to standard
error. Leaving the context ends it: SIGTERM, a bounded wait, SIGKILL. It shares the terminal's
process group, so Ctrl-C reaches it too. If this process is itself killed, the child stays:
Linux can tie it (PR_SET_PDEATHSIG) only to the thread that started it, and trio starts
processes from worker threads that come and go.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import trio

READY_LINE_MAX = 65_536
STDERR_TAIL_MAX = 4_096
TERMINATE_WAIT_S = 10.0
DYING_WAIT_S = 1.0  # between the end of a program's output and its end


class StartFailed(Exception):
    """The program did not become ready: its command, how it ended and its last words."""


class _NotReady(Exception):
    """Why not, in words."""


@dataclass
class LocalProcess:
    """A running program and what it said when it was ready."""

    process: trio.Process
    ready: dict[str, Any]
    stderr_path: Path | None

    @property
    def addresses(self) -> list[str]:
        """Where it listens, as `tcp:HOST:PORT` or `unix:PATH`."""
        return list(self.ready["listening"])

    async def terminate(self, wait_s: float = TERMINATE_WAIT_S) -> int:
        """Ask it to end, insist after `wait_s`; returns its status, negative for a signal."""
        return await _end(self.process, wait_s)

    async def kill(self) -> None:
        """End it without a warning."""
        self.process.kill()
        await self.process.wait()

    def pause(self) -> None:
        """Stop it in its tracks: it stays, it answers nobody."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self.process.send_signal(signal.SIGCONT)


def python_module(name: str, *args: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", name, *args]


@asynccontextmanager
async def start(
    command: Sequence[str],
    *,
    log: Path | None = None,
    ready_max_s: float = 20.0,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[LocalProcess]:
    """Run `command` until the context is left; raises StartFailed if it does not become ready.

    Standard error is appended to `log`; `env` replaces the environment.
    """
    with _open_log(log) as stderr:
        log_began = os.fstat(stderr.fileno()).st_size
        try:
            async with _running(command, stderr, env) as process:
                yield LocalProcess(process, await _wait_ready(process, ready_max_s), log)
        except _NotReady as reason:
            last_words = _tail(stderr, log_began)
            raise StartFailed(_complaint(command, str(reason), last_words)) from None


@asynccontextmanager
async def _running(
    command: Sequence[str], stderr: IO[bytes], env: Mapping[str, str] | None
) -> AsyncIterator[trio.Process]:
    try:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=env
        )
    except OSError as error:
        raise _NotReady(f"could not be run: {error.strerror}") from None
    try:
        yield process
    finally:
        # Also when cancelled: nothing may be left running.
        with trio.CancelScope(shield=True):
            await _end(process, TERMINATE_WAIT_S)
            await trio.aclose_forcefully(_stdout(process))


async def _end(process: trio.Process, wait_s: float) -> int:
    process.terminate()
    # A stopped process does not hear SIGTERM.
    process.send_signal(signal.SIGCONT)
    with trio.move_on_after(wait_s):
        return await process.wait()
    process.kill()
    return await process.wait()


async def _wait_ready(process: trio.Process, ready_max_s: float) -> dict[str, Any]:
    line = b""
    with trio.move_on_after(ready_max_s) as limit:
        while b"\n" not in line and len(line) <= READY_LINE_MAX:
            part = await _stdout(process).receive_some()
            if not part:
                raise _NotReady(await _wait_dying(process))
            line += part
    if limit.cancelled_caught:
        raise _NotReady(f"not ready after {ready_max_s:g} s")
    return _parse_ready(line.partition(b"\n")[0])


def _parse_ready(line: bytes) -> dict[str, Any]:
    try:
        ready = json.loads(line)
    except ValueError:
        ready = None
    if not isinstance(ready, dict) or ready.get("ready") is not True:
        shown = line[:200].decode(errors="replace")
        raise _NotReady(f"printed something else than that it is ready: {shown}")
    return ready


async def _wait_dying(process: trio.Process) -> str:
    with trio.move_on_after(DYING_WAIT_S):
        status = await process.wait()
        if status < 0:
            return f"ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"
    return "closed its output without a word that it is ready"


def _stdout(process: trio.Process) -> trio.abc.ReceiveStream:
    assert process.stdout is not None
    return process.stdout


def _open_log(log: Path | None) -> IO[bytes]:
    return tempfile.TemporaryFile() if log is None else log.open("ab+")


def _tail(stderr: IO[bytes], began: int) -> str:
    end = os.fstat(stderr.fileno()).st_size
    start_at = max(began, end - STDERR_TAIL_MAX)
    # Not by seeking: the child shares the position.
    return os.pread(stderr.fileno(), STDERR_TAIL_MAX, start_at).decode(errors="replace")


def _complaint(command: Sequence[str], reason: str, last_words: str) -> str:
    lines = [
        f"{Path(command[0]).name} did not start: {reason}",
        f"command: {shlex.join(command)}",
    ]
    if last_words.strip():
        lines += ["last lines of standard error:", *last_words.strip().splitlines()[-20:]]
    return "\n".join(lines)
