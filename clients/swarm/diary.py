"""When each session of a swarm asked, was answered and left: what refusals are judged by.

Bounded: a diary that is full says that it does not know of everybody.
"""

from dataclasses import dataclass
from typing import Any

ADMITTED, REFUSED, UNKNOWN = "admitted", "refused", "unknown"


@dataclass(slots=True)
class Stay:
    """One attempt to connect; `unknown` until it was answered. Seconds of one clock."""

    connect_sent: float
    connect_answered: float | None = None
    outcome: str = UNKNOWN
    logoff_sent: float | None = None
    logoff_answered: float | None = None

    def answered(self, outcome: str, at_s: float) -> None:
        """It was admitted or refused."""
        self.outcome, self.connect_answered = outcome, at_s

    def plain(self, shift_s: float) -> list[Any]:
        """Its outcome and times on a clock that shows `shift_s` more."""
        times = (
            self.connect_sent,
            self.connect_answered,
            self.logoff_sent,
            self.logoff_answered,
        )
        return [self.outcome, *(None if at_s is None else at_s + shift_s for at_s in times)]


class Diary:
    """The stays of a shard, at most `stays_max` of them."""

    def __init__(self, stays_max: int) -> None:
        self._stays_max = stays_max
        self._stays: list[Stay] = []
        self.complete = True

    def connecting(self, at_s: float) -> Stay:
        """One more asks to be connected."""
        stay = Stay(at_s)
        if len(self._stays) < self._stays_max:
            self._stays.append(stay)
        else:
            self.complete = False
        return stay

    def plain(self, shift_s: float = 0.0) -> list[list[Any]]:
        """All stays, as JSON has them."""
        return [stay.plain(shift_s) for stay in self._stays]
