"""Streams of a guest that are this process's own standard streams."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from deploy.hosts.host import HostError, LimitReached
from deploy.hosts.unwrapping import unwrapped

CHUNK = 65_536
OUTPUTS = {1: "standard output", 2: "standard error"}


async def copied(
    stdin: trio.abc.SendStream,
    stdout: trio.abc.ReceiveStream,
    wait: Callable[[], Awaitable[int]],
) -> int:
    """Copy our standard input there and its output here until it ended: its status.

    Whoever reads our output may be slow, but not so slow that a limit does not end it.
    """
    all_out = trio.Event()

    async def copy_out() -> None:
        async for part in stdout:
            await write(1, part)
        all_out.set()

    with unwrapped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_copy_in, stdin)
            nursery.start_soon(copy_out)
            try:
                status = await wait()
            except LimitReached:
                raise
            except HostError:
                await all_out.wait()
                raise
            await all_out.wait()
            nursery.cancel_scope.cancel()
    return status


async def write(descriptor: int, data: bytes | bytearray) -> None:
    """Write all of `data` to a descriptor that may make us wait, and may be somebody else's.

    Raises BrokenPipeError if nobody reads it, HostError if it fails in another way.
    """
    # A thread that is left behind harms nobody, and a shared descriptor must stay blocking.
    try:
        while data:
            count = await trio.to_thread.run_sync(
                os.write, descriptor, data, abandon_on_cancel=True
            )
            data = data[count:]
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HostError(f"{OUTPUTS[descriptor]} failed: {reason}") from None


async def _copy_in(stdin: trio.abc.SendStream) -> None:
    async with stdin:
        with suppress(trio.BrokenResourceError):  # it reads no more
            while part := await trio.to_thread.run_sync(_read, abandon_on_cancel=True):
                await stdin.send_all(part)


def _read() -> bytes:
    try:
        return os.read(0, CHUNK)
    except OSError:  # closed, or not for reading
        return b""
