"""A disk that fails: strace makes the system calls of one program meet errors.

It is attached while the disk is ill and detached again; the program is never changed. Calls are
counted by thread, so every so many-th is an average.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trio

CALLS = {
    "write": "pwrite64,pwritev,pwritev2",
    "fsync": "fsync,fdatasync",
    "read": "pread64,preadv,preadv2",
}
# What a call meets: `error=` and `retval=` keep it from being done at all.
HOW = {"short": "retval=0", "slow": "delay_enter=30000"}
ATTACH_MAX_S = 10.0
DETACH_MAX_S = 10.0
PID_WAIT_S = 5.0  # for a program that is being started again


class StraceDisk:
    """The disk of the program whose process `pid` says; `folder` takes strace's output."""

    def __init__(self, pid: Callable[[], int | None], folder: Path) -> None:
        self._pid = pid
        self._output = folder / "strace.out"
        self._strace: trio.Process | None = None
        self._met = 0  # calls, since it was last healed

    async def begin(self, call: str, error: str, every: int) -> None:
        """Let every so many-th call meet an error from now on."""
        await self._detach()
        if error == "short":
            every = max(2, every)  # nothing at all is written, and the next call must be able
        calls = CALLS[call]
        how = HOW.get(error, f"error={error}")
        pid = await self._wait_pid()
        if pid is not None:
            inject = f"inject={calls}:{how}:when={every}+{every}"
            self._output.write_bytes(b"")
            options = ["-o", str(self._output), "-e", f"trace={calls}", "-e", inject]
            self._strace = await _attach(pid, options)

    async def _wait_pid(self) -> int | None:
        with trio.move_on_after(PID_WAIT_S):
            while (pid := self._pid()) is None:  # noqa: ASYNC110 - nobody tells of a start
                await trio.sleep(0.05)
            return pid
        return None

    async def heal(self) -> int:
        """Detach; returns how many calls met the error."""
        await self._detach()
        met, self._met = self._met, 0
        return met

    async def _detach(self) -> None:
        strace, self._strace = self._strace, None
        if strace is None:
            await trio.lowlevel.checkpoint()
            return
        await _end(strace)
        with self._output.open("rb") as lines:
            self._met += sum(b"(INJECTED)" in one or b"(DELAYED)" in one for one in lines)


async def _attach(pid: int, options: list[str]) -> trio.Process | None:
    """Start strace on a process and all its threads; None if it would not be traced."""
    command = ["strace", "-f", "-p", str(pid), *options]
    strace = await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert strace.stderr is not None
    said = b""
    try:
        with trio.move_on_after(ATTACH_MAX_S):
            while b"attached" not in said and (data := await strace.stderr.receive_some()):
                said += data
    except BaseException:
        await _end(strace)
        raise
    if b"attached" in said:
        return strace
    await _end(strace)
    return None


async def _end(strace: trio.Process) -> None:
    """Detach in order; a tracer that is killed lets go as well."""
    with trio.CancelScope(shield=True):
        strace.send_signal(signal.SIGINT)
        with trio.move_on_after(DETACH_MAX_S):
            await strace.wait()
        if strace.returncode is None:
            strace.kill()
            await strace.wait()
        if strace.stderr is not None:
            await trio.aclose_forcefully(strace.stderr)


async def why_no_strace() -> str:
    """Why processes cannot be traced here; empty if they can."""
    if shutil.which("strace") is None:
        return "strace is not installed (Debian: strace)"
    sleeper = await trio.lowlevel.open_process([sys.executable, "-c", "input()"],
                                               stdin=subprocess.PIPE)  # fmt: skip
    try:
        strace = await _attach(sleeper.pid, ["-o", "/dev/null", "-e", "trace=none"])
        if strace is None:
            return "this user may not trace processes (see kernel.yama.ptrace_scope)"
        await _end(strace)
        return ""
    finally:
        with trio.CancelScope(shield=True), suppress(ProcessLookupError):
            sleeper.kill()
            await sleeper.wait()
            if sleeper.stdin is not None:
                await trio.aclose_forcefully(sleeper.stdin)
