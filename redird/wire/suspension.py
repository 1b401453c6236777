"""Noticing that a coroutine suspends: until then it costs no task of its own."""

import functools
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def noticing(awaitable: Awaitable[T], on_suspend: Callable[[], None]) -> Generator[Any, Any, T]:
    """Await `awaitable`, calling `on_suspend` once if and when it first suspends."""
    steps: Any = awaitable if isinstance(awaitable, Coroutine) else awaitable.__await__()
    try:
        trap = steps.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    on_suspend()
    while True:
        try:
            sent = yield trap
        except BaseException as error:  # the coroutine decides what to make of it
            resume: Callable[[], Any] = functools.partial(steps.throw, error)
        else:
            resume = functools.partial(steps.send, sent)
        try:
            trap = resume()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
