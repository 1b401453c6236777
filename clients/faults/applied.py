"""The toxics that work on one wire now, what each has seen and touched, and the journal of it.

Each toxic counts for itself, so that one more shifts none. The journal has an entry for each
frame that a toxic of frames touched, and for each link that another one did.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from clients.faults.toxics import Place, Toxic, touches

TOXICS_MAX = 256  # of one wire
Note = Callable[[dict[str, Any]], object]


class TooMany(Exception):
    """More toxics than a wire keeps at once."""


@dataclass(slots=True, eq=False)
class Applied:
    """One toxic at work: since when, how many frames of its name passed, what it touched."""

    toxic: Toxic
    since: float
    seen: int = 0
    touched: int = 0


class Toxics:
    """The toxics of one wire, in the order they came. `on_change` hears of each change."""

    def __init__(self, wire: str, seed: int, note: Note = lambda entry: None) -> None:
        self.wire, self.seed = wire, seed
        self.on_change: Callable[[], object] = lambda: None
        self._note = note
        self._applied: dict[str, Applied] = {}
        self._ended: dict[Toxic, int] = {}  # what those that are gone have touched

    def __iter__(self) -> Iterator[Applied]:
        return iter(self._applied.values())

    def __len__(self) -> int:
        return len(self._applied)

    def add(self, toxic: Toxic, now: float) -> None:
        """Let it work from now on, instead of one of the same name; raises TooMany."""
        self._end(toxic.name)
        if len(self._applied) >= TOXICS_MAX:
            raise TooMany(f"{self.wire} has {TOXICS_MAX} toxics: remove one first")
        self._applied[toxic.name] = Applied(toxic, now)
        self.on_change()

    def remove(self, toxic: Toxic) -> None:
        """End it, if it works."""
        if self._end(toxic.name):
            self.on_change()

    def _end(self, name: str) -> bool:
        applied = self._applied.pop(name, None)
        if applied is None:
            return False
        before = self._ended.pop(applied.toxic, 0)
        self._ended[applied.toxic] = before + applied.touched
        while len(self._ended) > TOXICS_MAX:
            del self._ended[next(iter(self._ended))]
        return True

    def get(self, name: str) -> Toxic | None:
        """The toxic of that name that works now."""
        applied = self._applied.get(name)
        return applied.toxic if applied else None

    def works(self, toxic: Toxic) -> bool:
        """Whether it is still there."""
        applied = self._applied.get(toxic.name)
        return applied is not None and applied.toxic == toxic

    def changed(self, toxic: Toxic) -> int:
        """How many frames or streams it has touched, since it first came."""
        applied = self._applied.get(toxic.name)
        now = applied.touched if applied and applied.toxic == toxic else 0
        return now + self._ended.get(toxic, 0)

    def of_type(self, *types: str) -> list[Applied]:
        """Those of these types, in order."""
        return [one for one in self if one.toxic.type in types]

    def touching(self, place: Place, message: str) -> list[Applied]:
        """Which toxics of frames touch this one; each counts those that pass."""
        found = []
        for one in self:
            toxic = one.toxic
            if not toxic.of_frames or place.direction != toxic.stream:
                continue
            if toxic.message and toxic.message != message:
                continue
            one.seen += 1
            if touches(self.seed, place, toxic, message, one.seen):
                found.append(one)
        return found

    def touch(self, applied: Applied, place: Place, now: float, message: str = "") -> None:
        """Count that it touched something there, and write it down."""
        applied.touched += 1
        entry = {
            "at_s": round(now, 6),
            "wire": self.wire,
            "link": place.link,
            "stream": place.direction,
            "toxic": applied.toxic.name,
            "type": applied.toxic.type,
        }
        self._note(entry | ({"frame": place.number, "message": message} if message else {}))
