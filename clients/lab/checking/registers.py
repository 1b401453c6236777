"""What was written to each block, read from it, and brought so far that it may not be lost.

A block is a register; every write has a value of its own, so a read tells which write it saw.
All that was seen of one value is its cluster. A file whose name is ever changed or removed is
not a register, as its content moves; it is left out.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf

from clients.lab.checking.disruptions import Disruptions
from clients.lab.checking.operation import Operation

File = tuple[str, str]  # share and path
Block = tuple[str, str, int]  # and the offset in bytes
INITIAL = 0


@dataclass(slots=True, eq=False)
class Cluster:
    """One value: its write and its reads. Times are lines of the history.

    `kept` is when a close or an fsync was answered after the write: it may not be lost any
    more. `failed`: a later flush of its handle was not answered well.
    """

    value: int
    written_by: str
    asked: float
    asked_ns: int
    answered: float = inf
    first_read: float = inf  # the earliest answer of a read
    last_read: float = -inf  # the latest request of one
    last_read_ns: int = 0
    last_read_by: str = ""
    kept: float = inf
    kept_ns: int = 0
    failed: bool = False

    @property
    def finish(self) -> float:
        """When anything of it was over first."""
        return min(self.answered, self.first_read)

    @property
    def start(self) -> float:
        """When anything of it began last."""
        return max(self.asked, self.last_read)


@dataclass(slots=True, eq=False)
class Register:
    """All clusters of one block, and what was kept in the order of its keeping."""

    clusters: dict[int, Cluster] = field(default_factory=dict)
    kept_at: list[float] = field(default_factory=list)
    kept_best: list[Cluster] = field(default_factory=list)  # the latest write kept by then

    def keep(self, cluster: Cluster) -> None:
        """A write may not be lost any more."""
        best = self.kept_best[-1] if self.kept_best else cluster
        self.kept_at.append(cluster.kept)
        self.kept_best.append(cluster if cluster.asked > best.asked else best)

    def overwritten(self, value: int, before: float) -> Cluster | None:
        """The kept write that began after all of `value` was over, kept before that time."""
        index = bisect_left(self.kept_at, before) - 1
        if index < 0:
            return None
        best, seen = self.kept_best[index], self.clusters.get(value)
        over = seen.answered if seen is not None else inf
        return best if best.value != value and best.asked > over else None


@dataclass(frozen=True, slots=True)
class Seen:
    """A read that saw what it cannot have, or no longer."""

    op: Operation
    value: int
    instead: Cluster | None


class Registers:
    """Builds the registers of a run as its operations begin and end."""

    def __init__(self, disruptions: Disruptions) -> None:
        self._disruptions = disruptions
        self.blocks: dict[Block, Register] = {}
        self.moved: set[File] = set()
        self.hurt: set[File] = set()  # a write may have been done in part
        self.strange: list[Seen] = []
        self.stale: list[Seen] = []
        self.reads = self.writes = self.kept = 0
        self._pending: dict[tuple[str, int], list[tuple[Register, Cluster]]] = {}

    def began(self, op: Operation) -> None:
        """Writes count from their request; names that change leave out what they name."""
        if op.f == "write":
            self.writes += 1
            value = op.asked["value"]
            cluster = Cluster(value, op.who, op.invoked, op.invoked_ns)
            self._register(op).clusters[value] = cluster
        elif op.f == "unlink":
            self.moved.add(op.file)
        elif op.f == "rename":
            self.moved |= {op.file, (op.asked["share"], op.asked["target"])}

    def ended(self, op: Operation) -> None:
        """An operation on an open file has an outcome."""
        if op.outcome != "ok" and op.f in ("write", "fsync", "close"):
            self.hurt.add(op.file)
        if op.f == "read":
            if op.outcome == "ok":
                self._saw(op)
        elif op.f == "write":
            self._wrote(op)
        elif op.f in ("fsync", "close"):
            self._flushed(op)
        elif op.f == "open" and op.outcome == "ok":  # by a new redirector the number may be old
            self._pending.pop((op.host, op.answer["handle"]), None)

    def _register(self, op: Operation) -> Register:
        block = (*op.file, op.asked["offset"])
        found = self.blocks.get(block)
        if found is None:
            found = self.blocks[block] = Register()
            found.clusters[INITIAL] = Cluster(INITIAL, "nobody", -1.0, 0, answered=0.0)
        return found

    def _saw(self, op: Operation) -> None:
        self.reads += 1
        value, register = op.answer["value"], self._register(op)
        cluster = register.clusters.get(value)
        if cluster is None:
            self.strange.append(Seen(op, value, None))
            return
        cluster.first_read = min(cluster.first_read, op.returned)
        if op.invoked > cluster.last_read:
            cluster.last_read, cluster.last_read_ns = op.invoked, op.invoked_ns
            cluster.last_read_by = op.who
        newer = register.overwritten(value, op.invoked)
        if newer is not None:
            self.stale.append(Seen(op, value, newer))

    def _wrote(self, op: Operation) -> None:
        register = self._register(op)
        cluster = register.clusters[op.asked["value"]]
        if op.outcome == "ok":
            cluster.answered = op.returned
            key = op.host, op.asked["handle"]
            self._pending.setdefault(key, []).append((register, cluster))
        else:
            self._spoil(op)

    def _flushed(self, op: Operation) -> None:
        if op.outcome != "ok":
            self._spoil(op)
        for register, cluster in self._pending.pop((op.host, op.asked["handle"]), ()):
            if op.outcome == "ok" and not cluster.failed:
                self.kept += 1
                cluster.kept, cluster.kept_ns = op.returned, op.returned_ns
                register.keep(cluster)

    def _spoil(self, op: Operation) -> None:
        """What was answered before may not have got further: a flush was due and went wrong."""
        for _, cluster in self._pending.get((op.host, op.asked["handle"]), ()):
            cluster.failed = True

    def may_be_lost(self, cluster: Cluster, end_ns: int) -> bool:
        """Whether something went wrong after a write that was never kept."""
        if cluster.value == INITIAL:
            return False
        return cluster.failed or self._disruptions.touched(cluster.asked_ns, end_ns)

    def may_be_torn(self, block: Block, end_ns: int) -> bool:
        """Whether a write of the block may have been done in part: one that was not kept."""
        register = self.blocks.get(block)
        found = register.clusters.values() if register is not None else ()
        return block[:2] in self.hurt or any(
            one.kept == inf and self.may_be_lost(one, end_ns) for one in found
        )

    def still(self) -> dict[Block, Register]:
        """The blocks of files that keep their names."""
        return {
            block: register
            for block, register in self.blocks.items()
            if block[:2] not in self.moved
        }
