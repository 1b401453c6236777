"""What is known of a folder's names while a lease with R on it lasts.

A name is known to be there (with what is known of the file, or nothing), known to be missing,
or not known. Attributes are kept only where nobody can change them without touching this very
folder: not those of a file with several names, nor those of a folder, which has its own lease.
"""

from collections.abc import Callable

from redird.wire.messages import Entry, FileInfo

NAMES_MAX = 200_000  # of one folder


class Names:
    """One folder's names. `version` grows with every change: an answer asked for before a
    change must not be kept after it.
    """

    def __init__(self) -> None:
        self.version = 0
        self._there: dict[str, FileInfo | None] = {}
        self._numbers: dict[str, int] = {}
        self._missing: set[str] = set()
        self._complete = False
        self._sorted: list[str] | None = None

    def info(self, name: str) -> FileInfo | None:
        """Return what is known of a file, or None."""
        return self._there.get(name)

    def leads_to(self, name: str) -> int | None:
        """Return the number of the file a name leads to, or None."""
        return self._numbers.get(name)

    def is_missing(self, name: str) -> bool:
        """Whether there is surely no file of that name."""
        return name in self._missing or (self._complete and name not in self._there)

    def found(self, name: str, info: FileInfo, version: int) -> None:
        """The server told of a file, asked when `version` was current."""
        if version == self.version:
            self._keep(name, info)

    def found_missing(self, name: str, version: int) -> None:
        """The server said that there is no such name."""
        if version == self.version and len(self._missing) < NAMES_MAX:
            self._missing.add(name)

    def listed(self, entries: list[Entry], version: int) -> None:
        """The server told all names."""
        if version != self.version or len(entries) > NAMES_MAX:
            return
        self._there, self._numbers, self._missing = {}, {}, set()
        for entry in entries:
            self._keep(entry.name, entry.info)
        self._complete = True

    def entries(self, matches: Callable[[str], bool]) -> list[Entry] | None:
        """Return the entries whose names match, if all are known with their attributes."""
        if not self._complete:
            return None
        if self._sorted is None:
            self._sorted = sorted(self._there)
        found = []
        for name in filter(matches, self._sorted):
            info = self._there[name]
            if info is None:
                return None
            found.append(Entry(name, info))
        return found

    # --- changes of our own ---

    def made(self, name: str, info: FileInfo | None) -> None:
        """We made a file of that name, or put one there."""
        self._change()
        self._missing.discard(name)
        self._keep(name, info)

    def removed(self, name: str) -> None:
        """We removed or renamed it."""
        self._change()
        self._drop(name)
        self._missing.add(name)

    def unsure(self, name: str) -> None:
        """It may be there or not."""
        self._change()
        self._drop(name)
        self._missing.discard(name)
        self._complete = False

    def changed(self, name: str) -> None:
        """We changed the file, so its attributes are not known any more."""
        if name in self._there:
            self._there[name] = None
        self._change()

    def forget(self) -> None:
        """The lease is gone, or whatever was known may be wrong."""
        self._change()
        self._there, self._numbers, self._missing = {}, {}, set()
        self._complete = False

    def _keep(self, name: str, info: FileInfo | None) -> None:
        self._missing.discard(name)
        if name not in self._there and len(self._there) >= NAMES_MAX:
            self._complete = False
            return
        own = info is not None and info.links == 1 and info.kind != "directory"
        self._there[name] = info if own else None
        self._numbers.pop(name, None)
        if info is not None:
            self._numbers[name] = info.file_id

    def _drop(self, name: str) -> None:
        self._there.pop(name, None)
        self._numbers.pop(name, None)

    def _change(self) -> None:
        self.version += 1
        self._sorted = None
