"""What is open on the disk without its data: a symlink itself, or what was only looked at.

Linux changes such a file through its name under /proc only. That name leads to exactly this
file, not to what a symlink says.
"""

import os

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import Entry, checked_change
from shareserver.store.diskfile import DiskFile, change_attributes, identified


class BareFile(DiskFile):
    """A StoreFile over a descriptor opened with O_PATH."""

    __slots__ = ("_is_symlink",)

    def __init__(
        self, descriptor: int, found: os.stat_result, subject: str, writable: bool
    ) -> None:
        super().__init__(descriptor, found, subject, writable)
        self._is_symlink = identified(found)[1] == "symlink"

    def flush(self) -> None:
        """There is no data that could be elsewhere."""
        with self._held:
            pass

    def set_info(
        self,
        *,
        size: int | None = None,
        mode: int | None = None,
        mtime_ns: int | None = None,
        atime_ns: int | None = None,
    ) -> None:
        """Change mode, then times."""
        with self._held as descriptor:
            checked_change(self._subject, size, mode, mtime_ns, atime_ns)
            if size is not None:
                self._refuse_folder()
            if mode is not None and self._is_symlink:
                raise Refused(Status.STATUS_NOT_SUPPORTED, self._subject)
            way = self._way(descriptor)
            change_attributes(descriptor, way, mode, mtime_ns, atime_ns)

    def _way(self, descriptor: int) -> int | str:
        return f"/proc/self/fd/{descriptor}"

    def entries(self) -> list[Entry]:
        """Refuse: nothing in it was asked for."""
        with self._held:
            if not self.is_directory:
                raise Refused(Status.STATUS_NOT_A_DIRECTORY, self._subject)
            raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)

    def names(self) -> list[str]:
        """Refuse."""
        self.entries()
        return []

    def _refuse_folder(self) -> None:
        super()._refuse_folder()
        raise Refused(Status.STATUS_ACCESS_DENIED, self._subject)
