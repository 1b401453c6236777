"""Every story's log is read: an error fails it, and so does a warning it did not expect."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

pytest.register_assert_rewrite("tests.playbook")


class Log:
    """What the daemons of a story have logged."""

    def __init__(self, entries: list[EventDict]) -> None:
        self.entries = entries
        self._expected: set[str] = set()

    def expect(self, *events: str) -> None:
        """These warnings belong to the story."""
        self._expected |= set(events)

    def unexpected(self) -> list[EventDict]:
        return [
            entry
            for entry in self.entries
            if entry["log_level"] not in ("debug", "info")
            and entry["event"] not in self._expected
        ]


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    with capture_logs() as entries:
        log = Log(entries)
        yield log
    assert [] == log.unexpected()
