"""The record that each refusal leaves, and the verdict on it.

The server alone cannot judge: a file going dormant sends nothing, and an sp5 logoff is never
announced. So a refusal is answered at once, then every redirector that held a slot is asked,
and the answers are turned back to the refusal's instant: a holder is live until its LoggedOff
was sent, a ghost from then on, and unknown if its redirector is silent.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

from redird.wire.messages import UseDescription
from shareserver.ledger import Use

RECEIPTS_MAX = 1000
NANO = 1_000_000_000


@dataclass(slots=True)
class Holder:
    """One slot at the instant of the refusal. `ghost` None: nobody can say."""

    use: Use
    redirector: str
    ghost: bool | None = None
    description: UseDescription | None = None

    def row(self, at_ns: int) -> dict[str, Any]:
        """Return the holder as it is shown."""
        told = self.description
        return {
            "tree": self.use.number,
            "session": self.use.session,
            "user": self.use.user,
            "redirector": self.redirector,
            "since_s": (at_ns - self.use.since_ns) / NANO,
            "state": told.state if told else ("live" if self.ghost is False else "unknown"),
            "ghost": self.ghost,
            "open_files": told.open_files if told else 0,
            "dormant_files": told.dormant_files if told else 0,
            "oldest_dormant_s": told.oldest_dormant_s if told else None,
            "release_in_s": told.release_in_s if told else None,
            "release_by": told.release_by if told else "",
        }


@dataclass(slots=True)
class Receipt:
    """One refused TreeConnect: the limit, and who held the slots."""

    number: int
    share: str
    user: str
    peer: int
    at_ns: int
    uses_max: int
    holders: list[Holder]
    complete: bool = False

    def describe(self, use: int, told: UseDescription, asked_ns: int, answered_ns: int) -> None:
        """Take one redirector's word on one slot, turned back to the refusal's instant.

        It was said between asking and answer: what that leaves open nobody can say.
        """
        holder = next(holder for holder in self.holders if holder.use.number == use)
        holder.description = told
        if told.state == "unknown":
            return
        gone_s = told.logged_off_for_s
        if gone_s is None or gone_s < (asked_ns - self.at_ns) / NANO:
            holder.ghost = False
        elif gone_s >= (answered_ns - self.at_ns) / NANO:
            holder.ghost = True

    def count(self, ghost: bool | None) -> int:
        """How many holders are live (False), ghosts (True) or unknown (None)."""
        return sum(holder.ghost is ghost for holder in self.holders)

    @property
    def verdict(self) -> str:
        """Genuine, spurious or undecided (design: refusal receipts)."""
        live, unknown = self.count(False), self.count(None)
        if live >= self.uses_max:
            return "genuine"
        return "spurious" if live + unknown < self.uses_max else "undecided"

    def row(self) -> dict[str, Any]:
        """Return the receipt as it is shown."""
        told = [h.description for h in self.holders if h.description is not None]
        releases = [one.release_in_s for one in told if one.release_in_s is not None]
        needed = sum(h.ghost is False and not _recallable(h.description) for h in self.holders)
        unknown = self.count(None)
        return {
            "number": self.number,
            "share": self.share,
            "user": self.user,
            "at_ns": self.at_ns,
            "uses": len(self.holders),
            "uses_max": self.uses_max,
            "holders": [holder.row(self.at_ns) for holder in self.holders],
            "live": self.count(False),
            "ghosts": self.count(True),
            "unknown": unknown,
            "verdict": self.verdict,
            "earliest_release_s": min(releases, default=None),
            "sp6_would_admit": {"spurious": True, "genuine": False}.get(self.verdict),
            "recall_would_admit": _tri(needed, unknown, self.uses_max),
            "complete": self.complete,
        }


def _recallable(told: UseDescription | None) -> bool:
    return told is not None and told.state in ("orphan", "dormant_only")


def _tri(surely: int, unknown: int, limit: int) -> bool | None:
    if surely + unknown < limit:
        return True
    return False if surely >= limit else None


class ReceiptTable:
    """The latest receipts, by number."""

    def __init__(self) -> None:
        self._receipts: deque[Receipt] = deque(maxlen=RECEIPTS_MAX)
        self._earlier: list[dict[str, Any]] = []  # rows of before this start
        self.last = 0

    def open(
        self, share: str, user: str, peer: int, at_ns: int, uses_max: int, holders: list[Holder]
    ) -> Receipt:
        """Record a refusal."""
        self.last += 1
        receipt = Receipt(self.last, share, user, peer, at_ns, uses_max, holders)
        self._receipts.append(receipt)
        return receipt

    def find(self, number: int) -> Receipt | None:
        """Return a receipt that is still remembered."""
        return next((one for one in self._receipts if one.number == number), None)

    def restore(self, rows: list[dict[str, Any]]) -> None:
        """Show the refusals of an earlier start again."""
        self._earlier = rows[-RECEIPTS_MAX:]
        self.last = max([self.last, *(row["number"] for row in rows)])

    def rows(self, since: int) -> list[dict[str, Any]]:
        """Return the receipts numbered above `since`, as they are shown, oldest first."""
        rows = [*self._earlier, *(one.row() for one in self._receipts)]
        return [row for row in rows[-RECEIPTS_MAX:] if row["number"] > since]
