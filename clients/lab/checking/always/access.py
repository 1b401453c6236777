"""Of being in the way: locks exclude, and only what somebody can really have open does."""

from dataclasses import dataclass
from math import inf

from clients.lab.checking.always.explained import BUSY, LOCKED, explained
from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.counting import Place, Span, Steps
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.registers import File
from clients.lab.checking.verdict import NANO, clock

LEAVING = ("disconnect", "logoff")


@dataclass(slots=True, eq=False)
class _Lock:
    """A range that somebody holds; whoever asks to give it up holds it no more, perhaps."""

    op: Operation

    @property
    def span(self) -> tuple[int, int]:
        start: int = self.op.asked["offset"]
        return start, start + self.op.asked["length"]

    def conflicts(self, other: "_Lock") -> bool:
        """Whether both cannot be held at once."""
        (start, end), (starts, ends) = self.span, other.span
        exclusive = self.op.asked["exclusive"] or other.op.asked["exclusive"]
        return bool(exclusive and start < ends and starts < end)


class LocksExclude(Checker):
    """Nobody is granted a range while somebody surely holds a conflicting one."""

    name = "locks_exclude"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._held: dict[File, dict[tuple[str, int], list[_Lock]]] = {}
        self._by_process: dict[str, set[tuple[File, int]]] = {}
        self._granted = 0
        self._beside: list[tuple[_Lock, _Lock]] = []

    def listeners(self) -> Listeners:
        return {
            "ok lock": self._grant,
            "invoke unlock": self._give_up,
            "invoke close": self._give_up,
            **{f"invoke {f}": self._leave for f in LEAVING},
            "unknown": self._leave,
        }

    def _grant(self, op: Operation) -> None:
        self._granted += 1
        lock, key = _Lock(op), (op.process, op.asked["handle"])
        held = self._held.setdefault(op.file, {})
        for other, locks in held.items():
            for one in locks if other != key else ():
                self._compare(one, lock)
        held.setdefault(key, []).append(lock)
        self._by_process.setdefault(op.process, set()).add((op.file, op.asked["handle"]))

    def _compare(self, one: _Lock, lock: _Lock) -> None:
        op = lock.op
        calm = not self.run.disruptions.touched(one.op.invoked_ns, op.returned_ns)
        calm &= not self.setting.takes_others_handles  # and their locks with them
        if calm and lock.conflicts(one):
            self._beside.append((one, lock))

    def _give_up(self, op: Operation) -> None:
        self._held.get(op.file, {}).pop((op.process, op.asked["handle"]), None)

    def _leave(self, op: Operation) -> None:
        for file, handle in self._by_process.pop(op.process, ()):
            self._held.get(file, {}).pop((op.process, handle), None)

    def finish(self) -> None:
        for one, lock in self._beside:
            op = lock.op
            if op.file in self.run.registers.moved:  # one name, perhaps two files
                continue
            why = (
                f"{op.who} was granted a lock on {op.asked['path']} that {one.op.who} had held"
                f" since {clock(one.op.returned_ns)}"
            )
            self.broken(why, op.returned_ns, op.who, one.op.who)

    def passed(self) -> str:
        return f"{self._granted:,} locks granted, none beside one that excludes it"


LATE_CLOSES = frozenset({"delay", "drop", "reorder"})


class NobodyInTheWay(Checker):
    """Nobody is refused for another's open file or lock when nobody can have one, and no name
    outlives its deletion: what is dormant, or left over, never costs anybody access.
    """

    name = "nobody_in_the_way"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._begun: dict[tuple[str, int], tuple[File, Place]] = {}  # opens and locks, by op
        self._of_process: dict[str, dict[tuple[str, int], int]] = {}
        self._spans: dict[tuple[str, File], list[Span]] = {}
        self._refused: list[Operation] = []
        self._vanish_ns = round(run.setting.vanish_s * NANO)
        self._late = 0  # faults that make a close come after what was asked later

    def listeners(self) -> Listeners:
        return {
            "fault fired": self._fired,
            "fault healed": self._healed,
            "end open": self._open,
            "end lock": self._lock,
            "end close": self._close,
            "end unlock": self._unlock,
            **{f"end {f}": self._leave for f in LEAVING},
            "fail open": self._blocked,
            "fail rename": self._blocked,
            "fail unlink": self._blocked,
            "ok unlink": self._deleted,
            "fail lock": self._blocked,
            "unknown": self._vanish,
            "pending open": self._pending,
            "pending lock": self._pending,
        }

    # --- who may have what ---

    def _open(self, op: Operation) -> None:
        if op.outcome == "ok":
            self._begin("open", op.answer["handle"], op)
        elif not op.refused:
            self._may("open", op, self._later("open", op))

    def _lock(self, op: Operation) -> None:
        if op.outcome == "ok":
            self._begin("lock", op.asked["handle"], op)
        elif not op.refused:
            self._may("lock", op, self._later("lock", op))

    def _pending(self, op: Operation) -> None:
        self._may(op.f, op, (inf, inf))

    def _begin(self, kind: str, handle: int, op: Operation) -> None:
        held = self._of_process.setdefault(op.process, {})
        known = held.get((kind, handle))
        if known is None:
            held[kind, handle] = op.number
            self._begun[kind, op.number] = op.file, (op.invoked_ns, op.invoked)

    def _may(self, kind: str, op: Operation, until: Place) -> None:
        spans = self._spans.setdefault((kind, op.file), [])
        spans.append(((op.invoked_ns, op.invoked), until))

    def _later(self, kind: str, op: Operation) -> Place:
        """A file that the server keeps for a lost redirector makes way; its locks do not."""
        kept_s = self.setting.durable_age_max_s if kind == "lock" else 0.0
        return op.returned_ns + self._vanish_ns + round(kept_s * NANO), inf

    def _until(self, kind: str, op: Operation) -> Place:
        calm = not self.run.disruptions.touched(op.invoked_ns, op.returned_ns)
        done = op.outcome == "ok" and calm
        return (op.returned_ns, op.returned) if done else self._later(kind, op)

    def _end(self, kind: str, handle: int, op: Operation, until: Place) -> None:
        number = self._of_process.get(op.process, {}).pop((kind, handle), None)
        if number is not None:
            file, begins = self._begun.pop((kind, number))
            self._spans.setdefault((kind, file), []).append((begins, until))

    def _close(self, op: Operation) -> None:
        for kind in ("open", "lock"):
            self._end(kind, op.asked["handle"], op, self._until(kind, op))

    def _unlock(self, op: Operation) -> None:
        if not op.refused:
            self._end("lock", op.asked["handle"], op, self._until("lock", op))

    def _leave(self, op: Operation) -> None:
        for kind, handle in list(self._of_process.get(op.process, ())):
            self._end(kind, handle, op, self._until(kind, op))

    def _vanish(self, op: Operation) -> None:
        for kind, handle in list(self._of_process.get(op.process, ())):
            self._end(kind, handle, op, self._later(kind, op))

    # --- who was refused ---

    def _fired(self, event: Event) -> None:
        self._late += event["kind"] in LATE_CLOSES

    def _healed(self, event: Event) -> None:
        self._late -= event["kind"] in LATE_CLOSES

    def _blocked(self, op: Operation) -> None:
        if not self._late and (op.status in BUSY or op.status == LOCKED):
            self._refused.append(op)

    def _deleted(self, op: Operation) -> None:
        if not self._late and op.answer.get("pending"):
            self._refused.append(op)

    def finish(self) -> None:
        for kind, number in list(self._begun):
            file, begins = self._begun.pop((kind, number))
            self._spans.setdefault((kind, file), []).append((begins, (inf, inf)))
        if (
            self.setting.takes_others_handles
        ):  # who has what there open is not for clients to know
            return
        self._spans = self._by_place()
        asked: dict[tuple[str, File], list[Operation]] = {}
        for op in self._refused:
            kind = "lock" if op.f == "lock" else "open"
            asked.setdefault(self._place(kind, op.file), []).append(op)
        for key, ops in asked.items():
            ranges = [
                ((op.invoked_ns, op.invoked), (op.returned_ns, op.returned)) for op in ops
            ]
            peaks = Steps(self._spans.get(key, ())).peaks(ranges)
            for op, most in zip(ops, peaks, strict=True):
                if most == 0:
                    self._tell(op, key[0], op.asked["path"])

    def _by_place(self) -> dict[tuple[str, File], list[Span]]:
        spans: dict[tuple[str, File], list[Span]] = {}
        for (kind, file), some in self._spans.items():
            spans.setdefault(self._place(kind, file), []).extend(some)
        return spans

    def _place(self, kind: str, file: File) -> tuple[str, File]:
        """Files whose names change are one place: what is open goes where its name goes."""
        return kind, (file[0], "") if file in self.run.registers.moved else file

    def _tell(self, op: Operation, kind: str, path: str) -> None:
        has = "had it open" if kind == "open" else "can have held a lock there"
        what = f"{op.who} was refused {op.f} of {path} ({op.status})"
        if op.outcome == "ok":
            what = f"{op.who} deleted {path}, and its name stayed"
        self.broken(f"{what}, but nobody {has}", op.returned_ns, op.who, path)

    def passed(self) -> str:
        return f"{len(self._refused):,} refusals for an open file or a lock, each with one"


class RefusalsExplained(Checker):
    """Undisturbed, an operation is refused only for a reason that the files and the limit can
    give; a session, connection or handle that is in use is never gone.
    """

    name = "refusals_explained"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._since: dict[str, int] = {}
        self._refused = 0

    def listeners(self) -> Listeners:
        return {"ok logon": self._begin, "fail": self._look}

    def _begin(self, op: Operation) -> None:
        self._since[op.process] = op.invoked_ns

    def _look(self, op: Operation) -> None:
        self._refused += 1
        if op.status in explained(op.f) or self._of_preset(op):
            return
        since_ns = self._since.get(op.process, op.invoked_ns)
        if not self.run.disruptions.touched(since_ns, op.returned_ns):
            what = f" of {op.asked['path']}" if "path" in op.asked else ""
            why = f"{op.who} was refused {op.f}{what}: {op.status}, and nothing explains that"
            self.broken(why, op.returned_ns, op.who)

    def _of_preset(self, op: Operation) -> bool:
        if self.setting.takes_others_handles:  # with it goes what others have open
            return True
        if op.f == "disconnect" and self.setting.disconnect_may_fail:
            return True
        return op.at_limit and self.setting.recalls

    def passed(self) -> str:
        return f"{self._refused:,} refusals, each with a reason"
