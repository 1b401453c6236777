"""Of what is told about files: it is never older than what was answered before."""

from dataclasses import dataclass

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.history import BLOCK_BYTES
from clients.lab.checking.operation import Operation
from clients.lab.checking.registers import File
from clients.lab.checking.verdict import clock

MISSING = "STATUS_OBJECT_NAME_NOT_FOUND"


@dataclass(slots=True)
class _Size:
    """How long a file must be, by whose write, and how long it may be."""

    surely: int = 0
    since: int = 0  # the line of that write's answer
    write: Operation | None = None
    before: "_Size | None" = None  # what held until then
    perhaps: int = 0
    made: Operation | None = None


class StatShowsWrites(Checker):
    """Whoever asks sees a size no smaller than every write answered before has made it, and no
    larger than any write can have; a file once opened and never removed is there.
    """

    name = "stat_shows_writes"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._sizes: dict[File, _Size] = {}
        self._asked = 0
        self._late: list[tuple[File, str, int, str]] = []

    def listeners(self) -> Listeners:
        return {
            "invoke write": self._begin,
            "ok write": self._wrote,
            "ok open": self._opened,
            "ok stat": self._look,
            "fail stat": self._missed,
        }

    def _size(self, op: Operation) -> _Size:
        return self._sizes.setdefault(op.file, _Size())

    def _begin(self, op: Operation) -> None:
        size = self._size(op)
        size.perhaps = max(size.perhaps, op.asked["offset"] + BLOCK_BYTES)

    def _wrote(self, op: Operation) -> None:
        known, end = self._size(op), op.asked["offset"] + BLOCK_BYTES
        if end > known.surely:
            self._sizes[op.file] = _Size(end, op.returned, op, known, known.perhaps, known.made)

    def _opened(self, op: Operation) -> None:
        if "size" in op.answer:
            self._look(op)
        size = self._size(op)
        size.made = size.made or op

    def _missed(self, op: Operation) -> None:
        made = self._size(op).made
        calm = not self.run.disruptions.touched(op.invoked_ns, op.returned_ns)
        if op.status == MISSING and made is not None and made.returned < op.invoked and calm:
            when = clock(made.returned_ns)
            why = f"{op.who} was told there is no {op.asked['path']}, opened at {when}"
            self._late.append((op.file, why, op.returned_ns, op.who))

    def _look(self, op: Operation) -> None:
        self._asked += 1
        size, told = self._size(op), op.answer["size"]
        path = op.asked["path"]
        if told > size.perhaps:
            why = f"{op.who} was told {path} has {told} bytes; no write made it so long"
            self._late.append((op.file, why, op.returned_ns, op.who))
        known: _Size | None = size
        while known is not None and known.since > op.invoked:
            known = known.before
        write = known.write if known is not None else None
        if known is None or write is None or told >= known.surely:
            return
        calm = not self.run.disruptions.touched(write.invoked_ns, op.returned_ns)
        calm &= not self.setting.takes_others_handles  # and what was not sent yet with them
        if calm:
            why = (
                f"{op.who} was told {path} has {told} bytes; {write.who} had made it"
                f" {known.surely} at {clock(write.returned_ns)}"
            )
            self._late.append((op.file, why, op.returned_ns, op.who))

    def finish(self) -> None:
        for file, why, at_ns, who in self._late:
            if file not in self.run.registers.moved:
                self.broken(why, at_ns, who, file[1])

    def passed(self) -> str:
        return f"{self._asked:,} sizes told, all as the writes before had made them"
