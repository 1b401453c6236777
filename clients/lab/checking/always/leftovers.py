"""Of what is left: nothing after quiet, nothing dormant beyond its age, no fault unhealed."""

from dataclasses import dataclass

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.verdict import NANO, clock

EXACT = ("slots", "handles", "dormant", "sessions", "connections", "leases", "locks", "opens")
IDLE = ("dormant_only", "orphan")


class NothingLeft(Checker):
    """When all have left and time has passed, every program holds what it held before."""

    name = "nothing_left"
    _programs = 0

    def listeners(self) -> Listeners:
        return {"quiet": self._look}

    def _look(self, event: Event) -> None:
        self._programs += 1
        margins = dict.fromkeys(EXACT, 0)
        margins |= {
            "fds": self.setting.fds_margin,
            "memory_bytes": self.setting.memory_margin_bytes,
        }
        for what, margin in margins.items():
            now, before = event.fields.get(what), event["baseline"].get(what, 0)
            if now is not None and now > before + margin:
                allowed = f"{before:,}" + (f" and at most {margin:,} more" if margin else "")
                why = f"{event['from']} still holds {now:,} {what}, before there were {allowed}"
                self.broken(why, event.at_ns, event["from"], what)

    def unsure(self) -> str:
        return "" if self._programs else "the history does not say what was left at the end"

    def passed(self) -> str:
        return f"{self._programs} programs hold what they held before"


@dataclass(slots=True)
class _Idle:
    state: str
    since_ns: int
    user: str
    host: str
    share: str


class DormancyEnds(Checker):
    """A connection held only for what is dormant, or left, is so no longer than an age and a
    tick after anybody used it.
    """

    name = "dormancy_ends"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._idle: dict[tuple[str, int], _Idle] = {}
        self._used_ns: dict[str, int] = {}
        self._facts = self._ended = 0
        self._bound_ns = round(run.setting.residue_s * NANO)

    def listeners(self) -> Listeners:
        return {
            "fact connection_state": self._state,
            "end": self._use,
            "program killed": self._killed,
        }

    def _use(self, op: Operation) -> None:
        self._used_ns[op.user] = op.returned_ns

    def _killed(self, event: Event) -> None:
        for key in [key for key in self._idle if key[0] == event["from"]]:
            del self._idle[key]

    def _state(self, event: Event) -> None:
        self._facts += 1
        key = event["from"], event["connection"]
        known = self._idle.pop(key, None)
        if known is not None:
            self._ended += 1
            self._judge(known, event.at_ns)
        if event["state"] in IDLE:
            self._idle[key] = _Idle(
                event["state"], event.at_ns, event["user"], event["from"], event["share"]
            )

    def _judge(self, idle: _Idle, until_ns: int) -> None:
        used_ns = self._used_ns.get(idle.user, 0)
        since_ns = max(idle.since_ns, used_ns if idle.state == "dormant_only" else 0)
        if until_ns - since_ns <= self._bound_ns or self.setting.takes_others_handles:
            return
        if self.run.disruptions.touched(idle.since_ns, until_ns):
            return
        why = (
            f"the connection of {idle.user} at {idle.host} to {idle.share} was {idle.state} for"
            f" {(until_ns - since_ns) / NANO:.1f} s, until {clock(until_ns)}; at most"
            f" {self._bound_ns / NANO:.1f} s were right"
        )
        self.broken(why, since_ns, idle.user, idle.share)

    def finish(self) -> None:
        for idle in self._idle.values():
            self._judge(idle, self.run.now_ns)

    def unsure(self) -> str:
        return "" if self._facts else "the history has no facts of a redirector's connections"

    def passed(self) -> str:
        return f"{self._ended:,} times a connection was idle or left, and in time no more"


class FaultsHealed(Checker):
    """Every fault that fired was healed before the end."""

    name = "faults_healed"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._open: dict[tuple[str, str, int], Event] = {}
        self._healed = 0

    def listeners(self) -> Listeners:
        return {"fault fired": self._fire, "fault healed": self._heal}

    def _key(self, event: Event) -> tuple[str, str, int]:
        return event["kind"], event["target"], event.fields.get("n", 0)

    def _fire(self, event: Event) -> None:
        self._open[self._key(event)] = event

    def _heal(self, event: Event) -> None:
        self._healed += self._open.pop(self._key(event), None) is not None

    def finish(self) -> None:
        for event in self._open.values():
            why = f"{event['kind']} on {event['target']} fired and was never healed"
            self.broken(why, event.at_ns, event["kind"], event["target"])

    def passed(self) -> str:
        return f"{self._healed:,} faults healed"
