"""What every checker is: it hears of a run line by line, and says at the end what it thinks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.lab.checking.disruptions import Disruptions
from clients.lab.checking.holders import Holders
from clients.lab.checking.operation import Operation
from clients.lab.checking.registers import Registers
from clients.lab.checking.setting import Setting
from clients.lab.checking.verdict import FAIL, PASS, UNKNOWN, Verdict, clock

# By "invoke", "ok", "fail", "unknown" or "end" (any outcome), alone or with the operation
# ("ok write"), a listener is given the Operation; by another type, alone or with what
# ("fact use_admitted", "link lost"), the Event.
Listeners = Mapping[str, Callable[[Any], None]]


@dataclass(slots=True)
class Run:
    """What all checkers know together of one run: also the time of the latest line, and which
    operations wait for an answer.
    """

    setting: Setting
    disruptions: Disruptions
    holders: Holders
    registers: Registers
    waiting: dict[int, Operation] = field(default_factory=dict)
    now_ns: int = 0
    answered: int = 0


class Checker:
    """One invariant. `broken` notes each time it did not hold; the first one is told."""

    name = ""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.setting = run.setting
        self._first: Verdict | None = None
        self._broken = 0

    def listeners(self) -> Listeners:
        """What it wants to hear of."""
        raise NotImplementedError

    def verdict(self) -> Verdict:
        """What it thinks, when the history has ended."""
        self.finish()
        if self._first is not None:
            more = self._broken - 1
            why = self._first.why + (f" (and {more:,} more like it)" if more else "")
            return Verdict(FAIL, why, self._first.at_ns, self._first.subjects, self._broken)
        unsure = self.unsure()
        return Verdict(UNKNOWN, unsure) if unsure else Verdict(PASS, self.passed())

    def finish(self) -> None:
        """Look at what can be seen only when all is heard."""

    def unsure(self) -> str:
        """Why nothing can be said; empty if something can."""
        return ""

    def passed(self) -> str:
        """What was looked at and found in order, in a few words."""
        raise NotImplementedError

    def broken(self, why: str, at_ns: int, *subjects: str) -> None:
        """It did not hold: `why` in a sentence that needs no time, which is put before it."""
        self._broken += 1
        if self._first is None or at_ns < (self._first.at_ns or 0):
            self._first = Verdict(FAIL, f"at {clock(at_ns)} {why}", at_ns, subjects)
