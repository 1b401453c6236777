"""Chance that is the same everywhere: on every host, under every Python, in every shard.

A stream is a counter whose values are mixed (SplitMix64), so it costs nothing to begin. Each
session draws from a stream of its own, named by the seed and the session's number: a shard
makes its own sessions without making the others'.
"""

import math

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


class Chance:
    """A stream of numbers named by whole numbers: the same names, the same numbers."""

    def __init__(self, *names: int) -> None:
        self._state = 0
        for name in names:
            self._state = _mixed(self._state + _STEP) ^ (name & _MASK)
        self._state = _mixed(self._state + _STEP)

    def uniform(self) -> float:
        """A number in [0, 1)."""
        self._state = (self._state + _STEP) & _MASK
        return (_mixed(self._state) >> 11) * 2.0**-53

    def below(self, count: int) -> int:
        """A whole number in [0, count)."""
        return int(self.uniform() * count)

    def exponential(self, mean: float) -> float:
        """The time until something that happens at any instant alike."""
        return -mean * math.log(1.0 - self.uniform())

    def lognormal(self, mean: float, cv: float) -> float:
        """A length with the mean, whose standard deviation is `cv` times as much."""
        variance = math.log(1.0 + cv * cv)
        return mean * math.exp(math.sqrt(variance) * self._normal() - variance / 2)

    def rounded(self, mean: float) -> int:
        """One of the two whole numbers around the mean, so that it is kept."""
        return math.floor(mean + self.uniform())

    def _normal(self) -> float:
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return radius * math.cos(2.0 * math.pi * self.uniform())


def _mixed(number: int) -> int:
    number &= _MASK
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & _MASK
    return number ^ (number >> 31)
