"""Real daemons for tests, each on sockets of its own in a folder of the test's.

A daemon's log must hold no traceback when it ends, whatever was done to it. `for_module` keeps
a stage for all tests of a module: a thread runs trio for it, as each test runs its own.
"""

import json
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio

from deploy.local import LocalProcess, python_module, start
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking

T = TypeVar("T")
GUEST = {"guest": {"guest": True}}
COMMAND_MAX_S = 30
DISK_BYTES = 1024 * 1024  # of a small disk


@dataclass
class Daemon:
    """A running daemon: its process, its log, and a name for its socket's file."""

    local: LocalProcess
    log: Path

    @property
    def tcp(self) -> str:
        return next(one for one in self.local.addresses if one.startswith("tcp:"))

    @property
    def unix(self) -> str:
        return next(one for one in self.local.addresses if one.startswith("unix:"))

    @property
    def pid(self) -> int:
        return self.local.process.pid

    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_kib(self) -> int:
        """How much memory it has resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    async def view(self, name: str) -> list[dict[str, Any]]:
        """One of its admin views."""
        return await asking(lambda link: ask_view(name, link), parse(self.unix))

    async def uses(self, share: str = "docs") -> int:
        """How many slots of a share are in use, at a share server."""
        return next(one["uses"] for one in await self.view("shares") if one["name"] == share)


@dataclass
class Stage:
    """A share server, a redirector in front of it that calls it `files`, and share `docs`."""

    server: Daemon
    redirector: Daemon
    docs: Path


@asynccontextmanager
async def running(
    folder: Path, program: str, config: Mapping[str, Any], env: Mapping[str, str] | None = None
) -> AsyncIterator[Daemon]:
    """Run a daemon on a free port and a socket in `folder`."""
    listen = ["tcp:127.0.0.1:0", f"unix:{folder}/{program}.sock"]
    path, log = folder / f"{program}.toml", folder / f"{program}.log"
    path.write_text(toml({"listen": listen, **config}))
    command = python_module(program, "serve", "--json", "--config", str(path))
    async with start(command, log=log, env=env) as local:
        yield Daemon(local, log)
    assert "Traceback" not in log.read_text()


@asynccontextmanager
async def share_server(
    folder: Path, uses_max: int | None = None, **config: Any
) -> AsyncIterator[tuple[Daemon, Path]]:
    """Run a share server with the share `docs` and the account `guest`."""
    docs = folder / "docs"
    docs.mkdir(exist_ok=True)
    limit = {} if uses_max is None else {"uses_max": uses_max}
    shares = {"docs": {"path": str(docs), **limit}, **config.pop("shares", {})}
    table = {"accounts": GUEST, "shares": shares, **config}
    async with running(folder, "shareserver", table) as server:
        yield server, docs


@asynccontextmanager
async def redirector(
    folder: Path, server: str, preset: str = "sp6", **config: Any
) -> AsyncIterator[Daemon]:
    """Run a redirector that knows one server as `files`."""
    table = {"preset": preset, "servers": {"files": server}, **config}
    async with running(folder, "redird", table) as daemon:
        yield daemon


@asynccontextmanager
async def stage(
    folder: Path,
    uses_max: int | None = None,
    preset: str = "sp6",
    redirector_config: Mapping[str, Any] | None = None,
    **config: Any,
) -> AsyncIterator[Stage]:
    """Run both; further keywords are the share server's configuration."""
    async with (
        share_server(folder, uses_max, **config) as (server, docs),
        redirector(folder, server.tcp, preset, **(redirector_config or {})) as redird,
    ):
        yield Stage(server, redird, docs)


@contextmanager
def for_module(manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Hold an async context open, from a thread."""
    entered: Future[T] = Future()
    leave = trio.Event()

    async def hold() -> None:
        async with manager as value:
            token = trio.lowlevel.current_trio_token()
            entered.set_result(value)
            leaving.set_result(lambda: token.run_sync_soon(leave.set))
            await leave.wait()

    def run() -> None:
        try:
            trio.run(hold)
        except BaseException as error:
            ended.set_exception(error)
            if not entered.done():
                entered.set_exception(error)
        else:
            ended.set_result(None)

    leaving: Future[Callable[[], None]] = Future()
    ended: Future[None] = Future()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield entered.result()
    finally:
        if leaving.done():
            leaving.result()()
        thread.join()
    ended.result()


def toml(table: Mapping[str, Any]) -> str:
    """A table in TOML: plain values first, then a section for each table in it."""
    return "".join(_lines(table, ()))


def _lines(table: Mapping[str, Any], where: Sequence[str]) -> Iterator[str]:
    if where:
        yield f"[{'.'.join(where)}]\n"
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    for key, value in table.items():
        if key not in tables:
            yield f"{key} = {json.dumps(value)}\n"
    for key, value in tables.items():
        yield from _lines(value, (*where, key))


@contextmanager
def small_disk(folder):
    """A disk of DISK_BYTES; needs the rights to mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "redird-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip() or shlex.join(mount)}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# --- commands ---------------------------------------------------------------------------------


@dataclass
class Finished:
    """How a command ended and what it said."""

    status: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def command(program: str, *args: str, stdin: bytes = b"", **options: Any) -> Finished:
    """Run one of our commands to its end; a traceback is never an answer."""
    ended = subprocess.run(
        python_module("clients" if program == "redclient" else program, *args),
        input=stdin,
        capture_output=True,
        timeout=COMMAND_MAX_S,
        **options,
    )
    finished = Finished(ended.returncode, ended.stdout, ended.stderr.decode())
    assert "Traceback" not in finished.err, finished.err
    return finished


async def run_command(program: str, *args: str, **options: Any) -> Finished:
    """The same from an async test."""
    return await trio.to_thread.run_sync(lambda: command(program, *args, **options))


@contextmanager
def holding(*args: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `redclient ... hold` from when it says what it holds until the block ends."""
    process = subprocess.Popen(
        python_module("clients", *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), process.communicate()[1].decode()
            yield process
        finally:
            process.kill()


async def wait_until(condition: Callable[[], Any]) -> None:
    """Poll until `condition`, which may be async, holds."""
    with trio.fail_after(20):
        while True:
            met = condition()
            if hasattr(met, "__await__"):
                met = await met
            if met:
                return
            await trio.sleep(0.02)


def sigterm(process: subprocess.Popen[bytes]) -> int:
    """End a process in order."""
    process.send_signal(signal.SIGTERM)
    return process.wait(COMMAND_MAX_S)
