"""Streams a history through all checkers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.lab.checking.always import CHECKERS
from clients.lab.checking.always.contents import Kept
from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.disruptions import Disruptions
from clients.lab.checking.history import BLOCK_BYTES, SETTING, Event, HistoryError
from clients.lab.checking.holders import Holders
from clients.lab.checking.operation import Operation, names
from clients.lab.checking.registers import Registers
from clients.lab.checking.setting import Setting
from clients.lab.checking.sometimes import SOMETIMES, Sight
from clients.lab.checking.verdict import FAIL, PASS, UNKNOWN, Verdict

OUTCOMES = ("ok", "fail", "unknown")
Listener = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """What all checkers say of a run; `lost_bytes`: what was closed or synced, and is gone."""

    verdicts: dict[str, Verdict]
    sometimes: dict[str, int]
    operations: int
    lost_bytes: int

    @property
    def result(self) -> str:
        """The worst of all verdicts: fail, unknown or pass."""
        results = {verdict.result for verdict in self.verdicts.values()}
        return next((one for one in (FAIL, UNKNOWN) if one in results), PASS)

    @property
    def ok(self) -> bool:
        """Whether every checker passed."""
        return self.result == PASS

    def failed(self) -> list[str]:
        """The names of the checkers that failed."""
        return [name for name, one in self.verdicts.items() if one.result == FAIL]

    def row(self) -> dict[str, Any]:
        """Return it as documented."""
        return {
            "checkers": {name: verdict.row() for name, verdict in self.verdicts.items()},
            "sometimes": self.sometimes,
            "operations": self.operations,
            "lost_bytes": self.lost_bytes,
            "ok": self.ok,
        }


def judge(
    events: Iterable[Event],
    checkers: Mapping[str, type[Checker]] = CHECKERS,
    sights: Mapping[str, type[Sight]] = SOMETIMES,
) -> Judged:
    """Judge a history, by all checkers unless told otherwise; raises HistoryError."""
    stream = iter(events)
    first = next(stream, None)
    if first is None or first.type != SETTING:
        raise HistoryError("a history begins with its setting")
    judging = _Judging(Setting.of(first["setting"]), checkers, sights)
    for event in stream:
        judging.hear(event)
    return judging.judged()


@dataclass(slots=True)
class _Judging:
    setting: Setting
    kinds: Mapping[str, type[Checker]]
    sight_kinds: Mapping[str, type[Sight]]
    run: Run = field(init=False)
    checkers: dict[str, Checker] = field(init=False)
    sights: dict[str, Sight] = field(init=False)
    operations: int = field(init=False, default=0)
    _heard: dict[tuple[str, str], list[Listener]] = field(init=False, default_factory=dict)
    _listeners: dict[str, list[Listener]] = field(init=False, default_factory=dict)
    _names: dict[str, tuple[str, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        disruptions = Disruptions(self.setting.settle_s)
        holders, registers = Holders(self.setting, disruptions), Registers(disruptions)
        self.run = Run(self.setting, disruptions, holders, registers)
        self._listen(_disturbing(disruptions))
        self._listen({"end": holders.ended})
        self._listen({f"invoke {f}": registers.began for f in ("write", "unlink", "rename")})
        on_files = ("read", "write", "fsync", "close", "open")
        self._listen({f"end {f}": registers.ended for f in on_files})
        self.checkers = {name: kind(self.run) for name, kind in self.kinds.items()}
        self.sights = {name: kind(self.run) for name, kind in self.sight_kinds.items()}
        for checker in self.checkers.values():
            self._listen(checker.listeners())
        for sight in self.sights.values():
            self._listen(sight.listeners())

    def _listen(self, listeners: Listeners) -> None:
        for key, listener in listeners.items():
            kind, _, what = key.partition(" ")
            for one in OUTCOMES if kind == "end" else (kind,):
                self._listeners.setdefault(f"{one} {what}".rstrip(), []).append(listener)

    def _of(self, kind: str, what: str) -> list[Listener]:
        """Who hears of this; whoever asked for all of a type hears first."""
        found = [*self._listeners.get(kind, ()), *self._listeners.get(f"{kind} {what}", ())]
        self._heard[kind, what] = found
        return found

    def hear(self, event: Event) -> None:
        """Pass on what happened."""
        kind = event.type
        about: Any = event
        self.run.now_ns = event.at_ns
        if kind == "invoke":
            about = self._invoked(event)
        elif kind in OUTCOMES:
            about = self._ended(event)
        if about is not None:
            heard = self._heard.get((kind, event.what)) or self._of(kind, event.what)
            for listener in heard:
                listener(about)

    def _invoked(self, event: Event) -> Operation | None:
        number, process = event["op"], event["process"]
        if number in self.run.waiting:
            self._stray(event, "is asked twice")
            return None
        host, user = self._names.get(process) or self._name(process)
        op = Operation(
            number, process, host, user, event.what, event.fields, event.line, event.at_ns
        )
        self.run.waiting[number] = op
        self.operations += 1
        return op

    def _name(self, process: str) -> tuple[str, str]:
        found = self._names[process] = names(process)
        return found

    def _ended(self, event: Event) -> Operation | None:
        op = self.run.waiting.pop(event["op"], None)
        if op is None:
            self._stray(event, "has an outcome but was not asked, or has two")
            return None
        if op.f != event.what or op.process != event["process"]:
            self._stray(event, f"was {op.f} of {op.process}, and ends as another")
        op.outcome, op.answer = event.type, event.fields
        op.returned, op.returned_ns = event.line, event.at_ns
        self.run.answered += 1
        return op

    def _stray(self, event: Event, why: str) -> None:
        for listener in self._listeners.get("stray", ()):
            listener((event, why))

    def judged(self) -> Judged:
        """Ask everybody; operations without an outcome are told of first."""
        for op in self.run.waiting.values():
            self.run.holders.pending(op)
            for listener in self._of("pending", op.f):
                listener(op)
        verdicts = {name: checker.verdict() for name, checker in self.checkers.items()}
        sometimes = {name: sight.count for name, sight in self.sights.items()}
        lost = {
            one
            for kept in self.checkers.values()
            if isinstance(kept, Kept)
            for one in kept.lost
        }
        return Judged(verdicts, sometimes, self.operations, len(lost) * BLOCK_BYTES)


def _disturbing(disruptions: Disruptions) -> Listeners:
    def fired(event: Event) -> None:
        disruptions.begin(event["kind"], event["target"], event.at_ns)

    def healed(event: Event) -> None:
        disruptions.end(event["kind"], event["target"], event.at_ns)

    def blow(event: Event) -> None:
        disruptions.blow(event.at_ns)

    def killed(event: Event) -> None:
        disruptions.begin("killed", event.fields.get("from", "server"), event.at_ns)

    def started(event: Event) -> None:
        disruptions.started(event.fields.get("from", "server"), event.at_ns)

    return {
        "fault fired": fired,
        "fault healed": healed,
        "link lost": blow,
        "fact link_lost": blow,
        "server killed": killed,
        "server started": started,
        "program killed": killed,
        "program started": started,
    }
