"""Whoever watches a trial: writes its history, and looks into the tables at many moments."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import trio

from clients.faults.toxics import DOWNSTREAM, UPSTREAM
from clients.lab.checking.recorder import Recorder
from clients.lab.simulating.agreeing import Seen
from clients.lab.simulating.field import OPEN_SHARE
from clients.lab.simulating.invariants import ALWAYS
from clients.lab.simulating.wires import CableWire
from clients.lab.staging.cable import Cable, Lane
from clients.lab.staging.programs import Redirector
from clients.lab.staging.stage import SERVER, Stage

INSIDE = "inside: "  # before the name of an invariant that is seen in the tables
LOOK_S = 1.0  # at least so often, however quiet it is
EVERY = 12  # messages between two looks
TOLD = {  # messages that a history tells of
    *("Close", "CloseBatch", "BatchClosed", "Create", "Created", "Write", "SessionSetup"),
    *("TreeConnect", "TreeConnected", "TreeDisconnect", "TreeDisconnected"),
    *("Logoff", "LoggedOff", "LeaseBreak", "LeaseBroken", "SlotRecall", "SlotsRecalled"),
    *("Reclaim", "Reclaimed", "Once"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What a checker found, when, and what it is about."""

    checker: str
    why: str
    at_ns: int = 0
    subjects: tuple[str, ...] = ()


class Watch:
    """Hears of what happens on one stage; `lines` is the history so far.

    The first thing found is kept, and ends the trial: what follows from it is no news.
    """

    def __init__(self, stage: Stage, random: Random, ended: trio.CancelScope) -> None:
        self.lines: list[str] = []
        self.failure: Failure | None = None
        self.delay_s = self.jitter_s = 0.0
        self._stage, self._random, self._ended = stage, random, ended
        self._began = trio.current_time()
        self.recorder = Recorder(self.now_ns, self._write)
        self._seen = Seen()
        self._starts = 0
        self._heard = 0

    def now_ns(self) -> int:
        """Nanoseconds since the trial began."""
        return round((trio.current_time() - self._began) * 1e9)

    def _write(self, line: str) -> None:
        if self.failure is None:  # what follows is the end of the trial
            self.lines.append(line)

    # --- programs ---

    def server_started(self) -> None:
        """A server runs, whose tables are new."""
        self._starts += 1
        if not getattr(self._stage.server.config, "journal", ""):
            self._seen = Seen()  # nobody remembers what was given before
        self._stage.server.ledger.on_fact = self._heard_from(SERVER)
        self.recorder.server("started", self._starts)

    def host_started(self, name: str, redirector: Redirector) -> None:
        """A redirector runs."""
        redirector.state.facts.on_fact = self._heard_from(name)

    def told(self, program: str, event: str) -> None:
        """A fault ended a program, or it was started again."""
        if program != SERVER:
            self.recorder.program(program, event, self._starts)
        elif event == "started":
            self.server_started()
        else:
            self.recorder.server(event, self._starts)

    def _heard_from(self, source: str) -> Callable[[dict[str, Any]], None]:
        def heard(fact: dict[str, Any]) -> None:
            if fact.get("share") != OPEN_SHARE:  # where strangers are
                self.recorder.fact(source, fact)

        return heard

    # --- messages ---

    def attach(self, wire: CableWire) -> Callable[[Cable], None]:
        """Hear of the cables of a wire, and of what arrives over each."""

        def attached(cable: Cable) -> None:
            for lane, direction in ((cable.up, UPSTREAM), (cable.down, DOWNSTREAM)):
                lane.on_arrival = self._arrivals(wire.name, lane, direction)
                lane.delay_s = self.delay_s if wire.name.endswith(SERVER) else 0.0
            wire.attach(cable)

        return attached

    def _arrivals(self, wire: str, lane: Lane, direction: str) -> Callable[[str], None]:
        late = wire.endswith(SERVER) and self.jitter_s > 0
        up = "up" if direction == UPSTREAM else "down"

        def arrived(name: str) -> None:
            if late:
                lane.delay_s = self.delay_s + self._random.random() * self.jitter_s
            if name in TOLD:
                self.recorder.message(wire, name, up)
            self._heard += 1
            if self._heard % EVERY == 0:
                self.look()

        return arrived

    # --- tables ---

    async def look_often(self) -> None:
        """Look into the tables however quiet it is, for ever."""
        while True:
            await trio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Hold the tables to what must always be so."""
        if self.failure is not None:
            return
        for name, invariant in ALWAYS.items():
            for line in invariant(self._stage, self._seen):
                self.fail(Failure(INSIDE + name, line, self.now_ns()))
                return

    def fail(self, failure: Failure) -> None:
        """It is found: the trial is over."""
        if self.failure is None:
            self.failure = failure
            self._ended.cancel()
