"""What a checker says of a run."""

from dataclasses import dataclass
from typing import Any

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result, why in a sentence, and for a failure when it was and whom it concerns."""

    result: str
    why: str
    at_ns: int | None = None
    subjects: tuple[str, ...] = ()
    count: int = 0  # how often it failed

    def row(self) -> dict[str, Any]:
        """Return it as it is shown; `verdict` is the result."""
        row: dict[str, Any] = {"verdict": self.result, "why": self.why}
        if self.result == FAIL:
            row |= {"at_ns": self.at_ns, "subjects": list(self.subjects), "count": self.count}
        return row


def clock(at_ns: int) -> str:
    """A time of the run for people, in seconds."""
    return f"{at_ns / NANO:.3f} s"
