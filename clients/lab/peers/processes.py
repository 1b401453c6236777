"""Other people's programs as processes: each with all it forks is gone at the end."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import trio

from clients.lab.peers.torture import NotUnderstood
from deploy.local import StartFailed

T = TypeVar("T")

READY_MAX_S = 20.0
ENDING_MAX_S = 5.0  # between SIGTERM and SIGKILL
LAST_WORDS_MAX = 1000  # characters
_NOWHERE = subprocess.DEVNULL


def program(name: str, package: str) -> str:
    """Return a peer's program; raises StartFailed naming the Debian package it is in."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise StartFailed(f"{name} is not installed (Debian: apt-get install {package})")
    return path


@asynccontextmanager
async def running(
    command: Sequence[str], *, output: int = _NOWHERE
) -> AsyncIterator[trio.Process]:
    """Run a program in a process group of its own until the end of the block.

    `output`: where its standard output and error go, as `subprocess` says it.
    """
    process = await trio.lowlevel.open_process(
        list(command),
        stdin=_NOWHERE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await _end(process)


async def _end(process: trio.Process) -> None:
    """End the program, then whatever is left of its group."""
    process.terminate()
    with trio.move_on_after(ENDING_MAX_S):
        await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    if process.stdout is not None:
        await trio.aclose_forcefully(process.stdout)


async def said(command: Sequence[str], limit_s: float, expected: int = 0) -> str:
    """Run a program to its end and return what it printed.

    Raises StartFailed if its status is not the expected one or it took longer than `limit_s`.
    """
    text, status = b"", None
    with trio.move_on_after(limit_s):
        async with running(command, output=subprocess.PIPE) as process:
            assert process.stdout is not None
            async for part in process.stdout:
                text += part
            status = await process.wait()
    words = text.decode(errors="replace")
    if status != expected:
        how = f"took over {limit_s:g} s" if status is None else f"ended with status {status}"
        raise StartFailed(f"{' '.join(command)} {how}:\n{words[-LAST_WORDS_MAX:]}")
    return words


def understood(name: str, read: Callable[[str], T], text: str) -> T:
    """Read what a program printed; raises StartFailed if it is something unexpected."""
    try:
        return read(text)
    except NotUnderstood as error:
        raise StartFailed(f"{name} printed something unexpected:\n{error}") from None


@asynccontextmanager
async def serving(
    command: Sequence[str], name: str, port: int, log: Path
) -> AsyncIterator[None]:
    """Run a server until the end of the block, which begins when it listens on its port.

    Raises StartFailed, with the last of what it said, which goes to `log`.
    """
    with log.open("wb") as output:
        async with running(command, output=output.fileno()) as process:
            await _wait_listening(process, name, port, log)
            yield


async def _wait_listening(process: trio.Process, name: str, port: int, log: Path) -> None:
    with trio.move_on_after(READY_MAX_S):
        while process.poll() is None:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return
        raise StartFailed(f"{name} ended with status {process.returncode}:\n{tail(log)}")
    raise StartFailed(f"{name} did not listen on port {port} within {READY_MAX_S:g} s")


def tail(log: Path) -> str:
    """Return a program's last words from its log."""
    return log.read_text(errors="replace")[-LAST_WORDS_MAX:]


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
