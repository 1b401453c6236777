"""What happened in a run, one line of JSON an event, in order: the run's log.

Lines hold times since the begin and numbers that count from there, nothing of the process they
were made in: two runs of one seed give the same bytes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

_ENCODE = json.JSONEncoder(separators=(", ", ": ")).encode
_OF_NO_EVENT = ("number", "at_ns", "kind", "event")


class EventLog:
    """Writes each event as a line; `now` gives seconds since the begin."""

    def __init__(self, now: Callable[[], float], write: Callable[[str], object] | None) -> None:
        self._now = now
        self._write = write

    def note(self, event: str, **values: Any) -> None:
        """Something happened to a user."""
        if self._write is not None:
            line = {"at_s": round(self._now(), 6), "event": event, **values}
            self._write(_ENCODE(line) + "\n")

    def fact(self, of: str, fact: Mapping[str, Any]) -> None:
        """A daemon noted a fact."""
        if self._write is not None:
            values = {key: fact[key] for key in fact if key not in _OF_NO_EVENT}
            self.note(fact["kind"], of=of, **values)
