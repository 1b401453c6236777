"""One link of a wire: its two lanes, and whether a toxic ends it, or one end of it.

`ending` says what a shell has to do with the streams now; `next_at` when to ask again.
"""

from math import inf
from typing import Literal

from clients.faults.applied import Applied, Toxics
from clients.faults.lane import Lane
from clients.faults.toxics import DOWNSTREAM, STREAMS, UPSTREAM, Place, affects

Ending = Literal["", "reset", "closed", "half_open"]
ENDINGS: dict[str, Ending] = {"down": "reset", "reset_peer": "reset", "timeout": "closed"}


class CarriedLink:
    """Link number `number` of a wire, which began at `began`."""

    def __init__(self, toxics: Toxics, number: int, began: float) -> None:
        self._toxics = toxics
        self.number = number
        self._began = began
        self.lanes = {stream: Lane(toxics, number, stream) for stream in STREAMS}
        self._half_by: Applied | None = None
        self._cut = self._closed = False

    @property
    def up(self) -> Lane:
        """From whoever dialled."""
        return self.lanes[UPSTREAM]

    @property
    def down(self) -> Lane:
        """To whoever dialled."""
        return self.lanes[DOWNSTREAM]

    @property
    def dead(self) -> str:
        """In which direction nobody is any more: "upstream" for where the link leads to."""
        return self._half_by.toxic.stream if self._half_by else ""

    def cut(self) -> None:
        """Reset it at the next look."""
        self._cut = True

    def close(self) -> None:
        """Close it at the next look."""
        self._closed = True

    def changed(self, now: float) -> None:
        """Toxics came or went."""
        for lane in self.lanes.values():
            lane.changed(now)

    def ending(self, now: float) -> Ending:
        """What is to be done with its streams now."""
        if self._cut or self._healed_half():
            return "reset"
        for one, at in self._endings():
            if at <= now:
                self._toxics.touch(one, self._place(one), now)
                return ENDINGS[one.toxic.type]
        if self._closed:
            return "closed"
        return self._become_half_open(now)

    def _become_half_open(self, now: float) -> Ending:
        by = None if self._half_by else self._half_open()
        if by is None:
            return ""
        self._half_by = by
        self._toxics.touch(by, self._place(by), now)
        for lane in self.lanes.values():
            lane.swallow()
        return "half_open"

    def next_at(self) -> float:
        """When a toxic will end it, as far as is known."""
        return min((at for _, at in self._endings()), default=inf)

    def _place(self, one: Applied) -> Place:
        return Place(self._toxics.wire, self.number, one.toxic.stream)

    def _works(self, one: Applied) -> bool:
        return affects(self._toxics.seed, self._place(one), one.toxic)

    def _endings(self) -> list[tuple[Applied, float]]:
        if not len(self._toxics):
            return []
        return [
            (one, max(one.since, self._began) + one.toxic.number("timeout") / 1000)
            for one in self._toxics.of_type(*ENDINGS)
            if self._works(one) and (one.toxic.type != "timeout" or one.toxic.number("timeout"))
        ]

    def _half_open(self) -> Applied | None:
        """A toxic that makes it half-open; links that begin later are whole."""
        found = (one for one in self._toxics.of_type("half_open") if self._began <= one.since)
        return next((one for one in found if self._works(one)), None)

    def _healed_half(self) -> bool:
        return self._half_by is not None and not self._toxics.works(self._half_by.toxic)
