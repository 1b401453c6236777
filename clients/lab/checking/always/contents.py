"""Of what is in files: what somebody wrote, in one order, and nothing kept is lost."""

from math import inf

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.history import BLOCK_BYTES, Event
from clients.lab.checking.linearizing import clash
from clients.lab.checking.registers import Block, Cluster, Register, Seen
from clients.lab.checking.verdict import clock

Lost = tuple[Block, int]  # a block, and the value that should be there, or a newer one


def place(path: str, offset: int) -> str:
    """A block for people."""
    return f"block {offset // BLOCK_BYTES} of {path}"


def words(value: int, cluster: Cluster | None) -> str:
    """A value for people: whose it is and when it was written."""
    if value == 0:
        return "nothing (0)"
    if cluster is None:
        return f"{value}"
    return f"{value} (written by {cluster.written_by} at {clock(cluster.asked_ns)})"


class ValuesWereWritten(Checker):
    """A read returns what somebody has asked to write there before, whole, or nothing."""

    name = "values_were_written"

    def listeners(self) -> Listeners:
        return {}

    def finish(self) -> None:
        for seen in self.run.registers.strange:
            op = seen.op
            torn = seen.value < 0
            if self._excused(seen, torn=torn):
                continue
            what = "a torn block" if torn else f"{seen.value}, which nobody had written there"
            at = place(op.asked["path"], op.asked["offset"])
            self.broken(f"{op.who} read {what}, in {at}", op.returned_ns, op.who, at)

    def _excused(self, seen: Seen, *, torn: bool) -> bool:
        op, registers = seen.op, self.run.registers
        if torn:
            return registers.may_be_torn((*op.file, op.asked["offset"]), op.returned_ns)
        return op.file in registers.moved

    def passed(self) -> str:
        registers = self.run.registers
        return f"{registers.reads:,} reads of what {registers.writes:,} writes wrote"


class ReadsInOrder(Checker):
    """Each block behaves as if all reads and writes of it were done one after the other, each
    between its request and its answer (linearizable), whoever's cache it was read from.
    """

    name = "reads_in_order"
    _looked = 0

    def listeners(self) -> Listeners:
        return {}

    def finish(self) -> None:
        for block, register in self.run.registers.still().items():
            self._looked += 1
            lasting = [
                one
                for one in register.clusters.values()
                if one.kept < inf or not self.run.registers.may_be_lost(one, self.run.now_ns)
            ]
            found = clash(lasting)
            if found is not None:
                self._tell(block, *found)

    def _tell(self, block: Block, one: Cluster, other: Cluster) -> None:
        at = place(block[1], block[2])
        late, newer = (one, other) if one.last_read > other.asked else (other, one)
        if late is newer or late.last_read == -inf:
            why = f"{at} held {words(one.value, one)} and {words(other.value, other)} at once"
            self.broken(why, max(one.asked_ns, other.asked_ns), at)
            return
        why = (
            f"{late.last_read_by} read {words(late.value, late)} in {at}, where"
            f" {words(newer.value, newer)} must have been"
        )
        self.broken(why, late.last_read_ns, late.last_read_by, at)

    def passed(self) -> str:
        reads = self.run.registers.reads
        return f"{reads:,} reads of {self._looked:,} blocks can have been in one order"


class Kept(Checker):
    """Notes the writes that had been kept and are gone."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.lost: set[Lost] = set()

    def _lose(self, block: Block, seen: str, newer: Cluster, at_ns: int) -> None:
        self.lost.add((block, newer.value))
        at = place(block[1], block[2])
        kept = clock(newer.kept_ns)
        why = f"{seen} in {at}; {words(newer.value, newer)} was closed or synced at {kept}"
        self.broken(why, at_ns, at, newer.written_by)


class ClosedWritesReadable(Kept):
    """What was written, and closed or synced after that, is read from then on, or a newer."""

    name = "closed_writes_readable"

    def listeners(self) -> Listeners:
        return {}

    def finish(self) -> None:
        for seen in self.run.registers.stale:
            if seen.op.file not in self.run.registers.moved:
                self._tell(seen)

    def _tell(self, seen: Seen) -> None:
        op, newer = seen.op, seen.instead
        assert newer is not None
        block: Block = (*op.file, op.asked["offset"])
        old = self.run.registers.blocks[block].clusters.get(seen.value)
        self._lose(block, f"{op.who} read {words(seen.value, old)}", newer, op.returned_ns)

    def passed(self) -> str:
        kept = self.run.registers.kept
        return f"{kept:,} writes that were closed or synced are read, or newer ones"


class DiskHoldsWrites(Kept):
    """At the end the server's disk holds what was closed or synced, or what is newer."""

    name = "disk_holds_writes"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._disk: dict[str, Event] = {}

    def listeners(self) -> Listeners:
        return {"disk": self._keep}

    def _keep(self, event: Event) -> None:
        self._disk[event["path"]] = event

    def finish(self) -> None:
        for block, register in self.run.registers.still().items() if self._disk else ():
            self._look(block, register)

    def _look(self, block: Block, register: Register) -> None:
        event = self._disk.get(block[1])
        blocks = event["blocks"] if event is not None else []
        index = block[2] // BLOCK_BYTES
        value = blocks[index] if index < len(blocks) else 0
        at_ns = event.at_ns if event is not None else 0
        cluster = register.clusters.get(value)
        if cluster is None:
            at = place(block[1], block[2])
            if value < 0 and self.run.registers.may_be_torn(block, at_ns):
                return
            self.broken(f"the disk holds {value} in {at}, which nobody wrote", at_ns, at)
            return
        newer = register.overwritten(value, inf)
        if newer is not None:
            seen = f"the disk holds {words(value, cluster)}"
            self._lose(block, seen, newer, at_ns)

    def unsure(self) -> str:
        if self._disk or not self.run.registers.kept:
            return ""
        return "the history does not say what the disk held at the end"

    def passed(self) -> str:
        return f"{len(self._disk):,} files on disk hold what was closed or synced"
