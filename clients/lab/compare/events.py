"""What happened in a run, one line of JSON an event, in order: the run's log.

Lines hold times since the begin and numbers that count from there, nothing of the process they
were made in: two runs of one seed give the same bytes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from clients.lab.compare.logons import Change

_ENCODE = json.JSONEncoder(separators=(", ", ": ")).encode
_OF_NO_EVENT = ("number", "at_ns", "kind", "event")


class EventLog:
    """Writes each event as a line, and keeps the changes of connections."""

    def __init__(self, now: Callable[[], float], write: Callable[[str], object] | None) -> None:
        self._now = now
        self._write = write
        self.changes: list[Change] = []

    def note(self, event: str, **values: Any) -> None:
        """Something happened to a user."""
        if self._write is not None:
            line = {"at_s": round(self._now(), 6), "event": event, **values}
            self._write(_ENCODE(line) + "\n")

    def redirector(self, fact: Mapping[str, Any]) -> None:
        """The redirector noted a fact."""
        if fact["kind"] == "connection_state":
            user, state = fact["user"], fact["state"]
            self.changes.append(Change(self._now(), fact["connection"], user, state))
        self._fact("redirector", fact)

    def server(self, fact: Mapping[str, Any]) -> None:
        """The server noted a fact."""
        self._fact("server", fact)

    def _fact(self, of: str, fact: Mapping[str, Any]) -> None:
        if self._write is not None:
            values = {key: fact[key] for key in fact if key not in _OF_NO_EVENT}
            self.note(fact["kind"], of=of, **values)
