"""One open file or folder in memory."""

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import INT_MAX, Entry, FileInfo, checked_change
from shareserver.store.memorydisk import Disk, Node
from shareserver.store.memoryparts import MemoryParts


class MemoryFile(MemoryParts):
    """A StoreFile over a node."""

    def __init__(
        self, disk: Disk, node: Node, subject: str, writable: bool, *, bare: bool = False
    ) -> None:
        self.identity = (disk.device, node.number)
        self.is_directory = node.is_directory
        self.followed = False
        self._disk, self._node = disk, node
        self._subject, self._writable = subject, writable
        self._bare = bare or node.target is not None
        self._closed = False
        node.opens += 1

    def read_now(self, offset: int, length: int) -> bytes:
        """Read; memory never waits."""
        return self.read(offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """Read."""
        self._require_file()
        self._require(offset >= 0 and 0 <= length <= INT_MAX - offset)
        return bytes(self._node.data[offset : offset + length])

    def write(self, offset: int, data: bytes) -> int:
        """Write all of `data`; a refused write has written nothing."""
        self._require_writable()
        end = offset + len(data)
        self._require(offset >= 0 and end <= INT_MAX)
        if data:
            if end > len(self._node.data):
                self._disk.resize(self._node, end, self._subject)
            self._node.data[offset:end] = data
            self._disk.changed(self._node)
        return len(data)

    def append(self, data: bytes) -> int:
        """Write at the end."""
        end = len(self._node.data)
        self.write(end, data)
        return end

    def flush(self) -> None:
        """Nothing is further away than memory."""
        self._require_open()

    def info(self) -> FileInfo:
        """Describe the node."""
        self._require_open()
        return self._node.info()

    def set_info(
        self,
        *,
        size: int | None = None,
        mode: int | None = None,
        mtime_ns: int | None = None,
        atime_ns: int | None = None,
    ) -> None:
        """Change size, then mode, then times."""
        self._require_open()
        checked_change(self._subject, size, mode, mtime_ns, atime_ns)
        node = self._node
        if size is not None:
            self._require_writable()
            self._disk.resize(node, size, self._subject)
            self._disk.changed(node)
        if mode is not None and node.target is not None:
            raise Refused(Status.STATUS_NOT_SUPPORTED, self._subject)
        node.mode = node.mode if mode is None else mode
        node.mtime_ns = node.mtime_ns if mtime_ns is None else mtime_ns
        node.atime_ns = node.atime_ns if atime_ns is None else atime_ns
        node.ctime_ns = self._disk.clock()

    def entries(self) -> list[Entry]:
        """List the folder."""
        self._require_open()
        if not self.is_directory:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY, self._subject)
        if self._bare:
            raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)
        return [Entry(name, node.info()) for name, node in sorted(self._node.children.items())]

    def names(self) -> list[str]:
        """List the folder's names."""
        return [entry.name for entry in self.entries()]

    def close(self) -> None:
        """Let the node go."""
        if not self._closed:
            self._closed = True
            self._node.opens -= 1
            self._disk.let_go(self._node)

    def _require(self, sound: bool) -> None:
        if not sound:
            raise Refused(Status.STATUS_INVALID_PARAMETER, self._subject)

    def _require_open(self) -> None:
        if self._closed:
            raise Refused(Status.STATUS_FILE_CLOSED, self._subject)

    def _require_file(self) -> None:
        self._require_open()
        if self.is_directory:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY, self._subject)
        if self._bare:
            raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)

    def _require_writable(self) -> None:
        self._require_file()
        if not self._writable:
            raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)
