"""The local end of what is copied: read and written piece by piece in worker threads.

Descriptors and not Python's files: a thread that waits in a read can then be left behind at
Ctrl-C. `-` is standard input or output.
"""

import base64
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from clients.file import File
from clients.names import parse
from clients.session import Session
from redird.wire.dialling import unwrapped

CHUNK_BYTES = 768 * 1024  # a multiple of three, for base64
STANDARD = "-"
Take = Callable[[bytes], Awaitable[None]]


async def put(session: Session, local: str, name: str, *, append: bool) -> int:
    """Copy a local file to a share; returns how many bytes."""
    mode = "ab" if append else "wb"
    async with _readable(local) as source, session.open(name, mode) as file:
        count = 0
        while data := await _in_thread(os.read, source, CHUNK_BYTES):
            count += await file.write(data)
        return count


async def get(session: Session, name: str, local: str) -> int:
    """Copy a file from a share; what is at `local` is replaced as a whole, or not at all."""
    async with session.open(name, "rb") as file:
        if local == STANDARD:
            return await _copy(file, standard_output())
        async with _replacing(_target(local, name)) as descriptor:
            return await _copy(file, descriptor)


def _target(local: str, name: str) -> Path:
    """Return where to copy to; into a folder a file goes under its own name."""
    target = Path(local)
    return target / parse(name).path.rpartition("/")[2] if target.is_dir() else target


async def cat_base64(session: Session, name: str, before: str, after: str) -> int:
    """Write a file's content in base64 to standard output, between two texts."""
    descriptor = standard_output()
    async with session.open(name, "rb") as file:
        await write_all(descriptor, before.encode())
        count = await _each(file, lambda data: write_all(descriptor, base64.b64encode(data)))
    await write_all(descriptor, after.encode())
    return count


def standard_output() -> int:
    """Return the descriptor; raises OSError if it is closed, as its number may be another's."""
    return _standard(sys.stdout, 1, "standard output")


async def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`."""
    view = memoryview(data)
    while view:
        view = view[await _in_thread(os.write, descriptor, view) :]


async def _copy(file: File, descriptor: int) -> int:
    return await _each(file, lambda data: write_all(descriptor, data))


async def _each(file: File, take: Take) -> int:
    """Take piece by piece, while the next one is on its way."""
    count = 0
    send, receive = trio.open_memory_channel[bytes](1)
    with unwrapped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_all, file, send)
            async for data in receive:
                await take(data)
                count += len(data)
    return count


async def _send_all(file: File, pieces: trio.MemorySendChannel[bytes]) -> None:
    async with pieces:
        while data := await file.read(CHUNK_BYTES):
            await pieces.send(data)


@asynccontextmanager
async def _readable(local: str) -> AsyncIterator[int]:
    if local == STANDARD:
        yield _standard(sys.stdin, 0, "standard input")
        return
    descriptor = await _in_thread(os.open, local, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _replacing(target: Path) -> AsyncIterator[int]:
    """Give a descriptor to write to; its file becomes `target` if the block ends well."""
    if _is_special(target):  # a device, a FIFO: written to, never replaced
        descriptor = await _in_thread(os.open, target, os.O_WRONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        return
    goal = _followed(target)
    new = goal.with_name(f".redclient-{os.getpid()}.part")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    try:
        yield descriptor
        new.replace(goal)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _is_special(target: Path) -> bool:
    return target.exists() and not target.is_file()


def _followed(target: Path) -> Path:
    """Return what a symlink leads to: that is replaced, the symlink stays."""
    return target.resolve()


def _standard(stream: Any, descriptor: int, what: str) -> int:
    if stream is None:
        raise OSError(0, "closed", what)
    return descriptor


async def _in_thread(function: Callable[..., Any], *args: Any) -> Any:
    return await trio.to_thread.run_sync(function, *args, abandon_on_cancel=True)
