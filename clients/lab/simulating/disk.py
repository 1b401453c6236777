"""A store in memory whose calls may fail as a disk's do, seeded by nothing: each n-th one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from clients.lab.checking.history import BLOCK_BYTES
from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import Store, StoreFile

STATUSES = {
    "EIO": Status.STATUS_IO_DEVICE_ERROR,
    "ENOSPC": Status.STATUS_DISK_FULL,
    "short": Status.STATUS_DISK_FULL,  # a part was written, then there was no room
}


@dataclass(slots=True)
class Trouble:
    """What goes wrong now: every so many-th `call` meets `error`. "" is no call."""

    call: str = ""
    error: str = ""
    every: int = 1
    seen: int = 0
    fired: int = 0

    def meets(self, call: str) -> bool:
        """Whether this call is one of them."""
        if call != self.call:
            return False
        self.seen += 1
        hit = self.seen % max(1, self.every) == 0
        self.fired += hit
        return hit


class FaultyStore:
    """A Store as `inner` is, but for what its `trouble` says."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.trouble = Trouble()

    def open(self, path: str, **options: Any) -> tuple[StoreFile, bool]:
        """Open as the inner store does."""
        file, made = self.inner.open(path, **options)
        return cast(StoreFile, FaultyFile(file, self)), made

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Nothing goes wrong meanwhile: for whoever looks at what is on it."""
        trouble, self.trouble = self.trouble, Trouble()
        try:
            yield
        finally:
            self.trouble = trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class FaultyFile:
    """A StoreFile as `inner` is, but for its store's trouble."""

    def __init__(self, inner: StoreFile, store: FaultyStore) -> None:
        self.inner = inner
        self.identity = inner.identity
        self.is_directory = inner.is_directory
        self.followed = inner.followed
        self._store = store

    def read_now(self, offset: int, length: int) -> bytes | None:
        """Read."""
        self._meet("read")
        return self.inner.read_now(offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """Read."""
        self._meet("read")
        return self.inner.read(offset, length)

    def write(self, offset: int, data: bytes) -> int:
        """Write; one that is short has written its first half."""
        if self._store.trouble.meets("write"):
            if self._store.trouble.error == "short":
                part = len(data) // 2 // BLOCK_BYTES * BLOCK_BYTES  # what is torn is nobody's
                self.inner.write(offset, data[:part])
            self._refuse("write")
        return self.inner.write(offset, data)

    def append(self, data: bytes) -> int:
        """Write at the end, in one piece or not at all."""
        self._meet("write")
        return self.inner.append(data)

    def flush(self) -> None:
        """Bring it to the disk."""
        self._meet("fsync")
        self.inner.flush()

    def copy_from(self, source: StoreFile, source_offset: int, offset: int, length: int) -> int:
        """Copy from another file of such a store."""
        self._meet("write")
        inner = source.inner if isinstance(source, FaultyFile) else source
        return self.inner.copy_from(inner, source_offset, offset, length)

    def _meet(self, call: str) -> None:
        if self._store.trouble.meets(call):
            self._refuse(call)

    def _refuse(self, call: str) -> None:
        if self._store.trouble.error in STATUSES:
            raise Refused(STATUSES[self._store.trouble.error], f"{call}: a planned fault")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
