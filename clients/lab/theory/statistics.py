"""What replications allow to say: intervals, equivalence, and many claims at once.

Blocked logons come in bursts, so an interval is never made within a run: each replication is
one value, and values of different seeds are independent (Student's t over replications).
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
STEPS_MAX = 300


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the interval around it, and what it is made of."""

    mean: float
    low: float
    high: float
    error: float  # standard error of the mean
    freedom: int

    def within(self, low: float, high: float) -> bool:
        """Whether the whole of it lies between two bounds."""
        return low <= self.low and self.high <= high

    def holds(self, value: float) -> bool:
        """Whether the value lies in it."""
        return self.low <= value <= self.high


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the t-interval of independent values; of fewer than two it is unbounded."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return Interval(mean, -math.inf, math.inf, math.inf, 0)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    error = math.sqrt(variance / count)
    half = t_quantile((1 + confidence) / 2, count - 1) * error
    return Interval(mean, mean - half, mean + half, error, count - 1)


# --- Student's t ------------------------------------------------------------------------------


@functools.lru_cache(1024)
def t_quantile(probability: float, freedom: float) -> float:
    """Return the t below which a Student variable lies with this probability."""
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    high = 1.0
    while t_below(high, freedom) < probability:
        high *= 2
    low = 0.0
    for _ in range(STEPS_MAX):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if t_below(middle, freedom) > probability else (middle, high)
    return (low + high) / 2


def t_below(t: float, freedom: float) -> float:
    """Return the probability that a Student variable is below `t`."""
    tail = _beta_part(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2
    return 1 - tail if t > 0 else tail


def _beta_part(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_part(b, a, 1 - x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return front / _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction 1 + d1/(1 + d2/(1 + ...)), from its end."""
    value = 1.0
    for step in range(STEPS_MAX, 0, -1):
        half, odd = divmod(step, 2)
        if odd:
            top = -(a + half) * (a + b + half) * x
            term = top / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        value = 1 + term / value
    return value


# --- claims -----------------------------------------------------------------------------------


def equivalence(found: Interval, low: float, high: float) -> float:
    """Return the p-value of two one-sided tests: how badly "outside" fits the values."""
    return max(_above(found, low), _below(found, high))


def difference(found: Interval, value: float) -> float:
    """Return the two-sided p-value of "the mean is `value`"."""
    return min(1.0, 2 * min(_above(found, value), _below(found, value)))


def _above(found: Interval, bound: float) -> float:
    """Return the p-value of "the mean is at most `bound`"."""
    if not found.freedom:
        return 1.0
    if not found.error:
        return float(found.mean <= bound)
    return t_below((bound - found.mean) / found.error, found.freedom)


def _below(found: Interval, bound: float) -> float:
    """Return the p-value of "the mean is at least `bound`"."""
    mirrored = Interval(-found.mean, -found.high, -found.low, found.error, found.freedom)
    return _above(mirrored, -bound)


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses are rejected, with at most `level` for any false rejection."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    rejected = [False] * len(p_values)
    for rank, index in enumerate(order):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


# --- less variance ----------------------------------------------------------------------------


def slopes(values: Sequence[float], controls: Sequence[Sequence[float]]) -> list[float]:
    """Return the coefficients with which controls (one row a value) explain the values."""
    count = len(values)
    columns = [_centred(list(column)) for column in zip(*controls, strict=True)]
    centred = _centred(values)
    products = [[_dot(one, two) for two in columns] for one in columns]
    for index, row in enumerate(products):
        row[index] += 1e-12 * row[index] + 1e-300 * count  # controls that hardly differ
    return _solve(products, [_dot(one, centred) for one in columns])


def controlled(
    values: Sequence[float],
    controls: Sequence[Sequence[float]],
    expected: Sequence[float],
    coefficients: Sequence[float],
) -> list[float]:
    """Take from each value what its controls' known errors explain.

    With coefficients from elsewhere than these values, the mean stays exactly what it was.
    """
    return [
        value
        - math.fsum(
            weight * (found - known)
            for weight, found, known in zip(coefficients, row, expected, strict=True)
        )
        for value, row in zip(values, controls, strict=True)
    ]


def _centred(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def _dot(one: Sequence[float], two: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, two, strict=True))


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve a small symmetric positive system; what cannot be told apart counts nothing."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for pivot in range(size):
        best = max(range(pivot, size), key=lambda index: abs(rows[index][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        if not rows[pivot][pivot]:
            continue
        for row in rows[pivot + 1 :]:
            part = row[pivot] / rows[pivot][pivot]
            row[pivot:] = [
                value - part * above
                for value, above in zip(row[pivot:], rows[pivot][pivot:], strict=True)
            ]
    found = [0.0] * size
    for pivot in range(size - 1, -1, -1):
        known = math.fsum(rows[pivot][i] * found[i] for i in range(pivot + 1, size))
        top = rows[pivot][size] - known
        found[pivot] = top / rows[pivot][pivot] if rows[pivot][pivot] else 0.0
    return found
