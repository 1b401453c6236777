"""The clients' own history of a run, and what follows from it without asking any server.

A client knows when it asked and when it was answered, not when the server decided. So a refusal
is judged over its whole interval: by the holders that were live throughout it, which the server
must have counted, and by the most that can have been live at one of its instants. A session is
live until its LoggedOff was answered; all times are seconds on one monotonic clock.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import Any

GENUINE = "genuine"
SPURIOUS = "spurious"
UNDECIDED = "undecided"


@dataclass(slots=True)
class Attempt:
    """One logon of one user, Logon and Connect together, and the logoff that ended it."""

    user: str
    connect_sent: float
    connect_answered: float | None = None
    outcome: str = "unknown"  # admitted, refused, failed, unknown
    logoff_sent: float | None = None
    logoff_answered: float | None = None
    uses_read: int | None = None  # the share's uses as read on the LoggedOff
    receipt: dict[str, Any] | None = None
    reason: str = ""

    def may_hold(self) -> bool:
        """Whether the attempt may have become a live session."""
        return self.outcome in ("admitted", "unknown")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run's history amounts to, by the clients' own verdicts."""

    logons: int
    refused: int
    spurious: int
    undecided: int
    failed: int
    slots_after_logoff: int
    disagreements: int


def verdict(attempts: Iterable[Attempt], refused: Attempt, uses_max: int) -> str:
    """Whether the limit was really reached when `refused` was: genuine, spurious, undecided."""
    return verdicts(attempts, [refused], uses_max)[0]


def verdicts(
    attempts: Iterable[Attempt], refusals: Sequence[Attempt], uses_max: int
) -> list[str]:
    """The verdict on each of the refusals, in their order, in O(n log n) for all of them."""
    holders = [attempt for attempt in attempts if attempt.may_hold()]
    windows = [_window(refused) for refused in refusals]
    definite = _live_throughout(holders, windows)
    possible = _most_possibly_live(holders, windows)
    return [_judge(*counts, uses_max) for counts in zip(definite, possible, strict=True)]


def agree(server_verdict: str, own_verdict: str) -> bool:
    """Whether two verdicts on one refusal can both be true."""
    return server_verdict == own_verdict or UNDECIDED in (server_verdict, own_verdict)


def slots_after_logoff(attempts: Sequence[Attempt]) -> int:
    """The most slots that a LoggedOff found in use with nobody logged on to explain them."""
    holders = [attempt for attempt in attempts if attempt.may_hold()]
    begins = sorted(attempt.connect_sent for attempt in holders)
    ends = sorted(_end(attempt) for attempt in holders)
    most = 0
    for attempt in attempts:
        sent, answered = attempt.logoff_sent, attempt.logoff_answered
        if attempt.uses_read is None or sent is None or answered is None:
            continue
        possible = bisect_right(begins, answered) - bisect_right(ends, sent)
        itself = attempt.may_hold() and answered > sent
        most = max(most, attempt.uses_read - (possible - itself))
    return most


def summary(attempts: Sequence[Attempt], uses_max: int) -> Summary:
    """Count a run; a refusal without a receipt disagrees with nobody."""
    refusals = [attempt for attempt in attempts if attempt.outcome == "refused"]
    own = verdicts(attempts, refusals, uses_max)
    return Summary(
        logons=len(attempts),
        refused=len(refusals),
        spurious=own.count(SPURIOUS),
        undecided=own.count(UNDECIDED),
        failed=sum(attempt.outcome == "failed" for attempt in attempts),
        slots_after_logoff=slots_after_logoff(attempts),
        disagreements=sum(
            not agree(refused.receipt["verdict"], verdict)
            for refused, verdict in zip(refusals, own, strict=True)
            if refused.receipt is not None
        ),
    )


def _judge(definite: int, possible: int, uses_max: int) -> str:
    if definite >= uses_max:
        return GENUINE
    return SPURIOUS if possible < uses_max else UNDECIDED


def _window(refused: Attempt) -> tuple[float, float]:
    if refused.connect_answered is None:
        raise ValueError(f"the refusal of {refused.user} has no answer: nothing to judge")
    return refused.connect_sent, refused.connect_answered


def _end(attempt: Attempt) -> float:
    return inf if attempt.logoff_answered is None else attempt.logoff_answered


class _Ranks:
    """A Fenwick tree: add ranks, ask how many of those added are lower than one."""

    def __init__(self, size: int) -> None:
        self._sums = [0] * (size + 1)

    def add(self, rank: int) -> None:
        node = rank + 1
        while node < len(self._sums):
            self._sums[node] += 1
            node += node & -node

    def lower(self, rank: int) -> int:
        total = 0
        while rank:
            total += self._sums[rank]
            rank &= rank - 1
        return total


def _live_throughout(
    holders: Iterable[Attempt], windows: Sequence[tuple[float, float]]
) -> list[int]:
    """For each window, how many were admitted before it and had not asked to log off in it."""
    spans = sorted(
        (attempt.connect_answered, inf if attempt.logoff_sent is None else attempt.logoff_sent)
        for attempt in holders
        if attempt.outcome == "admitted" and attempt.connect_answered is not None
    )
    ends = sorted(end for _, end in spans)
    ranks = _Ranks(len(ends))
    counts = [0] * len(windows)
    admitted = 0
    for index in sorted(range(len(windows)), key=windows.__getitem__):
        opens, closes = windows[index]
        while admitted < len(spans) and spans[admitted][0] <= opens:
            ranks.add(bisect_left(ends, spans[admitted][1]))
            admitted += 1
        counts[index] = admitted - ranks.lower(bisect_left(ends, closes))
    return counts


def _most_possibly_live(
    holders: Iterable[Attempt], windows: Sequence[tuple[float, float]]
) -> list[int]:
    """For each window, the most that may have been live at once at one of its instants."""
    times, counts = _steps(holders)
    ranges = []
    for opens, closes in windows:
        first = bisect_right(times, opens) - 1
        # A window without width still has its one instant.
        ranges.append((first, max(first, bisect_left(times, closes) - 1)))
    peaks = [0] * len(windows)
    falling: list[int] = []  # the steps that no later one has reached yet, so counts fall
    step = 0
    for index in sorted(range(len(ranges)), key=lambda index: ranges[index][1]):
        first, last = ranges[index]
        while step <= last:
            while falling and counts[falling[-1]] <= counts[step]:
                falling.pop()
            falling.append(step)
            step += 1
        peaks[index] = counts[falling[bisect_left(falling, first)]]
    return peaks


def _steps(holders: Iterable[Attempt]) -> tuple[list[float], list[int]]:
    """When the number of possibly live sessions changes, and to what; begins with nobody."""
    changes: defaultdict[float, int] = defaultdict(int, {-inf: 0})
    for attempt in holders:
        changes[attempt.connect_sent] += 1
        changes[_end(attempt)] -= 1
    times = sorted(changes)
    return times, list(accumulate(changes[time] for time in times))
