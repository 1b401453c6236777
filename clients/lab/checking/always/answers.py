"""Of the operations themselves: each is answered once, and each sort of them ever succeeds."""

from collections import Counter

from clients.lab.checking.always.explained import explained
from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.verdict import NANO, clock


class OneOutcome(Checker):
    """Every operation was asked once and has at most one outcome, of the same process."""

    name = "one_outcome"

    def listeners(self) -> Listeners:
        return {"stray": self._stray}

    def _stray(self, stray: tuple[Event, str]) -> None:
        event, why = stray
        who, number = event["process"], event["op"]
        said = f"line {event.line}: operation {number} ({event.what} of {who}) {why}"
        self.broken(said, event.at_ns, who)

    def passed(self) -> str:
        return f"{self.run.answered:,} operations with one outcome each"


class NothingHangs(Checker):
    """When a run has ended in order, nobody still waits for an answer."""

    name = "nothing_hangs"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._pending: list[Operation] = []
        self._quiet = False

    def listeners(self) -> Listeners:
        return {"pending": self._pending.append, "quiet": self._ends}

    def _ends(self, event: Event) -> None:
        self._quiet = True

    def finish(self) -> None:
        for op in self._pending if self._quiet else ():
            where = f" of {op.asked['path']}" if "path" in op.asked else ""
            why = f"{op.who} asked {op.f}{where} and never had an answer"
            self.broken(why, op.invoked_ns, op.who)

    def passed(self) -> str:
        pending = len(self._pending)
        more = f"; {pending} were under way when the history ends" if pending else ""
        return f"{self.run.answered:,} operations answered{more}"


class EverySortSucceeds(Checker):
    """A sort of operation that was tried and never once succeeded proves nothing."""

    name = "every_sort_succeeds"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._tried: Counter[str] = Counter()
        self._done: Counter[str] = Counter()

    def listeners(self) -> Listeners:
        return {"invoke": self._try, "ok": self._do}

    def _try(self, op: Operation) -> None:
        self._tried[op.f] += 1

    def _do(self, op: Operation) -> None:
        self._done[op.f] += 1

    def unsure(self) -> str:
        if not self._tried:
            return "nobody did anything: there is nothing to judge"
        never = [
            f"{f} (tried {n:,} times)" for f, n in self._tried.items() if f not in self._done
        ]
        return f"never once succeeded: {', '.join(never)}" if never else ""

    def passed(self) -> str:
        return f"{len(self._done)} sorts of operation succeeded"


class ProgressAfterHeal(Checker):
    """When the last fault was healed and felt no more, every sort of operation that went well
    before does again, or is refused for a reason.
    """

    name = "progress_after_heal"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._faults = 0
        self._healed_ns = 0
        self._ever: set[str] = set()
        self._since: set[str] = set()
        self._tried: dict[str, Operation] = {}
        self._settle_ns = round(run.setting.settle_s * NANO)

    def listeners(self) -> Listeners:
        return {"fault healed": self._heal, "end": self._end}

    def _heal(self, event: Event) -> None:
        self._faults += 1
        self._healed_ns = event.at_ns
        self._since.clear()
        self._tried.clear()

    def _end(self, op: Operation) -> None:
        if op.outcome == "ok":
            self._ever.add(op.f)
        if op.outcome == "ok" or op.status in explained(op.f):
            self._since.add(op.f)
        elif op.invoked_ns > self._healed_ns + self._settle_ns:
            self._tried[op.f] = op

    def finish(self) -> None:
        for f in sorted(self._ever - self._since) if self._faults else ():
            op = self._tried.get(f)
            if op is not None:
                why = (
                    f"{op.who} tried {f} ({op.status or op.outcome}); none has succeeded since"
                    f" the last fault was healed at {clock(self._healed_ns)}"
                )
                self.broken(why, op.invoked_ns, op.who)

    def unsure(self) -> str:
        idle = sorted(self._ever - self._since) if self._faults else []
        return f"after the last heal nobody tried {', '.join(idle)}" if idle else ""

    def passed(self) -> str:
        if not self._faults:
            return "no fault was healed in this run"
        return f"{len(self._since)} sorts of operation succeeded after the last heal"


class AnsweredInTime(Checker):
    """No answer takes longer than all the waits it may have to sit through."""

    name = "answered_in_time"
    _slowest: Operation | None = None
    _slowest_ns = 0

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        one = run.setting  # each request may wait for a break, which may wait for who is gone
        waits_s = one.lease_break_wait_s + one.peer_silence_max_s + one.logoff_max_s
        self._calm_ns = round((waits_s + one.recall_wait_s + one.slack_s) * NANO)

    def listeners(self) -> Listeners:
        return {"end": self._look}

    def _look(self, op: Operation) -> None:
        took_ns = op.returned_ns - op.invoked_ns
        if took_ns > self._slowest_ns:
            self._slowest, self._slowest_ns = op, took_ns
        if took_ns > self._calm_ns:
            bound_ns = self._calm_ns + self._disturbed_ns(op)
            if took_ns > bound_ns:
                why = f"{op.who} waited {took_ns / NANO:.1f} s for {op.f}:"
                most = f"{bound_ns / NANO:.1f} s at most"
                self.broken(f"{why} {most}", op.invoked_ns, op.who)

    def _disturbed_ns(self, op: Operation) -> int:
        """A fault may keep an answer back as long as it lasts, and until it is got over."""
        disturbed_ns = self.run.disruptions.length_ns(op.invoked_ns, op.returned_ns)
        if not disturbed_ns:
            return 0
        one = self.setting
        more_s = one.vanish_s + one.reconnect_max_s + one.lease_break_wait_s
        return round(disturbed_ns + more_s * NANO)

    def passed(self) -> str:
        if self._slowest is None:
            return "every answer came at once"
        return f"the slowest answer, {self._slowest.f}, took {self._slowest_ns / NANO:.3f} s"
