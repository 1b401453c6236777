"""What a store in memory is made of: nodes, the space they share, and an open one.

A node lasts while it has a name or is open, and its space is reclaimed when it has neither,
as on a disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import INT_MAX, Entry, FileInfo, checked_change


@dataclass(slots=True, eq=False)
class Node:
    """A file, folder or symlink (`target`); it lasts while it has a name or is open."""

    number: int
    is_directory: bool
    mode: int
    mtime_ns: int
    atime_ns: int
    ctime_ns: int
    links: int = 1
    opens: int = 0
    data: bytearray = field(default_factory=bytearray)
    children: dict[str, "Node"] = field(default_factory=dict)
    target: str | None = None

    @property
    def kind(self) -> str:
        """What it is, in the words of the wire."""
        if self.target is not None:
            return "symlink"
        return "directory" if self.is_directory else "file"

    def info(self) -> FileInfo:
        """Return it in the words of the wire."""
        return FileInfo(
            file_id=self.number,
            kind=self.kind,
            size=len(self.data if self.target is None else self.target.encode()),
            links=self.links,
            mode=self.mode,
            mtime_ns=self.mtime_ns,
            atime_ns=self.atime_ns,
            ctime_ns=self.ctime_ns,
        )


class Disk:
    """What the files of one store share: the clock, the numbers, the space."""

    def __init__(
        self, clock: Callable[[], int], device: int, bytes_max: int, files_max: int
    ) -> None:
        self.clock, self.device = clock, device
        self.bytes, self.bytes_max = 0, bytes_max
        self.files, self.files_max = 0, files_max
        self._numbers = count(1)

    def node(self, subject: str, is_directory: bool, mode: int) -> Node:
        """Make a file or folder that is nowhere yet."""
        if self.files >= self.files_max:
            raise Refused(Status.STATUS_DISK_FULL, subject)
        self.files += 1
        now = self.clock()
        return Node(next(self._numbers), is_directory, mode, now, now, now)

    def resize(self, node: Node, size: int, subject: str) -> None:
        """Cut the data or add zeros."""
        more = size - len(node.data)
        if self.bytes + more > self.bytes_max:
            raise Refused(Status.STATUS_DISK_FULL, subject)
        self.bytes += more
        if more > 0:
            node.data += bytes(more)
        else:
            del node.data[size:]

    def let_go(self, node: Node) -> None:
        """Reclaim the space of a file that has neither a name nor an opener."""
        if not node.links and not node.opens:
            self.bytes -= len(node.data)
            self.files -= 1

    def changed(self, *nodes: Node) -> None:
        """Note that the content of `nodes` has changed."""
        now = self.clock()
        for node in nodes:
            node.mtime_ns = node.ctime_ns = now


class MemoryFile:
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
