"""The one writer of what counts against a share.

A use is one tree connect (MS-SRVS Share.CurrentUses), not a user and not a file. The test is
`uses >= uses_max` (MS-CIFS 3.3.5.45). Numbers of uses only grow, so a number fences as well: an
old one never names a new slot. Whatever frees a use, it is freed once.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

FACTS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Use:
    """One counted slot and who holds it."""

    number: int
    share: str
    session: int
    peer: int
    user: str
    since_ns: int


class ConnectionLedger:
    """Counts uses per share and remembers the latest changes as numbered facts.

    `on_fact` hears of each the moment it is noted.
    """

    def __init__(self) -> None:
        self._uses: dict[int, Use] = {}
        self._by_share: dict[str, dict[int, Use]] = {}
        self.last = 0
        self._admitted = self._refused = self._released = 0
        self._facts: deque[dict[str, Any]] = deque(maxlen=FACTS_MAX)
        self.fact_number = 0
        self.on_fact: Callable[[dict[str, Any]], None] = lambda fact: None

    def admit(
        self, share: str, uses_max: int | None, session: int, peer: int, user: str, now_ns: int
    ) -> Use | None:
        """Count one more use of `share`, or return None if its limit is reached."""
        held = self._by_share.setdefault(share, {})
        if uses_max is not None and len(held) >= uses_max:
            return None
        self.last += 1
        use = Use(self.last, share, session, peer, user, now_ns)
        held[use.number] = self._uses[use.number] = use
        self._admitted += 1
        self._note("use_admitted", use, now_ns, len(held))
        return use

    def release(self, number: int, now_ns: int) -> Use | None:
        """Give a use back; None if it is not held (any more)."""
        use = self._uses.pop(number, None)
        if use is not None:
            del self._by_share[use.share][number]
            self._released += 1
            self._note("use_released", use, now_ns, self.uses(use.share))
        return use

    def note_refusal(self) -> None:
        """Count a refusal."""
        self._refused += 1

    def find(self, number: int) -> Use | None:
        """Return the use of that number if it is held."""
        return self._uses.get(number)

    def uses(self, share: str) -> int:
        """How many uses `share` has now."""
        return len(self._by_share.get(share, ()))

    def holders(self, share: str) -> list[Use]:
        """Who holds the slots of `share`, oldest first."""
        return list(self._by_share.get(share, {}).values())

    def all(self) -> list[Use]:
        """Return every use, oldest first."""
        return list(self._uses.values())

    def facts(self, since: int) -> list[dict[str, Any]]:
        """Return the facts numbered above `since` that are still remembered."""
        return [fact for fact in self._facts if fact["number"] > since]

    def latest_facts(self, since: int) -> list[dict[str, Any]]:
        """Do as `facts`, at the cost of what there is to return."""
        newer = takewhile(lambda fact: fact["number"] > since, reversed(self._facts))
        return list(newer)[::-1]

    def restore(self, facts: list[dict[str, Any]], now_ns: int) -> None:
        """Go on after the facts of an earlier start; what was held then is held no more."""
        held: dict[int, dict[str, Any]] = {}
        for fact in facts:
            self._facts.append(fact)
            self.fact_number = fact["number"]
            if fact["kind"] == "use_admitted":
                held[fact["tree"]] = fact
            else:
                held.pop(fact["tree"], None)
        left = Counter(fact["share"] for fact in held.values())
        for fact in held.values():
            left[fact["share"]] -= 1
            use = Use(fact["tree"], fact["share"], fact["session"], 0, fact["user"], now_ns)
            self._note("use_released", use, now_ns, left[use.share])

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "uses": len(self._uses),
            "uses_admitted": self._admitted,
            "uses_refused": self._refused,
            "uses_released": self._released,
        }

    def validate(self) -> None:
        """Assert that the counters equal the records."""
        listed = [use for held in self._by_share.values() for use in held.values()]
        assert sorted(self._uses) == sorted(use.number for use in listed)
        assert self._admitted - self._released == len(self._uses)
        assert all(number <= self.last for number in self._uses)

    def _note(self, kind: str, use: Use, now_ns: int, uses: int) -> None:
        self.fact_number += 1
        fact = {
            "number": self.fact_number,
            "at_ns": now_ns,
            "kind": kind,
            "tree": use.number,
            "share": use.share,
            "session": use.session,
            "user": use.user,
            "uses": uses,
        }
        self._facts.append(fact)
        self.on_fact(fact)
