"""What a swarm measured: latencies in bounded logarithmic buckets, and counts.

Everything is whole numbers in plain dicts, so that a worker on any host can hand it over, and
any number of workers' measures add up to exactly what one would have measured.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ERROR = 0.01  # a quantile is at most this far from the exact one, relatively
SECONDS_MIN, SECONDS_MAX = 1e-6, 1e5  # what is beyond is counted at the edge
_GROWTH = math.log((1 + ERROR) / (1 - ERROR))
LATENCIES = ("lag", "logon", "operation", "logoff")
_TOP = math.ceil(math.log(SECONDS_MAX / SECONDS_MIN) / _GROWTH)


class Latencies:
    """How often it took how long: about 1,300 buckets, each 2 % wider than the one before."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts = Counter(counts or {})

    @property
    def count(self) -> int:
        """How many were recorded."""
        return self._counts.total()

    def record(self, seconds: float) -> None:
        """Count one."""
        self._counts[_bucket(seconds)] += 1

    def add(self, other: "Latencies") -> None:
        """Take over all that another one counted."""
        self._counts.update(other._counts)

    def quantile(self, fraction: float) -> float:
        """The seconds that `fraction` of all did not exceed; 0 if there are none."""
        rank = max(1, math.ceil(fraction * self.count))
        for bucket in sorted(self._counts):
            rank -= self._counts[bucket]
            if rank <= 0:
                return _middle(bucket)
        return 0.0

    def spectrum(self) -> list[tuple[float, float]]:
        """For each bucket in use: the fraction of all up to it, and its seconds."""
        below, rows = 0, []
        for bucket in sorted(self._counts):
            below += self._counts[bucket]
            rows.append((below / self.count, _middle(bucket)))
        return rows

    def plain(self) -> dict[str, int]:
        """The counts by bucket, as JSON has them."""
        return {str(bucket): self._counts[bucket] for bucket in sorted(self._counts)}

    @classmethod
    def of(cls, plain: Mapping[str, int]) -> "Latencies":
        """What `plain` said."""
        return cls({int(bucket): count for bucket, count in plain.items()})


def _bucket(seconds: float) -> int:
    """The number of the bucket: the first ends at SECONDS_MIN."""
    if seconds <= SECONDS_MIN:
        return 0
    return min(math.ceil(math.log(seconds / SECONDS_MIN) / _GROWTH), _TOP)


def _middle(bucket: int) -> float:
    """The value that is nowhere in its bucket more than ERROR away."""
    if bucket == 0:
        return SECONDS_MIN
    return SECONDS_MIN * math.exp(bucket * _GROWTH) * (1 - ERROR)


@dataclass(slots=True)
class Counts:
    """What became of the arrivals, and who is logged on."""

    arrivals: int = 0  # intended so far
    logons: int = 0  # attempted: admitted, refused, failed or under way
    admitted: int = 0
    refused: int = 0
    failed: int = 0
    not_started: int = 0  # intended, and never attempted
    cut: int = 0  # logged off before their time, at the run's end
    lost: int = 0  # admitted, and ended without an answered logoff
    operations: int = 0
    operations_failed: int = 0
    sessions: int = 0  # now
    sessions_peak: int = 0

    def admit(self) -> None:
        """One more is logged on."""
        self.admitted += 1
        self.sessions += 1
        self.sessions_peak = max(self.sessions_peak, self.sessions)

    def add(self, other: "Counts") -> None:
        """Add another shard's; the peaks too, which need not have come at one time."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Measures:
    """Counts, and the latencies of logons, of file operations and of logoffs.

    `lag` is the swarm's own: how long after its intended start a session began to log on.
    """

    counts: Counts = field(default_factory=Counts)
    lag: Latencies = field(default_factory=Latencies)
    logon: Latencies = field(default_factory=Latencies)
    operation: Latencies = field(default_factory=Latencies)
    logoff: Latencies = field(default_factory=Latencies)

    def add(self, other: "Measures") -> None:
        """Take over all that another one measured."""
        for name in self.__slots__:
            getattr(self, name).add(getattr(other, name))

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        counts = {name: getattr(self.counts, name) for name in Counts.__slots__}
        latencies = {name: getattr(self, name).plain() for name in LATENCIES}
        return {"counts": counts, **latencies}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Measures":
        """What `plain` said."""
        latencies = {name: Latencies.of(plain[name]) for name in LATENCIES}
        return cls(Counts(**plain["counts"]), **latencies)
