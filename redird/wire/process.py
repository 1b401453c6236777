"""How every daemon starts and stops: it says where it listens; a signal ends it in order."""

import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn

import trio

from redird.wire.address import bound_address, listen, parse


async def open_listeners(addresses: tuple[str, ...]) -> list[trio.SocketListener]:
    """Open all of them or none; raises AddressError."""
    opened: list[trio.SocketListener] = []
    try:
        for text in addresses:
            opened += await listen(parse(text))
    except BaseException:
        await close_listeners(opened)
        raise
    return opened


async def close_listeners(listeners: list[trio.SocketListener]) -> None:
    """Stop listening; unix sockets leave no file behind."""
    for listener in listeners:
        address = bound_address(listener)
        await trio.aclose_forcefully(listener)
        if address.kind == "unix":
            _remove(address.host)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def announce(
    program: str, listeners: list[trio.SocketListener], as_json: bool, more: str
) -> None:
    """Say on standard output that the daemon is ready and where."""
    where = [str(bound_address(listener)) for listener in listeners]
    if as_json:
        ready = {"ready": True, "program": program, "pid": os.getpid(), "listening": where}
        print(json.dumps(ready), flush=True)
    else:
        print(f"{program} listens on {' and '.join(where)}{more}", flush=True)


async def until_signalled(
    main: Callable[[trio.TaskStatus[None]], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
) -> None:
    """Run `main`; at SIGTERM or SIGINT run `stop` (which must be bounded), then cancel `main`.

    A second signal does not wait for `stop`.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(_started, main)
            async for _ in signals:
                break
            async with trio.open_nursery() as stopping:
                stopping.start_soon(_cancel_at_signal, signals, stopping)
                await stop()
                stopping.cancel_scope.cancel()
            nursery.cancel_scope.cancel()


async def _started(
    main: Callable[[trio.TaskStatus[None]], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    await main(task_status)


async def _cancel_at_signal(signals: AsyncIterator[int], nursery: trio.Nursery) -> None:
    async for _ in signals:
        nursery.cancel_scope.cancel()


def raise_open_files_limit() -> None:
    """A session costs a descriptor: use all that the system grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def fail(program: str, reason: object) -> NoReturn:
    """Say in one line why a command cannot go on, and leave with status 1."""
    print(f"{program}: {reason}", file=sys.stderr)
    raise SystemExit(1)
