"""The share server that recorded workloads are run against, and what is left there."""

import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from shareserver.accounts import make_verifier
from tests.hosts.recorded import ASIDE, DOCS, FEW, FEW_MAX, FIXED, PASSWORD, USER
from tests.processes.daemons import Daemon, running

BLOCK_BYTES = 4096
RECEIPT_WAIT_S = 20.0  # an emulated redirector describes its uses more slowly


@asynccontextmanager
async def recording_server(folder: Path) -> AsyncIterator[Daemon]:
    """Run a share server with all kinds of shares in `folder`."""
    tables: dict[str, dict[str, Any]] = {
        DOCS: {},
        FEW: {"uses_max": FEW_MAX},
        ASIDE: {"ignore_case": True},
        FIXED: {"read_only": True},
        "paused": {"paused": True},
    }
    for name, table in tables.items():
        table["path"] = str(folder / name)
        (folder / name).mkdir()
    for name in ("a", "b"):
        (folder / FEW / name).write_bytes(name.encode() * 5000)
    config = {
        "accounts": {
            "guest": {"guest": True},
            f'"{USER}"': {"verifier": make_verifier(PASSWORD)},
        },
        "receipt_wait_s": RECEIPT_WAIT_S,
        "shares": tables,
    }
    async with running(folder, "shareserver", config) as server:
        yield server


async def slot_history(server: Daemon) -> list[str]:
    """Who got a slot and gave it back, in order."""
    kept = ("number", "kind", "share", "user", "tree", "session", "uses")
    return [str({key: fact.get(key) for key in kept}) for fact in await server.view("facts")]


def tree(folder: Path) -> list[str]:
    """Everything below a folder: kinds, permissions, sizes, contents, extended attributes."""
    shares = (folder / share for share in (DOCS, FEW, ASIDE, FIXED))
    paths = sorted(path for share in shares for path in share.rglob("*"))
    return [line for path in paths for line in _lines(path, folder)]


def _lines(path: Path, folder: Path) -> Iterator[str]:
    found = path.lstat()
    name = ascii(str(path.relative_to(folder)))
    yield f"{name} {stat.filemode(found.st_mode)} {found.st_nlink}"
    if stat.S_ISLNK(found.st_mode):
        yield f"{name} says {path.readlink()}"
    elif stat.S_ISREG(found.st_mode):
        yield f"{name} {found.st_size} bytes {_digest(path, found.st_size)}"
    for attribute in [] if path.is_symlink() else sorted(os.listxattr(path)):
        yield f"{name} {attribute} {os.getxattr(path, attribute).hex()}"


def _digest(path: Path, size: int) -> str:
    """Of what is not zero: files with large holes are read in no time."""
    made, at = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while at < size:
            try:
                at = os.lseek(descriptor, at, os.SEEK_DATA) // BLOCK_BYTES * BLOCK_BYTES
            except OSError:  # a hole to the end
                break
            block = os.pread(descriptor, BLOCK_BYTES, at)
            if block.strip(b"\0"):
                made.update(b"%d: " % at + block)
            at += BLOCK_BYTES
    finally:
        os.close(descriptor)
    return made.hexdigest()
