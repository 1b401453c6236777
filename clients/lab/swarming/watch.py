"""What the daemons say of themselves while a swarm is at them: slots, dormant files, memory."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import trio

from clients.lab.timeline import RELEASED, Timeline
from redird.wire import address
from redird.wire.asking import asking
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Link
from redird.wire.messages import Enumerate, Enumerated

LOOK_S = 0.5
PAGES_MAX = 100  # of facts, at one look
FACTS_KEPT_MAX = 2_000_000
Fact = Mapping[str, Any]


class Watch:
    """Follows one redirector; stays empty if its administrator's views are not for us."""

    def __init__(self, at: str, share: str, ours: Mapping[str, int]) -> None:
        self.status: dict[str, Any] = {}
        self.memory_kb: dict[str, dict[str, int]] = {}
        self.reason = ""  # why the facts are not all there
        self._at = at
        self._share = share.casefold()
        self._ours = ours
        self._facts: list[Fact] = []
        self._held: set[int] = set()
        self._last = 0
        self._gap = False

    async def follow(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self.look()
            await trio.sleep(LOOK_S)

    async def look(self) -> None:
        """Take down what is new, over a link of its own: a redirector keeps no strangers."""
        try:
            await asking(self._look, address.parse(self._at))
        except Refused as no:
            self._miss(f"its daemon does not show it: {no}")
        except LinkLost as error:
            self.reason = self.reason or str(error)

    async def _look(self, link: Link) -> None:
        for program, pid in self._ours.items():
            self._weigh(program, pid)
        await self._see(link)

    async def _see(self, link: Link) -> None:
        self.status = (await page(link, "status", 0))[0]
        for _ in range(PAGES_MAX):
            facts = await page(link, "facts", self._last)
            self._take(facts)
            if not facts:
                break

    def _weigh(self, program: str, pid: int) -> None:
        kb = resident_kb(pid)
        if kb is not None:
            seen = self.memory_kb.setdefault(program, {"first": kb, "most": kb})
            seen["most"] = max(seen["most"], kb)

    def _take(self, facts: list[dict[str, Any]]) -> None:
        self._note_last(facts)
        self._keep(list(self._ours_of(facts)))

    def _note_last(self, facts: list[dict[str, Any]]) -> None:
        if facts and self._last and facts[0]["number"] > self._last + 1:
            self._miss("more happened at once than is remembered")
        self._last = facts[-1]["number"] if facts else self._last

    def _keep(self, facts: list[Fact]) -> None:
        if len(self._facts) + len(facts) > FACTS_KEPT_MAX:
            self._miss(f"more than {FACTS_KEPT_MAX:,} facts")
        else:
            self._facts += facts

    def _ours_of(self, facts: list[dict[str, Any]]) -> Iterator[Fact]:
        """Those about the share; who was released before we looked was never seen to hold."""
        for fact in facts:
            if fact["kind"] != "connection_state" or fact["share"].casefold() != self._share:
                continue
            if fact["state"] == RELEASED and fact["connection"] not in self._held:
                continue
            self._held.add(fact["connection"])
            yield {name: fact[name] for name in ("kind", "at_ns", "connection", "state")}

    def timeline(self, begins_at: float) -> Timeline | None:
        """The slots since `begins_at`; None if nothing could be seen, or not all."""
        if self._gap or not self._facts:
            return None
        try:
            return Timeline(self._facts, int(begins_at * 1e9))
        except ValueError as error:  # another redirector has taken its place meanwhile
            self._miss(str(error))
            return None

    def _miss(self, reason: str) -> None:
        self._gap, self.reason = True, reason


async def page(link: Link, view: str, since: int) -> list[dict[str, Any]]:
    """One page of a view; empty after the last."""
    reply = await link.request(Enumerate(view, since))
    if not isinstance(reply, Enumerated):
        raise LinkLost(f"Enumerate was answered with {type(reply).__name__}")
    return list(reply.rows)


def resident_kb(pid: int) -> int | None:
    """How much memory a process has; None if it has gone or the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return next(map(int, found), None)
