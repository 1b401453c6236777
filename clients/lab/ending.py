"""A signal ends a command in order: what it started is ended first, then the command."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import trio

from redird.wire.dialling import unwrapped
from redird.wire.process import leave_quietly

T = TypeVar("T")


def run(main: Callable[..., Awaitable[T]], *args: object) -> T:
    """Run `main`; at SIGTERM or SIGINT it is cancelled and the program ends after it.

    Further signals change nothing: all that `main` does when cancelled must be bounded.
    """
    ended = trio.run(_until_signalled, main, args)
    if isinstance(ended, _Signalled):
        leave_quietly(ended.number)
    return ended


@dataclass(frozen=True, slots=True)
class _Signalled:
    number: int


async def _until_signalled(
    main: Callable[..., Awaitable[T]], args: tuple[object, ...]
) -> T | _Signalled:
    outcome: T | _Signalled | None = None

    async def watch(nursery: trio.Nursery) -> None:
        nonlocal outcome
        number = await anext(signals)
        nursery.cancel_scope.cancel()
        outcome = _Signalled(number)

    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals, unwrapped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, nursery)
            done = await main(*args)
            nursery.cancel_scope.cancel()
            return done
    assert outcome is not None
    return outcome
