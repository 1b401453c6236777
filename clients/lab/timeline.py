"""What the connections of one redirector were held for, second by second, from its facts.

Each fact moves one connection from one state to another, so the counts are a step series. A
connection whose slot was recalled may take one again. A
*ghost* is a connection whose session is gone: an orphan, or one that is closing after it was an
orphan; a connection that closes while its session's logoff is under way is none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

HELD_STATES = ("live", "dormant_only", "orphan", "closing")
RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Step:
    """The connections by state from `at_s` on; `ghosts` are the orphans, closing or not."""

    at_s: float
    live: int = 0
    dormant_only: int = 0
    orphan: int = 0
    closing: int = 0
    ghosts: int = 0

    @property
    def held(self) -> int:
        """How many connections there are, whatever for."""
        return self.live + self.dormant_only + self.orphan + self.closing


class Timeline:
    """The step series made of the facts after `start_ns`, up to `end_ns` or the last fact.

    Facts of other kinds are ignored. A connection released twice, or without having been held,
    raises ValueError: these are not all the facts of one redirector.
    """

    def __init__(
        self, facts: Iterable[Mapping[str, Any]], start_ns: int, end_ns: int | None = None
    ) -> None:
        self.steps: list[Step] = [Step(0.0)]
        self._states: dict[int, str] = {}
        self._ghosts: set[int] = set()
        self._counts: Counter[str] = Counter()
        for fact in facts:
            if fact["kind"] == "connection_state":
                self._move(fact["connection"], fact["state"])
                self._step((fact["at_ns"] - start_ns) / 1e9)
        if end_ns is not None:
            self._step((end_ns - start_ns) / 1e9)

    @property
    def end_s(self) -> float:
        """When the series ends, in seconds since its start."""
        return self.steps[-1].at_s

    def peak(self) -> int:
        """The most connections held at once."""
        return max(step.held for step in self.steps)

    def ghost_slot_seconds(self, time_scale: float = 1.0) -> float:
        """The integral of ghosts over time, in seconds of the policy: run seconds / scale."""
        return self.slot_seconds("ghosts", time_scale)

    def slot_seconds(self, of: str, time_scale: float = 1.0) -> float:
        """The integral over time of one of a step's counts, in seconds of the policy."""
        run_s: float = sum(getattr(a, of) * (b.at_s - a.at_s) for a, b in pairwise(self.steps))
        return run_s / time_scale

    def _move(self, connection: int, state: str) -> None:
        before = self._states.get(connection)
        if before == RELEASED and state == RELEASED:
            raise ValueError(f"connection {connection} is released after its release")
        if before is None and state == RELEASED:
            raise ValueError(f"connection {connection} is released but was never held")
        if state not in (*HELD_STATES, RELEASED):
            raise ValueError(f"connection {connection} is in no known state: {state!r}")
        self._states[connection] = state
        self._counts[state] += 1
        if before is not None:
            self._counts[before] -= 1
        if state == "orphan":
            self._ghosts.add(connection)
        elif state != "closing":
            self._ghosts.discard(connection)

    def _step(self, at_s: float) -> None:
        # The wall clock may be set back while a run lasts; a series goes forward only.
        at_s = max(at_s, self.end_s)
        if at_s == self.end_s:
            self.steps.pop()
        live, dormant_only, orphan, closing = map(self._counts.__getitem__, HELD_STATES)
        ghosts = len(self._ghosts)
        self.steps.append(Step(at_s, live, dormant_only, orphan, closing, ghosts))
