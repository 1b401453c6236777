"""A trace, played: its sessions log on over some way to a redirector, visit files, log off.

Nobody is exact to the instant: beginnings and stays are up to a millisecond off, by chance that
is the same under every preset, so that users of a regular trace do not act in one instant. The
history's clock never shows one time twice: what came first in virtual time is first in it too.
"""

import math
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Any

import trio

from clients.errors import ConnectRefused, SessionError, session_errors
from clients.lab.compare.events import EventLog
from clients.lab.compare.logons import Logon
from clients.lab.compare.visiting import visit_file
from clients.lab.history import Attempt
from clients.lab.staging.virtual import sleep_until
from clients.session import Client
from clients.swarm.trace import PlannedSession, Trace

OFF_MAX_S = 1e-3
HOLDERS_KEPT_MAX = 20_000  # of all receipts of a run; later ones are kept without holders


@dataclass(frozen=True, slots=True)
class Way:
    """How users reach a redirector, and how long things take them."""

    client: Callable[[], AbstractAsyncContextManager[Client]]
    server: str
    share: str
    hold_s: float = 0.0  # how long a visit keeps its file open, at most until the next
    time_scale: float = 1.0


def user_name(user: int) -> str:
    """What users are called."""
    return f"user{user}"


class Players:
    """All sessions of one run; `logons` grows as they begin."""

    def __init__(
        self, way: Way, seed: int, log: EventLog, on_attempt: Callable[[], None]
    ) -> None:
        self.logons: list[Logon] = []
        self._way = way
        self._seed = seed
        self._log = log
        self._on_attempt = on_attempt
        self._numbers: Counter[int] = Counter()
        self._began = self._last = trio.current_time()
        self._holders_left = HOLDERS_KEPT_MAX

    def now(self) -> float:
        """Seconds since the begin; never the same twice."""
        self._last = max(trio.current_time(), math.nextafter(self._last, math.inf))
        return self._last - self._began

    async def play(self, trace: Trace) -> None:
        """Play all of it."""
        async with trio.open_nursery() as nursery:
            if trace.closed:
                for _, sessions in groupby(trace.sessions, key=lambda one: one.user):
                    nursery.start_soon(self._one_after_another, list(sessions))
                return
            for planned in trace.sessions:
                await sleep_until(self._began + planned.at_s * self._way.time_scale)
                nursery.start_soon(self._attempt, planned, 0.0)

    async def _one_after_another(self, sessions: list[PlannedSession]) -> None:
        for planned in sessions:
            await self._attempt(planned, planned.at_s)

    async def _attempt(self, planned: PlannedSession, think_s: float) -> None:
        user = planned.user
        self._numbers[user] += 1
        number = self._numbers[user]
        chance = Random(f"{self._seed}/{user}/{number}")
        off_s = chance.random() * OFF_MAX_S
        pause_s = (think_s + off_s) * self._way.time_scale
        await sleep_until(trio.current_time() + pause_s)
        logon = Logon(user, number, Attempt(user_name(user), self.now()))
        self.logons.append(logon)
        self._note(logon, "attempt_started")
        try:
            async with self._way.client() as client:
                await self._log_on(client, logon, planned, chance.random() * OFF_MAX_S)
        except SessionError as error:
            logon.attempt.outcome, logon.attempt.reason = "failed", error.status.name
            self._note(logon, "failed", status=error.status.name)
        self._on_attempt()

    async def _log_on(
        self, client: Client, logon: Logon, planned: PlannedSession, off_s: float
    ) -> None:
        attempt = logon.attempt
        began = trio.current_time()
        logon.began_s = (began - self._began) / self._way.time_scale
        session = await client.logon(attempt.user)
        attempt.connect_sent = self.now()
        try:
            tree = await session.connect(self._way.server, self._way.share)
        except ConnectRefused as no:
            attempt.connect_answered, attempt.outcome = self.now(), "refused"
            self._note(logon, "refused", receipt=no.receipt)
            await self._take_receipt(client, logon, no.receipt)
            await session.logoff()
            return
        attempt.connect_answered, attempt.outcome = self.now(), "admitted"
        logon.log_on_s = trio.current_time() - began
        self._note(logon, "admitted")
        leaves = trio.current_time() + (planned.length_s + off_s) * self._way.time_scale
        with session_errors():
            await self._visits(client, tree, logon, planned)
        await sleep_until(leaves)
        attempt.logoff_sent = self.now()
        proof = await session.logoff()
        attempt.logoff_answered = self.now()
        attempt.uses_read = sum(share.uses_after for share in proof.shares)
        self._note(
            logon,
            "logged_off",
            handles_closed=proof.handles_closed,
            uses_after=attempt.uses_read,
            residue=list(proof.residue),
        )

    async def _take_receipt(self, client: Client, logon: Logon, number: int) -> None:
        receipt = await client.receipt(number, self._way.server)
        figures = {key: receipt[key] for key in ("verdict", "live", "ghosts", "unknown")}
        self._note(logon, "receipt_completed", receipt=number, **figures)
        self._holders_left -= len(receipt["holders"])
        logon.attempt.receipt = (
            receipt if self._holders_left >= 0 else receipt | {"holders": []}
        )

    async def _visits(
        self, client: Client, tree: int, logon: Logon, planned: PlannedSession
    ) -> None:
        admitted, scale = trio.current_time(), self._way.time_scale
        ends = [*(visit.at_s for visit in planned.visits[1:]), planned.length_s]
        for visit, end_s in zip(planned.visits, ends, strict=False):  # without any: no end
            await sleep_until(admitted + visit.at_s * scale)
            logon.files.append(visit.file)
            hold_s = min(self._way.hold_s, end_s - visit.at_s) * scale
            status = await visit_file(client, tree, visit, hold_s)
            logon.statuses.append(status)
            logon.visited_s.append((trio.current_time() - self._began) / scale)
            self._note(logon, "visited", file=visit.file, write=visit.write, status=status)

    def _note(self, logon: Logon, event: str, **values: Any) -> None:
        self._log.note(event, user=logon.attempt.user, number=logon.number, **values)
