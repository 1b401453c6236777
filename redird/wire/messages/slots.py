"""What share server and redirector ask each other: leases, slots, and why one was refused."""

from typing import Any

from redird.wire.messages.vocabulary import Message, message, record
from redird.wire.schema import Record


@message
class LeaseBreak(Message):
    """Give the lease on a file back down to `lease`; closing the handles is an answer too."""

    file: int
    lease: int


@message
class LeaseBroken(Message):
    """The lease is given back."""


@message
class DescribeUses(Message):
    """What are these trees held for, now?"""

    trees: tuple[int, ...]


@record
class UseDescription(Record):
    """Why one slot is held: what only its redirector knows.

    `state` is live, dormant_only, orphan, closing or unknown. `logged_off_for_s`: how long ago
    LoggedOff was sent, None while the session is logged on. `release_in_s`, `release_by`: when
    it will be freed, and by which timer.
    """

    tree: int
    state: str
    logged_off_for_s: float | None
    open_files: int
    dormant_files: int
    oldest_dormant_s: float | None
    release_in_s: float | None
    release_by: str


@message
class UsesDescribed(Message):
    """One description for each tree asked about."""

    uses: tuple[UseDescription, ...]


@message
class SlotRecall(Message):
    """The share is full: give back `wanted` slots that nobody needs."""

    share: str
    wanted: int


@message
class SlotsRecalled(Message):
    """How many were given back; each TreeDisconnect came before this answer."""

    given: int


@message
class DescribeRefusal(Message):
    """Wait until a refusal's receipt is complete; `server` only to a redirector."""

    receipt: int
    server: str = ""


@message
class RefusalDescribed(Message):
    """The receipt (see shareserver.receipts)."""

    receipt: dict[str, Any]


@message
class QueryUses(Message):
    """How many uses has the share of this tree now?"""

    tree: int


@message
class UsesFound(Message):
    """The share's uses and its limit (None: none)."""

    uses: int
    uses_max: int | None


@message
class UseEnded(Message):
    """Notification to a redirector: an administrator took this tree away."""

    tree: int
