"""What happened, as numbered facts: bounded, so that whoever watches late misses the oldest."""

from collections import deque
from collections.abc import Callable
from typing import Any

FACTS_MAX = 200_000


class FactLog:
    """The latest facts of this daemon; `on_fact` hears of each the moment it is noted."""

    def __init__(self, facts_max: int = FACTS_MAX) -> None:
        self._facts: deque[dict[str, Any]] = deque(maxlen=facts_max)
        self._last = 0
        self.on_fact: Callable[[dict[str, Any]], None] = lambda fact: None

    def note(self, kind: str, at_ns: int, **values: Any) -> None:
        """Remember one fact."""
        self._last += 1
        fact = {"number": self._last, "at_ns": at_ns, "kind": kind, **values}
        self._facts.append(fact)
        self.on_fact(fact)

    def since(self, number: int, count_max: int) -> list[dict[str, Any]]:
        """Return at most `count_max` facts numbered above `number`, oldest first."""
        if not self._facts:
            return []
        first = self._facts[0]["number"]
        start = max(0, number + 1 - first)
        stop = min(len(self._facts), start + count_max)
        return [self._facts[index] for index in range(start, stop)]
