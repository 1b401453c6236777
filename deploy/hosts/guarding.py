"""A command under a guard (`guard.py`): it ends with its context, and with this process."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio

from deploy.hosts.host import HostError, LimitReached

GUARD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))
# Longer than the guard takes to end everything.
GUARD_ENDS_MAX_S = 15.0
WORD_MAX = 4096


class Guarded:
    """A running command: its process group, its standard streams, its end."""

    def __init__(
        self, process: trio.Process, control: trio.SocketStream, limit_s: float
    ) -> None:
        self.process = process
        self.pid = 0
        self._control = control
        self._heard = bytearray()
        self._limit_s = limit_s
        self._ending = ""
        self._turn = trio.Lock()

    @property
    def stdin(self) -> trio.abc.SendStream:
        """What the command reads, if that is a pipe."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> trio.abc.ReceiveStream:
        """What the command writes, if that is a pipe."""
        assert self.process.stdout is not None
        return self.process.stdout

    def signal(self, number: int) -> None:
        """Signal the whole group; nothing happens if it has ended."""
        # Once the guard is gone the number may be anybody's, heard of it or not.
        if not self._ending and self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def started(self) -> None:
        """Wait until the command runs; raises HostError."""
        kind, _, value = (await self._word()).partition(" ")
        if kind != "pid":
            raise HostError(f"could not be run: {value.lower() or 'its guard ended'}")
        self.pid = int(value)

    async def ended(self) -> int:
        """Wait until nothing of it runs: its status, 128 + N for a signal. Raises HostError."""
        async with self._turn:
            if not self._ending:
                self._ending = await self._word() or "lost"
                await self.process.wait()
        if self._ending == "limit":
            raise LimitReached(f"ended after its limit of {self._limit_s:g} s")
        kind, _, status = self._ending.partition(" ")
        if kind != "ended":
            raise HostError("ended by a signal to its guard")
        return int(status)

    async def end(self) -> None:
        """End all of it, in a bounded time."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._control)
            with trio.move_on_after(GUARD_ENDS_MAX_S):
                await self.process.wait()
            self._ending = self._ending or "asked"
            self.process.kill()
            if await self.process.wait() and self.pid:
                with suppress(ProcessLookupError):  # the guard was killed, and left it
                    os.killpg(self.pid, signal.SIGKILL)
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    await trio.aclose_forcefully(stream)

    async def _word(self) -> str:
        while b"\n" not in self._heard:
            try:
                part = await self._control.receive_some(WORD_MAX)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return ""
            if not part:
                return ""
            self._heard += part
        word, _, self._heard = self._heard.partition(b"\n")
        return word.decode()


@asynccontextmanager
async def guarded(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    limit_s: float,
    pass_fds: Sequence[int] = (),
    own_tmp: bool = False,
    **streams: Any,
) -> AsyncIterator[Guarded]:
    """Run `command` until the context is left; `streams` as subprocess has them.

    With `own_tmp` its temporary files end with it. Raises HostError if it cannot be run.
    """
    ours, theirs = trio.socket.socketpair()
    control = trio.SocketStream(ours)
    with theirs:
        process = await trio.lowlevel.open_process(
            [
                *(*GUARD, str(theirs.fileno()), str(limit_s), "own" if own_tmp else "-"),
                *command,
            ],
            env=env,
            pass_fds=[theirs.fileno(), *pass_fds],
            start_new_session=True,  # a Ctrl-C at the terminal is for us to hear
            **streams,
        )
    running = Guarded(process, control, limit_s)
    try:
        await running.started()
        yield running
    finally:
        await running.end()
