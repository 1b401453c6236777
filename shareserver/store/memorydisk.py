"""What a store in memory is made of: nodes, and the space they share.

A node lasts while it has a name or is open, and its space is reclaimed when it has neither,
as on a disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import FileInfo


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
    xattrs: dict[str, bytes] = field(default_factory=dict)

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
