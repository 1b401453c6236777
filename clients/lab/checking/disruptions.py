"""When a run was disturbed: then what is held may be lost, and clients cannot know.

A fault disturbs from its firing until some time after its healing; a lost link, a killed or
started program for that time after it.
"""

from bisect import bisect_right
from math import inf

from clients.lab.checking.verdict import NANO


class Disruptions:
    """The disturbed spans, in order and apart from each other."""

    def __init__(self, settle_s: float) -> None:
        self._settle_ns = round(settle_s * NANO)
        self._begins: list[float] = []
        self._ends: list[float] = []
        self._open: dict[tuple[str, str], int] = {}

    def begin(self, kind: str, target: str, at_ns: int) -> None:
        """A fault fires."""
        key = kind, target
        self._open[key] = self._open.get(key, 0) + 1
        self._add(at_ns, inf)

    def started(self, program: str, at_ns: int) -> None:
        """A program has started: a disturbance is over only if it was killed before."""
        if ("killed", program) in self._open:
            self._end("killed", program, at_ns)

    def end(self, kind: str, target: str, at_ns: int) -> None:
        """A fault is healed."""
        self._end(kind, target, at_ns)

    def _end(self, kind: str, target: str, at_ns: int) -> None:
        left = self._open.get((kind, target), 0) - 1
        if left > 0:
            self._open[kind, target] = left
        else:
            self._open.pop((kind, target), None)
        if not self._open:
            if self._ends and self._ends[-1] == inf:
                self._ends[-1] = at_ns
            self._add(at_ns, at_ns + self._settle_ns)

    def blow(self, at_ns: int) -> None:
        """Something was lost at once: a link, a program."""
        self._add(at_ns, at_ns + self._settle_ns)

    def _add(self, begin: float, end: float) -> None:
        if self._ends and begin <= self._ends[-1]:
            self._ends[-1] = max(self._ends[-1], end)
        else:
            self._begins.append(begin)
            self._ends.append(end)

    @property
    def any(self) -> bool:
        """Whether the run was disturbed at all."""
        return bool(self._begins)

    def touched(self, from_ns: int, to_ns: int) -> bool:
        """Whether anything disturbed this time."""
        index = bisect_right(self._begins, to_ns) - 1
        return index >= 0 and self._ends[index] >= from_ns

    def length_ns(self, from_ns: int, to_ns: int) -> float:
        """How much of this time was disturbed."""
        first = max(0, bisect_right(self._begins, from_ns) - 1)
        total = 0.0
        for index in range(first, bisect_right(self._begins, to_ns)):
            begin, end = max(self._begins[index], from_ns), min(self._ends[index], to_ns)
            total += max(0.0, end - begin)
        return total
