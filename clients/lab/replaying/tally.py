"""What came of a load file's lines: counted, timed, and compared with what was expected.

The comparison is made here, after the answer: whoever asked did not know what to expect. A
tally travels between processes as a plain object.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clients.lab.replaying import loadfile as lf
from clients.lab.replaying.player import Outcome
from redird.wire.status import Status

MISMATCHES_MAX = 100  # kept; all are counted


@dataclass(slots=True)
class Timing:
    """How often an operation was done and how long it took."""

    count: int = 0
    total_s: float = 0.0
    worst_s: float = 0.0

    def row(self, name: str) -> dict[str, Any]:
        """Return a line of the report."""
        mean_s = self.total_s / self.count if self.count else 0.0
        return {
            "operation": name,
            "count": self.count,
            "mean_ms": round(mean_s * 1000, 3),
            "worst_ms": round(self.worst_s * 1000, 1),
        }


@dataclass(slots=True)
class Tally:
    """Of one client, or of several."""

    lines: int = 0
    matched: int = 0
    bytes: int = 0
    mismatched: list[dict[str, Any]] = field(default_factory=list)
    timings: dict[str, Timing] = field(default_factory=dict)

    def note(self, line: lf.Line, outcome: Outcome, client: int, spent_s: float) -> None:
        """Count a line that was done in `spent_s` seconds."""
        operation = line.operation
        name = lf.NAMES[type(operation)]
        timing = self.timings.get(name)
        if timing is None:
            timing = self.timings[name] = Timing()
        timing.count += 1
        timing.total_s += spent_s
        timing.worst_s = max(timing.worst_s, spent_s)
        self.lines += 1
        if isinstance(operation, lf.ReadX | lf.WriteX):
            self.bytes += outcome.count
        if _matches(line, outcome):
            self.matched += 1
        elif len(self.mismatched) < MISMATCHES_MAX:
            self.mismatched.append(_mismatch(line, outcome, name, client))

    def restart(self) -> None:
        """Count from now on, but keep what went wrong before."""
        self.lines = self.matched = self.bytes = 0
        self.timings = {}

    def add(self, other: "Tally") -> None:
        """Count what another client did, too."""
        self.lines += other.lines
        self.matched += other.matched
        self.bytes += other.bytes
        room = MISMATCHES_MAX - len(self.mismatched)
        self.mismatched += other.mismatched[:room]
        for name, theirs in other.timings.items():
            mine = self.timings.setdefault(name, Timing())
            mine.count += theirs.count
            mine.total_s += theirs.total_s
            mine.worst_s = max(mine.worst_s, theirs.worst_s)

    def rows(self) -> list[dict[str, Any]]:
        """Return a line for each operation, the most frequent first."""
        ordered = sorted(self.timings.items(), key=lambda one: -one[1].count)
        return [timing.row(name) for name, timing in ordered]

    def as_object(self) -> dict[str, Any]:
        """Return what `from_object` takes."""
        timings = {
            name: [one.count, one.total_s, one.worst_s] for name, one in self.timings.items()
        }
        return {
            "lines": self.lines,
            "matched": self.matched,
            "bytes": self.bytes,
            "mismatched": self.mismatched,
            "timings": timings,
        }

    @classmethod
    def from_object(cls, told: dict[str, Any]) -> "Tally":
        """Return the tally that another process told of."""
        timings = {name: Timing(*values) for name, values in told["timings"].items()}
        return cls(**{**told, "timings": timings})


def total(tallies: Iterable[Tally]) -> Tally:
    """Return what all of them counted."""
    whole = Tally()
    for one in tallies:
        whole.add(one)
    return whole


def _matches(line: lf.Line, outcome: Outcome) -> bool:
    """Whether the status is the one expected, and with it the bytes that moved."""
    if outcome.status is not line.expected or not outcome.sound:
        return False
    operation = line.operation
    if isinstance(operation, lf.ReadX | lf.WriteX):
        return outcome.status is not Status.STATUS_SUCCESS or outcome.count == operation.count
    return True


def _mismatch(line: lf.Line, outcome: Outcome, name: str, client: int) -> dict[str, Any]:
    expected, got = lf.status_name(line.expected), lf.status_name(outcome.status)
    operation = line.operation
    if expected == got and isinstance(operation, lf.ReadX | lf.WriteX):
        expected += f", {operation.count} bytes"
        got += f", {outcome.count} bytes" + (
            "" if outcome.sound else " that nobody wrote there"
        )
    about = getattr(operation, "path", None) or getattr(operation, "handle", "")
    return {
        "line": line.number,
        "client": client,
        "operation": name,
        "about": about,
        "expected": expected,
        "got": got,
    }
