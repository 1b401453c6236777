"""How many spans cover a place, and the most that do within a range, in O(n log n).

Places are anything that can be ordered; a span covers [begin, end). Ranges are closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

Place = tuple[float, float]  # nanoseconds, and the line, as lines of one instant have an order
Span = tuple[Place, Place]
FIRST: Place = (-1.0, -1.0)


class Steps:
    """The count as a step function of the place; nobody before the first span."""

    def __init__(self, spans: Iterable[Span]) -> None:
        changes: dict[Place, int] = {FIRST: 0}
        for begin, end in spans:
            if begin < end:
                changes[begin] = changes.get(begin, 0) + 1
                changes[end] = changes.get(end, 0) - 1
        self.places = sorted(changes)
        self.counts = list(accumulate(changes[place] for place in self.places))

    def first_above(self, limit: int) -> Place | None:
        """The first place that more than `limit` spans cover."""
        found = (
            place
            for place, count in zip(self.places, self.counts, strict=True)
            if count > limit
        )
        return next(found, None)

    def lows(self, ranges: Sequence[Span]) -> list[int]:
        """For each range, the fewest spans that cover one of its places."""
        counts = self.counts
        self.counts = [-count for count in counts]
        lows = [-peak for peak in self.peaks(ranges)]
        self.counts = counts
        return lows

    def peaks(self, ranges: Sequence[Span]) -> list[int]:
        """For each range, the most spans that cover one of its places."""
        steps = []
        for begin, end in ranges:
            first = bisect_right(self.places, begin) - 1
            steps.append((first, max(first, bisect_right(self.places, end) - 1)))
        peaks = [0] * len(ranges)
        falling: list[int] = []  # the steps that no later one has reached yet, so counts fall
        step = 0
        for index in sorted(range(len(steps)), key=lambda index: steps[index][1]):
            first, last = steps[index]
            while step <= last:
                while falling and self.counts[falling[-1]] <= self.counts[step]:
                    falling.pop()
                falling.append(step)
                step += 1
            peaks[index] = self.counts[falling[bisect_left(falling, first)]]
        return peaks


def covering(spans: Iterable[Span], ranges: Sequence[Span]) -> list[int]:
    """For each range, how many spans cover all of it."""
    arriving = sorted(spans)
    ends = sorted({end for _, end in arriving})
    tree = [0] * (len(ends) + 1)
    counts = [0] * len(ranges)
    arrived = 0
    for index in sorted(range(len(ranges)), key=lambda index: ranges[index][0]):
        begin, end = ranges[index]
        while arrived < len(arriving) and arriving[arrived][0] <= begin:
            _add(tree, bisect_left(ends, arriving[arrived][1]))
            arrived += 1
        counts[index] = arrived - _lower(tree, bisect_right(ends, end))
    return counts


def _add(tree: list[int], rank: int) -> None:
    node = rank + 1
    while node < len(tree):
        tree[node] += 1
        node += node & -node


def _lower(tree: list[int], rank: int) -> int:
    total = 0
    while rank:
        total += tree[rank]
        rank &= rank - 1
    return total
