"""What is said with an emulated machine while it runs: its streams, its clock, its end."""

import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import IO

import trio

from deploy.hosts.guarding import Guarded
from deploy.hosts.host import HostError, LimitReached
from deploy.hosts.inheriting import write
from deploy.hosts.unwrapping import unwrapped

PORTS = ("stdin", "stdout", "stderr", "control")  # the agent takes the last as a sign
CHUNK = 65_536
CONSOLE_MAX = 16_384
LAST_LINES = 20

Sink = Callable[[bytes], Awaitable[None]]


class Outflow:
    """A stream out of the machine; its end is told apart from it, as its length."""

    def __init__(self, source: trio.SocketStream, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._total: int | None = None
        self._receiving = trio.CancelScope()
        self.done = trio.Event()

    async def carry(self) -> None:
        """Pass it on until its end, or the machine's."""
        count = 0
        while count != self._total:
            with trio.CancelScope() as self._receiving:
                part = await _receive(self._source)
            if self._receiving.cancelled_caught:
                continue
            if not part:
                break
            await self._sink(part)
            count += len(part)
        self.done.set()

    def finish(self, total: int) -> None:
        """There are `total` bytes altogether."""
        self._total = total
        self._receiving.cancel()


class Machine:
    """A machine that is switched on, and its one command."""

    def __init__(
        self, qemu: Guarded, ports: Mapping[str, socket.socket], stderr: IO[bytes] | None
    ) -> None:
        self._qemu = qemu
        self._ports = {
            name: trio.SocketStream(trio.socket.from_stdlib_socket(end))
            for name, end in ports.items()
        }
        self.stdin, self._input = _pipe()
        self._output, self.stdout = _pipe()
        self._stderr = stderr
        self._flows = {
            "stdout": Outflow(self._ports["stdout"], self._to_stdout),
            "stderr": Outflow(self._ports["stderr"], self._to_stderr),
        }
        self._feeding = trio.CancelScope()
        self._agent_is_up = trio.Event()
        self._console = b""
        self._status: int | None = None
        self._error: HostError | None = None
        self._over = trio.Event()

    @property
    def pid(self) -> int:
        """QEMU's number."""
        return self._qemu.pid

    def signal(self, number: int) -> None:
        """Signal QEMU."""
        self._qemu.signal(number)

    async def ended(self) -> int:
        """Wait for the command's status; the machine is off then. Raises HostError."""
        await self._over.wait()
        if self._error is not None:
            raise self._error
        assert self._status is not None
        return self._status

    @asynccontextmanager
    async def running(self) -> "AsyncIterator[Machine]":
        """Talk with the machine until the context is left."""
        try:
            with unwrapped():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._keep_console)
                    nursery.start_soon(self._watch)
                    nursery.start_soon(self._feed)
                    nursery.start_soon(self._carry_stdout)
                    nursery.start_soon(self._flows["stderr"].carry)
                    nursery.start_soon(self._listen)
                    yield self
                    nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                for stream in (*self._ports.values(), self.stdin, self.stdout,
                               self._input, self._output):  # fmt: skip
                    await trio.aclose_forcefully(stream)

    async def _listen(self) -> None:
        """What the agent says, until the command ended."""
        heard = b""
        while part := await _receive(self._ports["control"]):
            *lines, heard = (heard + part).split(b"\n")
            for line in lines:
                await self._heard(line.decode())

    async def _heard(self, line: str) -> None:
        word, _, value = line.partition(" ")
        match word:
            case "clock":
                if not self._agent_is_up.is_set():
                    self._console = b""  # of firmware and of a kernel that is up
                    self._agent_is_up.set()
                await _send(self._ports["control"], b"%d\n" % time.time_ns())
            case "stdin":
                self._feeding.cancel()
            case "stdout" | "stderr":
                self._flows[word].finish(int(value))
            case "ended":
                for flow in self._flows.values():
                    await flow.done.wait()
                self._status = int(value)
                await self._qemu.end()

    async def _watch(self) -> None:
        """The machine's own end."""
        try:
            await self._qemu.ended()
            # What is in its streams is still read.
            for flow in self._flows.values():
                await flow.done.wait()
        except LimitReached as error:
            self._error = error
        except HostError:
            pass  # we ended it
        if self._status is None and self._error is None:
            self._error = HostError(f"ended before its command did{self._last_lines()}")
        self._over.set()

    async def _feed(self) -> None:
        """Bring the command its input; before the agent is up its end would be lost."""
        await self._agent_is_up.wait()
        port = self._ports["stdin"]
        with trio.CancelScope() as self._feeding:
            async for part in self._input:
                await _send(port, part)
            # Not closed: what is on its way would be lost.
            port.socket.shutdown(socket.SHUT_WR)
        await self._input.aclose()

    async def _carry_stdout(self) -> None:
        await self._flows["stdout"].carry()
        await self._output.aclose()

    async def _to_stdout(self, part: bytes) -> None:
        with suppress(trio.BrokenResourceError):  # nobody reads it any more
            await self._output.send_all(part)

    async def _to_stderr(self, part: bytes) -> None:
        if self._stderr is None:
            await write(2, part)
        else:
            self._stderr.write(part)
            self._stderr.flush()

    async def _keep_console(self) -> None:
        """Read the kernel's messages and QEMU's own; the last ones are kept."""
        async for part in self._qemu.stdout:
            self._console = (self._console + part)[-CONSOLE_MAX:]

    def _last_lines(self) -> str:
        lines = [line.rstrip() for line in self._console.decode(errors="replace").splitlines()]
        lines = [line for line in lines if line][-LAST_LINES:]
        return "\n".join([":", *lines]) if lines else ""


def _pipe() -> tuple[trio.lowlevel.FdStream, trio.lowlevel.FdStream]:
    """The end to write to and the end to read from."""
    reader, writer = os.pipe()
    return trio.lowlevel.FdStream(writer), trio.lowlevel.FdStream(reader)


async def _receive(stream: trio.SocketStream) -> bytes:
    try:
        return bytes(await stream.receive_some(CHUNK))
    except trio.BrokenResourceError:
        return b""


async def _send(stream: trio.SocketStream, part: bytes | bytearray) -> None:
    # Where the machine has ended, whoever waits for it is told.
    with suppress(trio.BrokenResourceError):
        await stream.send_all(part)
