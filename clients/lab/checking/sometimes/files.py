"""Sights around files: who works on one at the same time, and what stands in the way.

They need the clients' operations only.
"""

from clients.lab.checking.checker import Listeners, Run
from clients.lab.checking.operation import Operation
from clients.lab.checking.sometimes.sight import Sight


class WritersAtOnce(Sight):
    """Two writes of one block were under way at once."""

    name = "writers_at_once"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._writing: dict[tuple[str, str, int], int] = {}

    def listeners(self) -> Listeners:
        return {"invoke write": self._begin, "end write": self._end}

    def _begin(self, op: Operation) -> None:
        block = (*op.file, op.asked["offset"])
        self._writing[block] = self._writing.get(block, 0) + 1
        self.see(self._writing[block] > 1)

    def _end(self, op: Operation) -> None:
        self._writing[(*op.file, op.asked["offset"])] -= 1


class ReadAcrossHosts(Sight):
    """A user read what one at another host had written."""

    name = "read_across_hosts"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._by: dict[int, str] = {}

    def listeners(self) -> Listeners:
        return {"invoke write": self._write, "ok read": self._read}

    def _write(self, op: Operation) -> None:
        self._by[op.asked["value"]] = op.host

    def _read(self, op: Operation) -> None:
        self.see(self._by.get(op.answer["value"], op.host) != op.host)


class LockContended(Sight):
    """A lock was refused, as another one held the range."""

    name = "lock_contended"

    def listeners(self) -> Listeners:
        return {"fail lock": self._look}

    def _look(self, op: Operation) -> None:
        self.see(op.status == "STATUS_LOCK_NOT_GRANTED")


class FileBusy(Sight):
    """An open was refused, as another one excluded it."""

    name = "file_busy"

    def listeners(self) -> Listeners:
        return {"fail open": self._look}

    def _look(self, op: Operation) -> None:
        self.see(op.status == "STATUS_SHARING_VIOLATION")


class DiskFailed(Sight):
    """A user heard that the disk was full or did not work."""

    name = "disk_failed"

    def listeners(self) -> Listeners:
        return {"fail": self._look}

    def _look(self, op: Operation) -> None:
        self.see(op.status in ("STATUS_DISK_FULL", "STATUS_IO_DEVICE_ERROR"))
