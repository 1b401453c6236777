"""What came of a played trace: every attempt, what slots were held for, and the figures.

A run is plain data, so that it can come from another process. Times are seconds of the policy
since the begin: those of a scaled run are divided by its scale; but the clients' history, the
timeline and receipts keep the run's own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from clients.lab.history import Attempt, summary, verdicts
from clients.lab.timeline import Timeline

SUCCESS = "STATUS_SUCCESS"
Key = tuple[int, int]  # user, which of the user's attempts, from 1 on


class Change(NamedTuple):
    """A connection of the redirector's came into another state."""

    at_s: float
    connection: int
    user: str
    state: str


def changes_of(
    facts: Iterable[Mapping[str, Any]], began_ns: int, time_scale: float = 1.0
) -> list[Change]:
    """What a redirector's facts say of its connections."""
    return [
        Change(
            (fact["at_ns"] - began_ns) / 1e9 / time_scale,
            fact["connection"],
            fact["user"],
            fact["state"],
        )
        for fact in facts
        if fact["kind"] == "connection_state"
    ]


@dataclass(slots=True)
class Logon:
    """One attempt of one user, and what came of each of its visits."""

    user: int
    number: int
    attempt: Attempt
    began_s: float = 0.0
    log_on_s: float | None = None  # from the beginning until a slot was given
    files: list[int] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    visited_s: list[float] = field(default_factory=list)  # when each was over

    @property
    def key(self) -> Key:
        """By which the same attempt is found in another run."""
        return self.user, self.number

    @property
    def failed(self) -> int:
        """How many of its visits failed."""
        return len(self.statuses) - self.statuses.count(SUCCESS)

    def row(self) -> dict[str, Any]:
        """What is written of it; times of the run, as in the clients' own history."""
        attempt, receipt = self.attempt, self.attempt.receipt
        return {
            "user": attempt.user,
            "number": self.number,
            "began_s": round(self.began_s, 6),
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "verdict": None if receipt is None else receipt["verdict"],
            "connect_sent": attempt.connect_sent,
            "connect_answered": attempt.connect_answered,
            "logoff_sent": attempt.logoff_sent,
            "logoff_answered": attempt.logoff_answered,
            "visits": len(self.statuses),
            "visits_failed": self.failed,
        }


@dataclass(slots=True)
class Played:
    """One trace under one preset."""

    preset: str
    limit: int
    logons: list[Logon]
    changes: list[Change]
    timeline: Timeline
    creates_avoided: int
    round_trips_saved: int
    requests_sent: int
    simulated_s: float
    spent_s: float  # real seconds
    timed: bool = True  # whether the time to log on means something
    time_scale: float = 1.0

    def attempts(self) -> list[Attempt]:
        """The clients' own history."""
        return [logon.attempt for logon in self.logons]

    def refusals(self) -> list[tuple[float, str]]:
        """When somebody was refused, in seconds of the run, and the history's verdict on it."""
        attempts = self.attempts()
        refused = [one for one in attempts if one.outcome == "refused"]
        judged = verdicts(attempts, refused, self.limit)
        return [
            (one.connect_sent, verdict) for one, verdict in zip(refused, judged, strict=True)
        ]

    def row(self) -> dict[str, Any]:
        """The figures in their documented form."""
        done = summary(self.attempts(), self.limit)
        visits = sum(len(logon.statuses) for logon in self.logons)
        ghosts = self.timeline.slot_seconds("ghosts", self.time_scale)
        dormant_only = self.timeline.slot_seconds("dormant_only", self.time_scale)
        return {
            "logons": done.logons,
            "refused": done.refused,
            "spurious": done.spurious,
            "undecided": done.undecided,
            "failed": done.failed,
            "disagreements": done.disagreements,
            "slots_after_logoff": done.slots_after_logoff,
            "slot_seconds_wasted": round(ghosts + dormant_only, 1),
            "ghost_slot_seconds": round(ghosts, 1),
            "dormant_only_slot_seconds": round(dormant_only, 1),
            "opens": visits,
            "reused": self.creates_avoided,
            "reuse_hit_ratio": round(self.creates_avoided / visits, 4) if visits else None,
            "round_trips_saved": self.round_trips_saved,
            "requests_sent": self.requests_sent,
            "visits_failed": sum(logon.failed for logon in self.logons),
            "log_on_ms": self.log_on_ms(),
            "simulated_s": round(self.simulated_s, 1),
            "spent_s": round(self.spent_s, 2),
        }

    def log_on_ms(self) -> dict[str, float] | None:
        """Mean and 99th percentile of the time to log on; None where it means nothing."""
        times = sorted(one.log_on_s for one in self.logons if one.log_on_s is not None)
        if not times or not self.timed:
            return None
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        return {"mean": round(sum(times) / len(times) * 1e3, 3), "p99": round(p99 * 1e3, 3)}
