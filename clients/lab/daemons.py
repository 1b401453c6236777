"""Both daemons as real processes on loopback, over a directory of real files."""

import json
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import LocalProcess, python_module, start
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking

SERVER, SHARE, GUEST = "files", "docs", "guest"
READY_MAX_S = 120.0  # an emulated processor takes its time


@dataclass(frozen=True, slots=True)
class Daemons:
    """A share server and a redirector that leads to it."""

    server: LocalProcess
    redirector: LocalProcess
    folder: Path

    @property
    def server_tcp(self) -> str:
        """Where the share server listens."""
        return address(self.server, "tcp")

    @property
    def redirector_unix(self) -> str:
        """Where the redirector listens."""
        return address(self.redirector, "unix")

    async def server_view(self, name: str) -> list[dict[str, Any]]:
        """Fetch an admin view of the share server."""
        return await view(self.server, name)

    async def redirector_view(self, name: str) -> list[dict[str, Any]]:
        """Fetch an admin view of the redirector."""
        return await view(self.redirector, name)


def address(daemon: LocalProcess, kind: str) -> str:
    """Where a daemon listens, by `tcp` or `unix`."""
    return next(one for one in daemon.addresses if one.startswith(f"{kind}:"))


async def view(daemon: LocalProcess, name: str) -> list[dict[str, Any]]:
    """Fetch an admin view of a daemon."""
    return await asking(lambda link: ask_view(name, link), parse(address(daemon, "unix")))


@asynccontextmanager
async def running(
    *,
    server: Mapping[str, Any] | None = None,
    redirector: Mapping[str, Any] | None = None,
    uses_max: int | None = None,
    files: Mapping[str, bytes] | None = None,
    logs: Path | None = None,
) -> AsyncIterator[Daemons]:
    """Run both daemons with a share of `files`; `server` and `redirector` override settings.

    Raises StartFailed. Everything is gone at the end: processes, sockets, the directory.
    """
    async with share_server(server=server, uses_max=uses_max, files=files, logs=logs) as first:
        at = address(first.process, "tcp")
        async with leading_to(at, redirector or {}, logs=logs) as second:
            yield Daemons(first.process, second, first.folder)


@dataclass(frozen=True, slots=True)
class ShareServer:
    """A share server, and the folder that it shares."""

    process: LocalProcess
    folder: Path


@asynccontextmanager
async def share_server(
    *,
    server: Mapping[str, Any] | None = None,
    uses_max: int | None = None,
    files: Mapping[str, bytes] | None = None,
    logs: Path | None = None,
) -> AsyncIterator[ShareServer]:
    """Run a share server with a share of `files`; `server` overrides settings."""
    with _folder() as folder:
        share = folder / SHARE
        share.mkdir()
        for name, content in (files or {}).items():
            (share / name).write_bytes(content)
        table = {"path": str(share)} | ({} if uses_max is None else {"uses_max": uses_max})
        settings: dict[str, Any] = {
            "listen": ["tcp:127.0.0.1:0", f"unix:{folder}/server.sock"],
            "accounts": {GUEST: {"guest": True}},
            "shares": {SHARE: table},
        } | dict(server or {})
        async with _daemon("shareserver", folder, settings, logs) as process:
            yield ShareServer(process, share)


@asynccontextmanager
async def leading_to(
    server: str, settings: Mapping[str, Any], *, logs: Path | None = None
) -> AsyncIterator[LocalProcess]:
    """Run a redirector that leads to the share server at an address."""
    with _folder() as folder:
        made: dict[str, Any] = {
            "listen": [f"unix:{folder}/redird.sock"],
            "servers": {SERVER: server},
        } | dict(settings)
        async with _daemon("redird", folder, made, logs) as process:
            yield process


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="redlab-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _daemon(
    program: str, folder: Path, settings: Mapping[str, Any], logs: Path | None
) -> AsyncIterator[LocalProcess]:
    config = folder / f"{program}.toml"
    config.write_text("".join(toml_lines(settings)))
    command = python_module(program, "serve", "--json", "--config", str(config))
    log = logs / f"{program}.log" if logs else None
    async with start(command, log=log, ready_max_s=READY_MAX_S) as process:
        yield process


def toml_lines(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Write a table of plain values and tables as TOML."""
    lines = [
        f"{json.dumps(key)} = {json.dumps(value)}\n"
        for key, value in table.items()
        if not isinstance(value, Mapping)
    ]
    for key, value in table.items():
        if isinstance(value, Mapping):
            name = f"{prefix}{json.dumps(key)}"
            lines += [f"[{name}]\n", *toml_lines(value, f"{name}.")]
    return lines


def sample_files(users: int, files_each: int, chance: random.Random) -> dict[str, bytes]:
    """Make the files that users work on: a few kilobytes each, and one that all share."""
    names = [
        f"user{user}-{number}.txt" for user in range(users) for number in range(files_each)
    ]
    return {
        name: chance.randbytes(chance.randrange(1000, 8000)) for name in (*names, "all.txt")
    }
