"""One build of an architecture at a time, on this machine."""

import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import trio

from deploy.hosts import cache

TURN_S = 0.2


@asynccontextmanager
async def locked(arch: str, note: Callable[[str], None]) -> AsyncIterator[int]:
    """Hold an architecture's lock, after whoever has it; yields its descriptor.

    It is free when all processes that have the descriptor are gone: the scripts of steps get
    it too, so that nobody meets those of a build that was killed.
    """
    path = cache.folder() / "locks" / arch
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        told = False
        while not _taken(descriptor):
            if not told:
                owner = os.pread(descriptor, 20, 0).decode().strip() or "another"
                note(f"{arch} is being built or cleaned by process {owner}: waiting for it")
                told = True
            await trio.sleep(TURN_S)
        with suppress(OSError):  # a disk that is full can be cleaned
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
