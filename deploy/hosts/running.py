"""A command that runs on a host: its streams, its end, and nothing left of it."""

import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import trio

from deploy.hosts import inheriting, native, system, user
from deploy.hosts.guarding import Guarded, guarded
from deploy.hosts.host import Host, HostError
from deploy.hosts.keeping import using
from deploy.hosts.site import site
from deploy.hosts.system import Job

LIMIT_S = 600.0
MEMORY_MB = 256
NO_FILES: Mapping[str, Path] = {}
NO_SETTINGS: Mapping[str, str] = {}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Running(Protocol):
    """A command under its guard, on whatever kind of host."""

    @property
    def pid(self) -> int:
        """The number of its process group here."""

    @property
    def stdin(self) -> trio.abc.SendStream:
        """What the command reads."""

    @property
    def stdout(self) -> trio.abc.ReceiveStream:
        """What it wrote."""

    def signal(self, number: int) -> None:
        """Signal its whole process group."""

    async def ended(self) -> int:
        """Wait for its status."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A running command on a host; `stdin` and `stdout` are its own, live and 8-bit clean."""

    host: Host
    running: Running

    @property
    def pid(self) -> int:
        """The number here of QEMU, or of the program itself on the native host."""
        return self.running.pid

    @property
    def stdin(self) -> trio.abc.SendStream:
        """What the command reads; it meets the end of the file when this is closed."""
        return self.running.stdin

    @property
    def stdout(self) -> trio.abc.ReceiveStream:
        """What the command writes."""
        return self.running.stdout

    def pause(self) -> None:
        """Stop all of it in its tracks: it answers nobody."""
        self.running.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`, like a machine that slept."""
        self.running.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all of it without a warning, as if its power were cut."""
        self.running.signal(signal.SIGKILL)

    def reach(self, address: str) -> str:
        """How an address of this machine's loopback is written there."""
        return reach(self.host, address)

    async def wait(self) -> int:
        """The command's exit status, 128 + N for a signal; nothing of it runs any more.

        Raises HostError if the machine itself ended, LimitReached if its time was up.
        """
        try:
            return await self.running.ended()
        except HostError as error:
            raise type(error)(f"{self.host.name}: {error}") from None


def reach(host: Host, address: str) -> str:
    """How an address of this machine's loopback is written on `host`."""
    if host.mode != "system":
        return address
    kind, _, rest = address.partition(":")
    name, _, port = rest.rpartition(":")
    if kind == "unix":
        raise HostError(f"{host.name} is a machine of its own and cannot reach {address}")
    return f"{kind}:{system.THIS_MACHINE}:{port}" if name in LOOPBACK else address


@asynccontextmanager
async def running(
    host: Host,
    command: Sequence[str],
    *,
    files: Mapping[str, Path] = NO_FILES,
    env: Mapping[str, str] = NO_SETTINGS,
    limit_s: float = LIMIT_S,
    log: Path | None = None,
    memory_mb: int = MEMORY_MB,
    own_tmp: bool = False,
) -> AsyncIterator[Guest]:
    """Run `command` on `host` until the context is left; raises HostError.

    `files` are those of this machine that a full system shall have too: path there, path here.
    With `own_tmp` the command's temporary files end with it, as a full system's all do.
    Standard error is appended to `log`, or goes where ours goes.
    """
    with nullcontext() if log is None else log.open("ab") as stderr:
        job = Job(command, files, env, memory_mb)
        started: AbstractAsyncContextManager[Running]
        if host.mode == "system":
            started = system.booted(host, job, limit_s, stderr)
        else:
            started = _beside(host, job, limit_s, stderr, subprocess.PIPE, own_tmp)
        async with _in_use(host), started as one:
            yield Guest(host, one)


async def run(
    host: Host,
    command: Sequence[str],
    *,
    files: Mapping[str, Path] = NO_FILES,
    env: Mapping[str, str] = NO_SETTINGS,
    limit_s: float = LIMIT_S,
    memory_mb: int = MEMORY_MB,
) -> int:
    """Run `command` on `host` with our own standard streams; its exit status."""
    if host.mode != "system":
        job = Job(command, files, env, memory_mb)
        async with _in_use(host), _beside(host, job, limit_s, None, None) as one:
            return await Guest(host, one).wait()
    async with running(
        host, command, files=files, env=env, limit_s=limit_s, memory_mb=memory_mb
    ) as guest:
        return await inheriting.copied(guest.stdin, guest.stdout, guest.wait)


@asynccontextmanager
async def _in_use(host: Host) -> AsyncIterator[None]:
    """Let nobody clean away what the host is made of, nor the packages that go along."""
    with ExitStack() as held:
        if host.mode != "native":
            kept = [*host.folders, await trio.to_thread.run_sync(site)]
            held.enter_context(using(kept))
        yield


@asynccontextmanager
async def _beside(
    host: Host,
    job: Job,
    limit_s: float,
    stderr: IO[bytes] | None,
    streams: int | None,
    own_tmp: bool = False,
) -> AsyncIterator[Guarded]:
    """Run it on this machine's kernel."""
    command, env = await trio.to_thread.run_sync(_prepared, host, job)
    async with guarded(
        command,
        env=env,
        limit_s=limit_s,
        own_tmp=own_tmp,
        stderr=stderr,
        stdin=streams,
        stdout=streams,
    ) as running:
        yield running


def _prepared(host: Host, job: Job) -> tuple[list[str], dict[str, str]]:
    if host.mode == "native":
        return native.prepared(job.command, job.env)
    return user.prepared(host, job.command, job.env)
