"""The slow reference: whether a small history can have happened, by trying every order.

The search is that of Wing and Gong with Lowe's memory of where it was before: it takes one
operation after the other whose request came before the answer of all that are left, and gives
up a path as soon as the object cannot have answered so. Times are places in the history.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: `answered` is infinity if nobody knows, and then it may never be done.

    Of a register: write or read of a value. Of a share's slots: take, release or refuse.
    """

    does: str
    asked: float
    answered: float = inf
    value: int = 0


Step = Callable[[S, Call], S | None]  # the object's next state; None: it cannot answer so


def possible(calls: Sequence[Call], first: S, step: Step[S]) -> bool:
    """Whether some order explains every answer."""
    needed = sum(1 << index for index, call in enumerate(calls) if call.answered < inf)
    seen: set[tuple[int, S]] = set()
    paths: list[tuple[int, S]] = [(0, first)]
    while paths:
        done, state = paths.pop()
        if done & needed == needed:
            return True
        if (done, state) not in seen:
            seen.add((done, state))
            paths += _ways_on(calls, done, state, step)
    return False


def _ways_on(
    calls: Sequence[Call], done: int, state: S, step: Step[S]
) -> Iterator[tuple[int, S]]:
    left = [(index, call) for index, call in enumerate(calls) if not done >> index & 1]
    soonest = min(call.answered for _, call in left)
    for index, call in left:
        if call.asked <= soonest:
            after = step(state, call)
            if after is not None:
                yield done | 1 << index, after


def register(calls: Iterable[Call]) -> bool:
    """Whether reads and writes of one register can have been done in one order."""

    def step(value: int, call: Call) -> int | None:
        if call.does == "write":
            return call.value
        return value if call.value == value else None

    return possible(tuple(calls), 0, step)


def slots(calls: Iterable[Call], limit: int) -> bool:
    """Whether slots can have been taken, released and refused so, with so many of them.

    Who releases names by `value` the one who took.
    """

    def step(held: frozenset[int], call: Call) -> frozenset[int] | None:
        if call.does == "refuse":
            return held if len(held) >= limit else None
        if call.does == "release":
            return held - {call.value} if call.value in held else None
        return held | {call.value} if len(held) < limit else None

    return possible(tuple(calls), frozenset[int](), step)
