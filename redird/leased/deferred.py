"""The one writer of deferred writes: answered to an application, not yet sent to the server.

Only a lease with W allows it. Extents wait in the order in which they were written, grow as
long as writes go on where the last one ended, and are sent one after the other; what is being
sent still counts.
"""

from dataclasses import dataclass, field

from redird.holdings import Connection, File, Handle


@dataclass(slots=True, eq=False)
class Extent:
    """Bytes for one place in a file, and the handle they were written through."""

    handle: Handle
    offset: int
    data: bytearray

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.offset + len(self.data)


@dataclass(slots=True, eq=False)
class _Waiting:
    extents: list[Extent] = field(default_factory=list)
    bytes: int = 0  # of what waits and of what is being sent
    sending: Extent | None = None


class DeferredWrites:
    """What each file still has to be told to its server."""

    def __init__(self, extent_bytes_max: int) -> None:
        self._extent_bytes_max = extent_bytes_max
        self._files: dict[File, _Waiting] = {}
        self._deferred = self._sent = 0

    def __bool__(self) -> bool:
        return bool(self._files)

    def __contains__(self, file: File) -> bool:
        return file in self._files

    def add(self, handle: Handle, offset: int, data: bytes) -> None:
        """An application wrote `data`."""
        waiting = self._files.setdefault(handle.file, _Waiting())
        waiting.bytes += len(data)
        self._deferred += 1
        last = waiting.extents[-1] if waiting.extents else None
        if (
            last is not None
            and last.handle is handle
            and last.end == offset
            and len(last.data) + len(data) <= self._extent_bytes_max
        ):
            last.data += data
        else:
            waiting.extents.append(Extent(handle, offset, bytearray(data)))

    def bytes(self, file: File) -> int:
        """How much of a file is not at the server yet."""
        waiting = self._files.get(file)
        return waiting.bytes if waiting else 0

    def bytes_by(self, file: File, connection: Connection) -> int:
        """How much of that was written through handles of one connection."""
        waiting = self._files.get(file)
        if waiting is None:
            return 0
        extents = [*waiting.extents, *([waiting.sending] if waiting.sending else [])]
        return sum(len(one.data) for one in extents if one.handle.connection is connection)

    def next_extent(self, file: File) -> Extent | None:
        """Take what is to be sent first; None if nothing waits."""
        waiting = self._files.get(file)
        if not waiting or not waiting.extents:
            return None
        self._sent += 1
        waiting.sending = waiting.extents.pop(0)
        return waiting.sending

    def put_back(self, file: File, extent: Extent) -> None:
        """Nobody knows whether it arrived: it is sent again, before all others."""
        waiting = self._files[file]
        waiting.extents.insert(0, extent)
        waiting.sending = None

    def settle(self, file: File, extent: Extent) -> None:
        """The server has answered for an extent, or will never."""
        waiting = self._files[file]
        waiting.sending = None
        waiting.bytes -= len(extent.data)
        if not waiting.bytes:
            del self._files[file]

    def files(self) -> list[File]:
        """Return every file with deferred writes."""
        return list(self._files)

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "deferred_bytes": sum(one.bytes for one in self._files.values()),
            "writes_deferred": self._deferred,
            "deferred_writes_sent": self._sent,
        }
