"""What the arrivals of a run would do without a limit: variance taken out of a measurement.

Half of what makes one run's refusals differ from another's is who happened to come, and for
how long. Without a limit those arrivals fill n slots with Poisson's probability, exactly; how
far a run's are off that explains most of its error, whatever the daemons did. (Srikant and
Whitt, Variance reduction in simulations of loss models, 1999.)
"""

import math
from collections.abc import Iterable
from heapq import heappop, heappush

BELOW, ABOVE = 3, 8  # levels around the limit


def levels(limit: int) -> range:
    """Return the numbers of slots that are looked at."""
    return range(max(1, limit - BELOW), limit + ABOVE)


def unlimited(
    sessions: Iterable[tuple[float, float]], hold_more_s: float, start_s: float, limit: int
) -> list[int]:
    """Count the arrivals after `start_s`, and those that would find each level or more held."""
    found: dict[int, int] = {}
    frees: list[float] = []
    for at, length in sessions:
        while frees and frees[0] <= at:
            heappop(frees)
        if at >= start_s:
            found[len(frees)] = found.get(len(frees), 0) + 1
        heappush(frees, at + length + hold_more_s)
    return [
        sum(count for held, count in found.items() if held >= level)
        for level in (0, *levels(limit))
    ]


def expected(offered: float, limit: int) -> list[float]:
    """Return what `unlimited` counts for each logon expected, in the mean."""
    below = [_poisson_below(offered, level) for level in levels(limit)]
    return [1.0, *(1 - one for one in below)]


def _poisson_below(mean: float, level: int) -> float:
    return math.fsum(
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(level)
    )
