"""What a history shows over time: spans of faults, lives of programs, operations by outcome."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from clients.lab.checking.history import Event

OUTCOMES = ("ok", "fail", "unknown")
BINS_MAX = 240


@dataclass(frozen=True, slots=True)
class Span:
    """A fault, from when it fired to when it was healed, or a program's death to its life."""

    name: str
    target: str
    from_s: float
    to_s: float


@dataclass(slots=True)
class Seen:
    """A run over its time."""

    end_s: float = 0.0
    faults: list[Span] = field(default_factory=list)
    deaths: list[Span] = field(default_factory=list)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)  # by operation
    done: dict[str, list[float]] = field(default_factory=dict)  # by outcome: when
    _open: dict[tuple[str, str, int], float] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Take one event, in their order."""
        at_s = event.at_ns / 1e9
        self.end_s = max(self.end_s, at_s)
        if event.type in OUTCOMES:
            self.outcomes.setdefault(event.what, Counter())[event.type] += 1
            self.done.setdefault(event.type, []).append(at_s)
        elif event.type == "fault":
            key = (event["kind"], event["target"], int(event.fields.get("n", 0)))
            self._move(key, at_s, event.what == "fired", self.faults)
        elif event.type in ("server", "program"):
            name = event.fields.get("from", "server")
            self._move((name, name, 0), at_s, event.what == "killed", self.deaths)

    def _move(
        self, key: tuple[str, str, int], at_s: float, begins: bool, spans: list[Span]
    ) -> None:
        if begins:
            self._open.setdefault(key, at_s)
        elif key in self._open:
            spans.append(Span(key[0], key[1], self._open.pop(key), at_s))

    def close(self) -> "Seen":
        """End what has not ended: the run has."""
        for (name, target, number), from_s in self._open.items():
            spans = self.faults if number else self.deaths
            spans.append(Span(name, target, from_s, self.end_s))
        self._open.clear()
        return self

    @property
    def bin_s(self) -> float:
        """How long one bin of the picture is: half a second, or more in long runs."""
        return max(0.5, self.end_s / BINS_MAX)

    def bins(self, outcome: str) -> list[int]:
        """How many operations had this outcome in each bin."""
        counts = [0] * (int(self.end_s / self.bin_s) + 1)
        for at_s in self.done.get(outcome, ()):
            counts[int(at_s / self.bin_s)] += 1
        return counts

    def kinds(self) -> list[str]:
        """The kinds of faults, in the order they first came."""
        return list(dict.fromkeys(one.name for one in self.faults))


def seen_in(events: Iterable[Event]) -> Seen:
    """Look through a history."""
    seen = Seen()
    for event in events:
        seen.add(event)
    return seen.close()
