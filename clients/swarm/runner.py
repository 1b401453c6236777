"""One shard of a swarm: planned sessions begin at their instants, whatever the daemons do.

Each latency counts from the instant that was intended: a session that had to wait for anything,
this process included, has waited. What could not begin is counted, never left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import trio

from clients.errors import ConnectRefused, LinkFailed, SessionError
from clients.session import Client, Session
from clients.swarm.diary import ADMITTED, REFUSED, Diary, Stay
from clients.swarm.links import Dial, Links
from clients.swarm.measures import Measures
from clients.swarm.trace import PlannedSession, Visit

READ_BYTES = 4096
CONTENT = b"written by a swarm\n" * 4
REASONS_MAX = 20
NO_ANSWER = "no answer until the run's end"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to log on, and as whom; `server` and `share` name what is connected to."""

    address: str
    server: str
    share: str
    user: str = "guest"
    password: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a shard may take."""

    in_flight_max: int = 20_000  # sessions at once, in whatever state
    grace_s: float = 30.0  # for sessions to end after the last may begin; then they are cut
    ending_max_s: float = 30.0  # for those cut to log off
    sessions_per_link: int = 20
    stays_max: int = 500_000  # remembered for the verdicts


def file_name(number: int) -> str:
    """The share's file of that number."""
    return f"swarm-{number:06}.dat"


class Runner:
    """Runs the sessions of one shard and measures them."""

    def __init__(
        self, target: Target, bounds: Bounds, dial: Dial, retry_pause_s: float | None = None
    ) -> None:
        self.measures = Measures()
        self.diary = Diary(bounds.stays_max)
        self.reasons: Counter[str] = Counter()
        self.stopped = False
        self._target = target
        self._bounds = bounds
        self._dial = dial
        self._retry_pause_s = retry_pause_s
        self._over = trio.Event()
        self._in_flight = 0
        self._ends_s = 0.0

    def stop(self) -> None:
        """Begin nothing more; who is logged on logs off."""
        self.stopped = True
        self._over.set()

    async def run(
        self,
        sessions: Iterable[PlannedSession],
        closed: bool,
        begin_s: float,
        duration_s: float,
    ) -> None:
        """Run them all; takes at most the duration, the grace and the bound on the ending."""
        self._ends_s = begin_s + duration_s
        async with trio.open_nursery() as holding:
            self._links = Links(self._dial, self._bounds.sessions_per_link, holding)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    self._end_in_time, nursery.cancel_scope, holding.cancel_scope
                )
                begin = self._closed if closed else self._open
                async with trio.open_nursery() as working:
                    await begin(working, sessions, begin_s)
                nursery.cancel_scope.cancel()
            holding.cancel_scope.cancel()

    async def _end_in_time(self, *scopes: trio.CancelScope) -> None:
        await self._over_by(self._ends_s + self._bounds.grace_s)
        self._over.set()
        await trio.sleep(self._bounds.ending_max_s)
        for scope in scopes:
            scope.cancel()

    async def _over_by(self, at_s: float) -> bool:
        """Wait until then or until the run is over; says which."""
        with trio.move_on_at(at_s):
            await self._over.wait()
        return self._over.is_set()

    # --- who comes when ---

    async def _open(
        self, nursery: trio.Nursery, sessions: Iterable[PlannedSession], begin_s: float
    ) -> None:
        for planned in sessions:
            due_s = begin_s + planned.at_s
            if await self._over_by(due_s) and due_s > trio.current_time():
                return
            if self._may_begin():
                nursery.start_soon(self._come, planned, due_s)

    async def _closed(
        self, nursery: trio.Nursery, sessions: Iterable[PlannedSession], begin_s: float
    ) -> None:
        for _, own in groupby(sessions, key=lambda planned: planned.user):
            nursery.start_soon(self._user, iter(list(own)), begin_s)

    async def _user(self, own: Iterator[PlannedSession], left_s: float) -> None:
        for planned in own:
            due_s = left_s + planned.at_s
            if due_s >= self._ends_s or await self._over_by(due_s):
                return
            if self._may_begin():
                await self._come(planned, due_s)
            left_s = trio.current_time()

    def _may_begin(self) -> bool:
        """Count an arrival; whether there is room for it, and time."""
        counts = self.measures.counts
        counts.arrivals += 1
        if self._over.is_set() or self._in_flight >= self._bounds.in_flight_max:
            counts.not_started += 1
            return False
        self._in_flight += 1
        return True

    async def _come(self, planned: PlannedSession, due_s: float) -> None:
        """Log on, stay, log off; a user who is refused may try again."""
        try:
            while await self._attempt(planned, due_s) and self._retry_pause_s is not None:
                due_s = trio.current_time() + self._retry_pause_s
                if due_s >= self._ends_s or await self._over_by(due_s):
                    return
        finally:
            self._in_flight -= 1

    # --- one session ---

    async def _attempt(self, planned: PlannedSession, due_s: float) -> bool:
        """One logon and what follows; whether the share's limit refused it."""
        self.measures.counts.logons += 1
        self.measures.lag.record(trio.current_time() - due_s)
        admission = _Admission(self, due_s)
        try:
            async with self._links.client() as client:
                session, stay = await admission.ask(client, self._target)
                if stay.outcome == REFUSED:
                    await session.logoff()
                else:
                    await self._stay(session, stay, planned)
                return stay.outcome == REFUSED
        except SessionError as error:
            self.give_reason(str(error))
            admission.fail()
            return False
        finally:
            admission.end()

    async def _stay(self, session: Session, stay: Stay, planned: PlannedSession) -> None:
        counts = self.measures.counts
        admitted_s = trio.current_time()
        due_s = admitted_s + planned.length_s
        try:
            for visit in planned.visits:
                if await self._over_by(admitted_s + visit.at_s):
                    break
                await self._visit(session, visit, admitted_s + visit.at_s)
            if await self._over_by(due_s) and trio.current_time() < due_s:
                counts.cut += 1
                due_s = trio.current_time()
            stay.logoff_sent = trio.current_time()
            await session.logoff()
            stay.logoff_answered = trio.current_time()
            self.measures.logoff.record(stay.logoff_answered - due_s)
        finally:
            counts.sessions -= 1
            counts.lost += stay.logoff_answered is None

    async def _visit(self, session: Session, visit: Visit, due_s: float) -> None:
        target, counts = self._target, self.measures.counts
        name = rf"\\{target.server}\{target.share}\{file_name(visit.file)}"
        try:
            async with session.open(name, "r+b" if visit.write else "rb") as file:
                if visit.write:
                    await file.write(CONTENT)
                else:
                    await file.read(READ_BYTES)
        except LinkFailed:
            raise
        except SessionError as error:
            counts.operations_failed += 1
            self.give_reason(str(error))
        else:
            counts.operations += 1
            self.measures.operation.record(trio.current_time() - due_s)

    def give_reason(self, reason: str) -> None:
        """Count why something failed; beyond the first few kinds only that it did."""
        known = reason in self.reasons or len(self.reasons) < REASONS_MAX
        self.reasons[reason if known else "other reasons"] += 1


class _Admission:
    """The way from an intended start to an answer; counts one of them, whatever happens."""

    def __init__(self, runner: Runner, due_s: float) -> None:
        self._runner = runner
        self._due_s = due_s
        self._answered = False

    async def ask(self, client: Client, target: Target) -> tuple[Session, Stay]:
        """Log on and connect; the stay says whether it was admitted or refused."""
        counts = self._runner.measures.counts
        session = await client.logon(target.user, target.password, target.server)
        stay = self._runner.diary.connecting(trio.current_time())
        try:
            await session.connect(target.server, target.share)
        except ConnectRefused:
            stay.answered(REFUSED, trio.current_time())
            counts.refused += 1
        else:
            stay.answered(ADMITTED, trio.current_time())
            counts.admit()
        self._took()
        return session, stay

    def fail(self) -> None:
        """An error ended the session; counted if it was the logon that failed."""
        if not self._answered:
            self._answered = True
            self._runner.measures.counts.failed += 1

    def end(self) -> None:
        """Nothing more will be heard: who has waited in vain has waited at least so long."""
        if not self._answered:
            self.fail()
            self._took()
            self._runner.give_reason(NO_ANSWER)

    def _took(self) -> None:
        self._answered = True
        self._runner.measures.logon.record(trio.current_time() - self._due_s)
