"""Virtual time: a story takes as long as its computing does, and goes the same way each time.

Trio's clock jumps to the next deadline whenever everybody waits. Of the tasks that are ready at
one instant trio picks at random; here by a seed. Whatever else might differ between two runs
(threads, sockets, the wall clock) a stage does not have.
"""

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import trio
from trio._core import _run  # trio has no public way to fix its schedule
from trio.testing import MockClock

T = TypeVar("T")
scheduler: Any = _run


def run(story: Callable[..., Awaitable[T]], *args: object, seed: int = 0) -> T:
    """Run an async story in virtual time; the same seed gives the same schedule."""
    with _scheduled(seed):
        return trio.run(functools.partial(story, *args), clock=MockClock(autojump_threshold=0))


@contextmanager
def _scheduled(seed: int) -> Iterator[None]:
    allowed, state = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(seed)
    try:
        yield
    finally:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = allowed
        scheduler._r.setstate(state)
