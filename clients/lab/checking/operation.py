"""One operation of a history: what was asked, and what became of it."""

from dataclasses import dataclass, field
from typing import Any

# A refusal by one of these may have come after the deed.
PERHAPS_DONE = frozenset(
    {
        "STATUS_CONNECTION_DISCONNECTED",
        "STATUS_IO_TIMEOUT",
        "STATUS_IO_DEVICE_ERROR",
        "STATUS_UNEXPECTED_IO_ERROR",
        "STATUS_CONNECTION_RESET",
    }
)


@dataclass(slots=True, eq=False)
class Operation:
    """`invoked` and `returned` are lines of the history: what is before what, without ties.

    `outcome` is empty as long as there is none.
    """

    number: int
    process: str
    host: str
    user: str
    f: str
    asked: dict[str, Any]
    invoked: int
    invoked_ns: int
    outcome: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    returned: int = 0
    returned_ns: int = 0

    @property
    def status(self) -> str:
        """How it was refused; empty if it was not."""
        return str(self.answer.get("status", ""))

    @property
    def refused(self) -> bool:
        """Whether it surely was not done."""
        return self.outcome == "fail" and self.status not in PERHAPS_DONE

    @property
    def took_ns(self) -> int:
        """How long the answer took."""
        return self.returned_ns - self.invoked_ns

    @property
    def at_limit(self) -> bool:
        """Whether it was refused at the share's limit."""
        return self.status == "STATUS_REQUEST_NOT_ACCEPTED"

    @property
    def who(self) -> str:
        """The user and where, for people."""
        return f"{self.user} at {self.host}"

    @property
    def file(self) -> tuple[str, str]:
        """The share and the path it is about."""
        return self.asked["share"], self.asked["path"]


def names(process: str) -> tuple[str, str]:
    """Return the host and the user of "host1/ann#3"."""
    host, _, rest = process.partition("/")
    user, _, _ = rest.rpartition("#")
    return host, user or rest or process
