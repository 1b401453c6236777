"""The slots of a share, from its server's own views: one truth, however many redirectors.

What each slot is taken and given back for is exact; what it is held for meanwhile is asked now
and then, which the server has to ask its redirectors in turn.
"""

import time
from typing import Any

from clients.lab.swarming.watch import PAGES_MAX, Fact, Watch, page
from clients.lab.timeline import HELD_STATES, RELEASED
from redird.wire.link import Link

STATES = {"use_admitted": "live", "use_released": RELEASED}


class SlotWatch(Watch):
    """Follows a share server."""

    def __init__(self, at: str, share: str, ours: dict[str, int]) -> None:
        super().__init__(at, share, ours)
        self._states: dict[int, str] = {}

    async def _see(self, link: Link) -> None:
        asked_ns = time.time_ns()
        slots = [one for one in await _slots(link) if self._is_share(one)]
        dormant = sum(one["dormant_files"] for one in slots)
        self.status = {"connections": len(slots), "dormant": dormant}
        taken = []
        for _ in range(PAGES_MAX):
            facts = await page(link, "facts", self._last)
            self._note_last(facts)
            taken += [self._moved(one) for one in facts if self._is_share(one)]
            if not facts:
                break
        # In the order of time: what was seen at the asking stands among what happened.
        self._keep([one for one in taken if one["at_ns"] <= asked_ns])
        self._keep(
            [
                _fact(one["number"], one["state"], asked_ns)
                for one in slots
                if self._states.get(one["number"], one["state"]) != one["state"]
                and one["state"] in HELD_STATES
            ]
        )
        self._keep([one for one in taken if one["at_ns"] > asked_ns])

    def _is_share(self, row: Fact) -> bool:
        return bool(row["share"].casefold() == self._share)

    def _moved(self, fact: Fact) -> Fact:
        return _fact(fact["tree"], STATES[fact["kind"]], fact["at_ns"])

    def _keep(self, facts: list[Fact]) -> None:
        for fact in facts:
            if fact["state"] == RELEASED:
                self._states.pop(fact["connection"], None)
            else:
                self._states[fact["connection"]] = fact["state"]
        super()._keep(facts)


def _fact(connection: int, state: str, at_ns: int) -> Fact:
    return {
        "kind": "connection_state", "at_ns": at_ns, "connection": connection, "state": state,
    }  # fmt: skip


async def _slots(link: Link) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for _ in range(PAGES_MAX):
        more = await page(link, "slots", rows[-1]["number"] if rows else 0)
        rows += more
        if not more:
            break
    return rows
