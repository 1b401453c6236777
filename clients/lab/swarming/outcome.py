"""What the shards of a swarm found, put together and judged.

A refusal is judged by the clients' own history, which is sound only over everybody who may
have held a slot: if a shard was lost or could not remember all, none is called spurious.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clients.lab.history import GENUINE, SPURIOUS, UNDECIDED, Attempt, verdicts
from clients.swarm.diary import ADMITTED, REFUSED, UNKNOWN
from clients.swarm.measures import Latencies, Measures

CLOCKS_APART_S = 0.05  # how far two machines' clocks may disagree
NOT_JUDGED = "not judged"  # nobody said what the limit is
Result = Mapping[str, Any]
# What is said of each host; a verdict is on all of them together.
OF_A_HOST = (
    "logons", "admitted", "refused", "failed", "not_started", "arrivals", "sessions_peak",
    "latency_ms", "operations", "operations_failed", "operation_latency_ms",
    "logoff_latency_ms", "lag_ms", "sessions_cut", "sessions_lost", "shards_lost",
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """All shards' measures, and each refusal's instant and verdict."""

    measures: Measures = field(default_factory=Measures)
    reasons: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[float, str]] = field(default_factory=list)
    complete: bool = True  # the history: everybody is in it
    peak: int = 0
    answering_s: float = 0.0  # from the begin to the last answer to a logon
    busiest: int = 0  # the most answers in one second
    late_s: float = 0.0
    lost: list[str] = field(default_factory=list)  # why, for each shard without a result
    interrupted: bool = False

    @property
    def partial(self) -> bool:
        """Whether this is less than what was asked for."""
        return bool(self.lost) or self.interrupted

    def verdict_counts(self) -> Counter[str]:
        """How many refusals of each verdict."""
        return Counter(verdict for _, verdict in self.refusals)

    def as_json(self) -> dict[str, Any]:
        """The documented object."""
        counts, verdicts = self.measures.counts, self.verdict_counts()
        judged = NOT_JUDGED not in verdicts
        answered = counts.admitted + counts.refused
        return {
            "logons": counts.logons,
            "admitted": counts.admitted,
            "refused": counts.refused,
            "spurious": verdicts[SPURIOUS] if judged else None,
            "genuine": verdicts[GENUINE] if judged else None,
            "undecided": verdicts[UNDECIDED] if judged else None,
            "failed": counts.failed,
            "not_started": counts.not_started,
            "arrivals": counts.arrivals,
            "sessions_peak": self.peak,
            "logons_per_s": round(answered / self.answering_s, 1) if answered else 0.0,
            "logons_per_s_peak": self.busiest,
            "latency_ms": milliseconds(self.measures.logon),
            "operations": counts.operations,
            "operations_failed": counts.operations_failed,
            "operation_latency_ms": milliseconds(self.measures.operation),
            "logoff_latency_ms": milliseconds(self.measures.logoff),
            "lag_ms": milliseconds(self.measures.lag),
            "sessions_cut": counts.cut,
            "sessions_lost": counts.lost,
            "partial": self.partial,
            "shards_lost": len(self.lost),
        }


def milliseconds(latencies: Latencies) -> dict[str, float]:
    """The three quantiles that are always shown."""
    fractions = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
    return {
        name: round(latencies.quantile(fraction) * 1000, 3)
        for name, fraction in fractions.items()
    }


def outcome(
    results: Sequence[Result], lost: Sequence[str], limit: int | None, interrupted: bool
) -> Outcome:
    """Put the results together; `lost` says why others are missing."""
    made = Outcome(lost=list(lost), interrupted=interrupted)
    for result in results:
        made.measures.add(Measures.of(result["measures"]))
        made.reasons.update(result["reasons"])
        made.late_s = max(made.late_s, result["late_s"])
    made.complete = not lost and all(result["complete"] for result in results)
    apart = len({result["machine"] for result in results}) > 1
    began = min((_on_one_clock(one["began"], one, apart) for one in results), default=0.0)
    attempts = [
        attempt(stay, _on_one_clock(-began, result, apart))
        for result in results
        for stay in result["stays"]
    ]
    made.refusals = judged(attempts, limit, made.complete, CLOCKS_APART_S if apart else 0.0)
    made.peak = peak(attempts) if made.complete else made.measures.counts.sessions_peak
    answers = [one.connect_answered for one in attempts if one.connect_answered is not None]
    made.answering_s = max(answers, default=0.0)
    made.busiest = max(Counter(map(int, answers)).values(), default=0)
    return made


@dataclass(frozen=True, slots=True)
class OfHost:
    """What the shards of one host found, which are those of these numbers."""

    shards: list[int]
    outcome: Outcome

    def as_json(self) -> dict[str, Any]:
        """The documented object."""
        found = self.outcome.as_json()
        return {"shards": self.shards, **{name: found[name] for name in OF_A_HOST}}


def by_host(results: Sequence[Result], hosts: Sequence[str]) -> dict[str, OfHost]:
    """What each host found; `hosts` names that of each shard, "" for none."""
    found = {}
    for host in dict.fromkeys(filter(None, hosts)):
        shards = [number for number, name in enumerate(hosts) if name == host]
        own = [result for result in results if result["shard"] in shards]
        lost = ["lost"] * (len(shards) - len(own))
        found[host] = OfHost(shards, outcome(own, lost, None, False))
    return found


def _on_one_clock(at_s: float, result: Result, apart: bool) -> float:
    return at_s + float(result["to_wall_s"]) if apart else at_s


def attempt(stay: Sequence[Any], shift_s: float) -> Attempt:
    """A stay of a worker's diary as the lab's history has it."""
    kind, *times = stay
    sent, answered, logoff_sent, logoff_answered = (
        None if at_s is None else at_s + shift_s for at_s in times
    )
    assert sent is not None
    assert kind in (ADMITTED, REFUSED, UNKNOWN)
    return Attempt("", sent, answered, kind, logoff_sent, logoff_answered)


def judged(
    attempts: Sequence[Attempt], limit: int | None, complete: bool, apart_s: float
) -> list[tuple[float, str]]:
    """Each refusal's instant and verdict; clocks `apart_s` apart make windows wider."""
    refused = sorted(
        (
            Attempt("", one.connect_sent - apart_s, one.connect_answered + apart_s, REFUSED)
            for one in attempts
            if one.outcome == REFUSED and one.connect_answered is not None
        ),
        key=lambda one: one.connect_sent,
    )
    if limit is None:
        return [(one.connect_sent + apart_s, NOT_JUDGED) for one in refused]
    found = verdicts(attempts, refused, limit)
    if not complete:
        found = [UNDECIDED if one == SPURIOUS else one for one in found]
    return [
        (one.connect_sent + apart_s, verdict)
        for one, verdict in zip(refused, found, strict=True)
    ]


def peak(attempts: Iterable[Attempt]) -> int:
    """The most sessions that were certainly logged on at once: admitted, not yet leaving."""
    admitted = [one for one in attempts if one.outcome == ADMITTED]
    begins = sorted(one.connect_answered or 0.0 for one in admitted)
    ends = sorted(one.logoff_sent for one in admitted if one.logoff_sent is not None)
    return max(
        (count - bisect_right(ends, at_s) for count, at_s in enumerate(begins, 1)), default=0
    )
