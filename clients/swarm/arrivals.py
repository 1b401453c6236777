"""When sessions begin, how long they stay, and when they touch which file.

Every time is in whole microseconds, so that a plan reads the same wherever it was made.
"""

import math
from collections.abc import Callable, Iterator

from clients.swarm.chance import Chance
from clients.swarm.trace import Visit

MICROSECOND_S = 1e-6

Length = Callable[[Chance], float]


def poisson(rate_per_s: float, duration_s: float, chance: Chance) -> Iterator[float]:
    """Instants at which somebody comes though nobody knows of the others."""
    at_s = chance.exponential(1 / rate_per_s)
    while at_s < duration_s:
        yield microseconds(at_s)
        at_s += chance.exponential(1 / rate_per_s)


def constant(rate_per_s: float, duration_s: float) -> Iterator[float]:
    """Instants at equal distances, from the begin on."""
    count = math.ceil(rate_per_s * duration_s)
    return (microseconds(number / rate_per_s) for number in range(count))


def length(kind: str, mean_s: float, cv: float) -> Length:
    """How a session's length is drawn."""
    if kind == "constant":
        return lambda chance: microseconds(mean_s)
    if kind == "exponential":
        return lambda chance: microseconds(chance.exponential(mean_s))
    return lambda chance: microseconds(chance.lognormal(mean_s, cv))


def visits(
    count: float, length_s: float, files: int, locality: float, write: float, chance: Chance
) -> tuple[Visit, ...]:
    """A session's visits, spread evenly over its length, the last one at its very end.

    `locality` and `write` are chances: to come back to one of the session's own files, and to
    write. A session that is over at once has no time for any.
    """
    last_s = microseconds(length_s - MICROSECOND_S)
    number = chance.rounded(count) if 0 <= last_s < length_s else 0
    times = sorted(microseconds(chance.uniform() * last_s) for _ in range(number - 1))
    seen: list[int] = []
    made = []
    for at_s in [*times, last_s][:number]:
        again = seen and chance.uniform() < locality
        file = seen[chance.below(len(seen))] if again else chance.below(files)
        seen.append(file)
        made.append(Visit(at_s, file, chance.uniform() < write))
    return tuple(made)


def microseconds(seconds: float) -> float:
    """The nearest whole microsecond."""
    return round(seconds, 6)
