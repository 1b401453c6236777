"""Plays a trial: users, faults and daemons on one stage, in virtual time, and judges it.

First work under faults; then everything is whole again, everybody leaves, time passes; then
nothing may be left, and whoever comes now must be served.
"""

import functools
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any

import trio
from structlog.testing import capture_logs

from clients.errors import SessionError
from clients.faults import playing as breaking
from clients.faults.field import GUEST, Kind
from clients.faults.playing import Played
from clients.faults.schedule import Planned
from clients.lab.checking.history import BLOCK_BYTES
from clients.lab.exercising.actors import Place, act, by_awaiting
from clients.lab.exercising.blocks import value_of
from clients.lab.simulating import world
from clients.lab.simulating.disk import FaultyStore
from clients.lab.simulating.field import SimulatedField
from clients.lab.simulating.judging import judged
from clients.lab.simulating.trial import Trial
from clients.lab.simulating.watching import Failure, Watch
from clients.lab.staging import virtual
from clients.lab.staging.stage import SERVER, Stage, stage
from redird.presets import NEVER, PRESETS
from redird.wire.errors import LinkLost, Refused

SETTLE_S = 10.0  # after the last fault, for what was under way
ALL_S = 1200.0  # a trial is over by then, simulated
STUCK_S = 60.0  # or by then, in processor time


class Stuck(BaseException):
    """A task does not give way to others."""


CRASHES = (
    Stuck,
    AssertionError,
    AttributeError,
    BaseExceptionGroup,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    Refused,
    LinkLost,
    SessionError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
)


@dataclass(slots=True)
class Shown:
    """What a trial has shown. `lines` is its history; `failure` the first thing found."""

    failure: Failure | None = None
    lines: list[str] = field(default_factory=list)
    sometimes: Mapping[str, int] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)
    simulated_s: float = 0.0


def play(trial: Trial, kinds: Mapping[str, Kind]) -> Shown:
    """Play a trial; the same one gives the same history byte for byte."""
    shown = Shown()
    with capture_logs() as log:
        try:
            with _watchdog():
                virtual.run(_play, trial, kinds, shown, seed=trial.seed)
        except CRASHES as error:
            shown.failure = shown.failure or _crashed(error)
    errors = [one for one in log if one["log_level"] in ("error", "critical")]
    if errors and (shown.failure is None or shown.failure.checker == "crash"):
        shown.failure = Failure("crash", _logged(errors[0]))
    return shown


@contextmanager
def _watchdog() -> Iterator[None]:
    """End a trial that computes for ever; only the main thread of a process can."""

    def bite(number: int, frame: FrameType | None) -> None:
        where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}" if frame else "?"
        raise Stuck(f"{STUCK_S:g} s of computing, and no end: {where}")

    before = signal.signal(signal.SIGVTALRM, bite)
    signal.setitimer(signal.ITIMER_VIRTUAL, STUCK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _crashed(error: BaseException) -> Failure:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    name = "nothing is left" if isinstance(error, AssertionError) else "crash"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" in {trace.tb_frame.f_code.co_qualname}" if trace is not None else ""
    return Failure(name, f"{type(error).__name__}{where}: {error}")


def _logged(entry: Mapping[str, Any]) -> str:
    error = entry.get("exc_info")
    return f"a daemon logged {entry['event']}" + (f": {error!r}" if error else "")


async def _play(trial: Trial, kinds: Mapping[str, Kind], shown: Shown) -> None:
    users = [user.name for user in trial.plan.users]
    config = world.server(trial.knobs, sorted({*users, GUEST}))
    with trio.move_on_after(ALL_S) as bound, trio.CancelScope() as ended:
        async with stage(config, None, seed=trial.seed) as opened:
            watch = Watch(opened, Random(f"late {trial.seed}"), ended)
            shown.lines = watch.lines
            try:
                await _Play(trial, kinds, opened, watch, shown).run()
            finally:
                shown.failure = watch.failure
                shown.simulated_s = watch.now_ns() / 1e9
    if bound.cancelled_caught:
        shown.failure = shown.failure or Failure("it ends", f"not within {ALL_S:g} s")
    if shown.failure is None:
        shown.failure, shown.sometimes = judged(shown.lines)


class _Play:
    """One trial on one stage."""

    def __init__(
        self,
        trial: Trial,
        kinds: Mapping[str, Kind],
        opened: Stage,
        watch: Watch,
        shown: Shown,
    ) -> None:
        self._trial, self._kinds = trial, kinds
        self._stage, self._watch, self._shown = opened, watch, shown
        self._knobs = trial.knobs

    async def run(self) -> None:
        """Work under faults, heal, leave, look what is left."""
        watch = self._watch
        watch.delay_s, watch.jitter_s = self._knobs.delay_s, self._knobs.jitter_s
        setting = world.setting(self._knobs, self._leaving_max_s())
        watch.recorder.setting(self._trial.seed, **setting)
        async with trio.open_nursery() as nursery:
            self._field = SimulatedField(self._stage, nursery, self._trial.seed, watch.told)
            watch.server_started()
            for name in self._knobs.host_names:
                await self._field.add_host(
                    name,
                    world.redirector(self._knobs, name),
                    functools.partial(watch.host_started, name),
                    watch.attach,
                )
            nursery.start_soon(watch.look_often)
            await self._work()
            await self._field.heal()
            await self._leave()
            await self._serve_again()
            watch.look()
            nursery.cancel_scope.cancel()

    async def _work(self) -> None:
        place = Place(share=world.SHARE)
        async with trio.open_nursery() as nursery:
            for user in self._trial.plan.users:
                dial = by_awaiting(functools.partial(self._dial, user.host))
                nursery.start_soon(act, user, place, dial, self._watch.recorder)
            nursery.start_soon(self._break)

    async def _dial(self, host: str) -> Any:
        return await self._stage.client(self._field.hosts[host].redirector)

    async def _break(self) -> None:
        """Play the faults; what one found broken is a finding as any other."""
        numbers = {planned: number for number, planned in enumerate(self._trial.faults)}
        note = self._watch.recorder.fault

        def tell(planned: Planned, target: str, event: str) -> None:
            note(planned.kind, target, event, numbers[planned], length_s=planned.length_s)

        played = Played()
        await breaking.play(self._trial.faults, self._kinds, self._field, tell, played)
        self._shown.fired = {name: one.fired for name, one in played.counts.items()}
        for broken in played.broken:
            kind, _, why = broken.partition(": ")
            self._fail(f"fault: {kind}", why)

    def _fail(self, checker: str, why: str) -> None:
        self._watch.fail(Failure(checker, why, self._watch.now_ns()))

    # --- afterwards ---

    async def _leave(self) -> None:
        """Everybody has left: in time nothing is left of them."""
        until = trio.current_time() + self._leaving_max_s()
        while self._leftovers() and trio.current_time() < until:  # noqa: ASYNC110
            await trio.sleep(1.0)
        self._note_quiet()
        left = self._leftovers()
        if left and PRESETS[self._knobs.preset].policy.release_left != NEVER:
            self._fail("nothing is left", f"{left} after all have left")

    def _leftovers(self) -> dict[str, int]:
        return self._stage.leftovers()

    def _leaving_max_s(self) -> float:
        knobs = self._knobs
        at_server_s = max(knobs.durable_age_max_s, knobs.grace_s) + knobs.peer_silence_max_s
        at_hosts_s = knobs.dormant_age_max_s + 2 * knobs.scavenger_tick_s
        return 2 * (at_server_s + at_hosts_s + 2 * knobs.logoff_max_s) + SETTLE_S

    def _note_quiet(self) -> None:
        """Write down what the programs still hold, and what the disk does."""
        state, recorder = self._stage.server, self._watch.recorder
        counts = {
            "slots": state.ledger.statistics()["uses"],
            "handles": len(state.handles),
            "sessions": len(state.sessions),
        }
        recorder.quiet(SERVER, counts, dict.fromkeys(counts, 0))
        for name, host in self._field.hosts.items():
            found = host.redirector.state.statistics()
            counts = {one: found[one] for one in ("sessions", "connections", "dormant")}
            recorder.quiet(name, counts, dict.fromkeys(counts, 0))
        self._note_disk()

    def _note_disk(self) -> None:
        store = self._stage.server.stores[world.SHARE]
        assert isinstance(store, FaultyStore)
        folder, _ = store.inner.open("", writable=False, create="never", directory=True)
        for name in folder.names():
            file, _ = store.inner.open(name, writable=False, create="never", directory=False)
            data = file.read(0, file.info().size)
            file.close()
            blocks = [
                value_of(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)
            ]
            self._watch.recorder.disk(name, blocks, world.SHARE)
        folder.close()

    async def _serve_again(self) -> None:
        """Whoever comes now is served, at every host."""
        for name in self._field.hosts:
            last = ""
            with trio.move_on_after(2 * self._leaving_max_s()):
                while last != "served":
                    last = await self._visit(name)
                    if last != "served":
                        await trio.sleep(1.0)
            if last != "served":
                self._fail("whoever comes is served", f"{name}: {last}")

    async def _visit(self, host: str) -> str:
        """Log on, write, read it back, log off; say what came of it."""
        said = f"by {host} at {self._watch.now_ns()}"
        path = rf"\\{SERVER}\{world.SHARE}\visit-{host}"
        try:
            client = await self._dial(host)
            with suppress(SessionError):
                session = await client.logon(GUEST)
                async with session.open(path, "w") as file:
                    await file.write(said)
                async with session.open(path, "r") as file:
                    found = await file.read()
                await session.logoff()
                client.link.close("visited")
                return "served" if found == said else f"{found!r} is read, {said!r} was written"
        except (SessionError, LinkLost) as no:
            return str(no)
        return "refused"
