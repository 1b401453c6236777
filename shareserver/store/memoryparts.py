"""What is done with parts of an open file in memory: extended attributes and extents."""

from redird.wire import files as f
from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import StoreFile
from shareserver.store.memorydisk import Disk, Node
from shareserver.store.parts import (
    COPY_BYTES_MAX,
    checked_allocation,
    checked_copy,
    checked_xattr,
    copied_by_hand,
)

XATTRS_BYTES_MAX = 2**20  # of all names and values of one file


class MemoryParts:
    """The half of `memoryfile.MemoryFile` that is about parts."""

    identity: tuple[int, int]
    _disk: Disk
    _node: Node
    _subject: str

    def _require_open(self) -> None:
        raise NotImplementedError

    def _require_file(self) -> None:
        raise NotImplementedError

    def _require_writable(self) -> None:
        raise NotImplementedError

    # --- extended attributes ---

    def xattr(self, name: str) -> bytes:
        """Read one."""
        self._require_open()
        self._require_xattr(name)
        return self._node.xattrs[name]

    def xattrs(self) -> list[str]:
        """List the names."""
        self._require_open()
        return sorted(self._node.xattrs)

    def set_xattr(self, name: str, value: bytes, must: str) -> None:
        """Set one."""
        self._require_open()
        checked_xattr(name, value, must)
        self._require_no_symlink()
        if must == "create" and name in self._node.xattrs:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION, self._subject)
        if must == "replace":
            self._require_xattr(name)
        others = sum(len(k) + len(v) for k, v in self._node.xattrs.items() if k != name)
        if others + len(name) + len(value) > XATTRS_BYTES_MAX:
            raise Refused(Status.STATUS_DISK_FULL, self._subject)
        self._node.xattrs[name] = value
        self._node.ctime_ns = self._disk.clock()

    def remove_xattr(self, name: str) -> None:
        """Remove one."""
        self._require_open()
        checked_xattr(name)
        self._require_no_symlink()
        self._require_xattr(name)
        del self._node.xattrs[name]
        self._node.ctime_ns = self._disk.clock()

    def _require_xattr(self, name: str) -> None:
        if name not in self._node.xattrs:
            raise Refused(Status.STATUS_NONEXISTENT_EA_ENTRY, self._subject)

    def _require_no_symlink(self) -> None:
        if self._node.target is not None:
            raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)

    # --- extents ---

    def allocate(self, how: int, offset: int, length: int) -> None:
        """Add or zero; memory has no holes."""
        self._require_writable()
        checked_allocation(self._subject, how, offset, length)
        data, end = self._node.data, offset + length
        if end > len(data) and not how & f.ALLOCATE_KEEP_SIZE:
            self._disk.resize(self._node, end, self._subject)
        if how & (f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_ZERO_RANGE):
            zeroed = max(0, min(end, len(data)) - offset)
            data[offset : offset + zeroed] = bytes(zeroed)
        self._disk.changed(self._node)

    def seek(self, offset: int, hole: bool) -> int:
        """Find the end of all data."""
        self._require_file()
        if offset < 0:
            raise Refused(Status.STATUS_INVALID_PARAMETER, self._subject)
        if offset >= len(self._node.data):
            raise Refused(Status.STATUS_END_OF_FILE, self._subject)
        return len(self._node.data) if hole else offset

    def copy_from(self, source: StoreFile, source_offset: int, offset: int, length: int) -> int:
        """Copy."""
        self._require_writable()
        same = source.identity == self.identity
        checked_copy(self._subject, source_offset, offset, length, same=same)
        return copied_by_hand(source, source_offset, self, offset, min(length, COPY_BYTES_MAX))

    def write(self, offset: int, data: bytes) -> int:
        """Write all of `data`."""
        raise NotImplementedError
