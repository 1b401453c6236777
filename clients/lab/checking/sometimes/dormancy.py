"""Sights around dormant files: batches, revivals, breaks, and names that change under them.

They need messages on the wires to the server, and the redirectors' facts (dormant_broken).
"""

from collections import Counter

from clients.lab.checking.checker import Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.sometimes.sight import Sight, host_of
from clients.lab.checking.verdict import NANO


class _Batches(Sight):
    """Knows of each host how many CloseBatches the server has not answered."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.under_way: Counter[str] = Counter()

    def listeners(self) -> Listeners:
        return {
            "message CloseBatch": self._sent,
            "message BatchClosed": self._closed,
            "fact link_lost": self._lost,
            "link lost": self._lost,
        }

    def _sent(self, event: Event) -> None:
        self.under_way[host_of(event)] += 1

    def _closed(self, event: Event) -> None:
        host = host_of(event)
        self.under_way[host] = max(0, self.under_way[host] - 1)

    def _lost(self, event: Event) -> None:
        self.under_way.pop(event["from"], None)


class BatchRacedReopen(_Batches):
    """A user opened a file that was closed before while its host's batch was under way."""

    name = "batch_raced_reopen"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._closed_paths: set[tuple[str, str]] = set()

    def listeners(self) -> Listeners:
        return {**super().listeners(), "ok close": self._close, "invoke open": self._open}

    def _close(self, op: Operation) -> None:
        self._closed_paths.add((op.user, op.asked["path"]))

    def _open(self, op: Operation) -> None:
        known = (op.user, op.asked["path"]) in self._closed_paths
        self.see(known and self.under_way[op.host])


class LogoffDuringBatch(_Batches):
    """A user logged off while a batch of the host was under way."""

    name = "logoff_during_batch"

    def listeners(self) -> Listeners:
        return {**super().listeners(), "invoke logoff": self._look}

    def _look(self, op: Operation) -> None:
        self.see(self.under_way[op.host])


class KilledInBatch(_Batches):
    """A program was killed while a batch was under way."""

    name = "killed_in_batch"

    def listeners(self) -> Listeners:
        return {
            **super().listeners(),
            "server killed": self._killed,
            "program killed": self._killed,
        }

    def _killed(self, event: Event) -> None:
        self.see(self.under_way.total())
        self.under_way.clear()


class Revived(Sight):
    """An open of a file closed shortly before sent the server nothing."""

    name = "revived"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._closed: set[tuple[str, str]] = set()
        self._creates: Counter[str] = Counter()
        self._before: dict[int, int] = {}
        self._told = False

    def listeners(self) -> Listeners:
        return {
            "message Create": self._create,
            "ok close": self._close,
            "invoke open": self._ask,
            "ok open": self._open,
        }

    def _create(self, event: Event) -> None:
        self._told = True
        self._creates[host_of(event)] += 1

    def _close(self, op: Operation) -> None:
        self._closed.add((op.process, op.asked["path"]))

    def _ask(self, op: Operation) -> None:
        self._before[op.number] = self._creates[op.host]

    def _open(self, op: Operation) -> None:
        silent = self._before.pop(op.number, -1) == self._creates[op.host]
        self.see(self._told and silent and (op.process, op.asked["path"]) in self._closed)


class DormantBroken(Sight):
    """The server took back the lease under which a dormant file was kept."""

    name = "dormant_broken"

    def listeners(self) -> Listeners:
        return {"fact dormant_broken": self.always}


class LeaseBroken(Sight):
    """The server took back a lease."""

    name = "lease_broken"

    def listeners(self) -> Listeners:
        return {"message LeaseBreak": self.always}


class _NameChanged(Sight):
    """A name changed of a file closed not long before, so perhaps dormant, and open nowhere."""

    operation = ""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._closed_ns: dict[str, int] = {}
        self._open: Counter[str] = Counter()

    def listeners(self) -> Listeners:
        return {
            "ok open": self._opened,
            "ok close": self._closed,
            f"ok {self.operation}": self._changed,
        }

    def _opened(self, op: Operation) -> None:
        self._open[op.asked["path"]] += 1

    def _closed(self, op: Operation) -> None:
        path = op.asked["path"]
        self._open[path] -= 1
        self._closed_ns[path] = op.returned_ns

    def _changed(self, op: Operation) -> None:
        path = op.asked["path"]
        closed_ns = self._closed_ns.pop(path, None)
        if closed_ns is not None and self._open[path] <= 0:
            self.see(op.invoked_ns - closed_ns < self.run.setting.residue_s * NANO)


class RenamedWhileDormant(_NameChanged):
    """A file was renamed soon after it was closed."""

    name = "renamed_while_dormant"
    operation = "rename"


class RemovedWhileDormant(_NameChanged):
    """A file was deleted soon after it was closed."""

    name = "removed_while_dormant"
    operation = "unlink"
