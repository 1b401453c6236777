"""What is known of a folder's names while a lease with R on it lasts.

A name is known to be there (with what is known of the file, or nothing), known to be missing,
or not known. Attributes are kept only where nobody can change them without touching this very
folder: not those of a file with several names, nor those of a folder, which has its own lease.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from redird.wire.messages import Entry, FileInfo

NAMES_MAX = 200_000  # of one folder


class Line(NamedTuple):
    """A name, the number and the kind of its file, and what is known of that."""

    name: str
    file_id: int
    kind: str
    info: FileInfo | None


class Names:
    """One folder's names. `version` grows with every change: an answer asked for before a
    change must not be kept after it.
    """

    def __init__(self) -> None:
        self.version = 0
        self._there: dict[str, FileInfo | None] = {}
        self._files: dict[str, tuple[int, str]] = {}  # number and kind
        self._missing: set[str] = set()
        self._complete = False
        self._sorted: list[str] | None = None
        self._changing: Counter[str] = Counter()

    def info(self, name: str) -> FileInfo | None:
        """Return what is known of a file, or None."""
        return None if self._changing and name in self._changing else self._there.get(name)

    def leads_to(self, name: str) -> int | None:
        """Return the number of the file a name leads to, or None."""
        file = self._files.get(name)
        return None if file is None or name in self._changing else file[0]

    def is_missing(self, name: str) -> bool:
        """Whether there is surely no file of that name."""
        if self._changing and name in self._changing:
            return False
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
        self._there, self._files, self._missing = {}, {}, set()
        for entry in entries:
            self._keep(entry.name, entry.info)
        self._complete = True

    def entries(self, matches: Callable[[str], bool]) -> list[Entry] | None:
        """Return the entries whose names match, if all are known with their attributes."""
        if not self._complete or self._changing:
            return None
        found = []
        for name in filter(matches, self._in_order()):
            info = self._there[name]
            if info is None:
                return None
            found.append(Entry(name, info))
        return found

    def lines(self) -> list[Line] | None:
        """Return all names if they are known with the files they lead to."""
        if self._changing or not self._complete or len(self._files) < len(self._there):
            return None
        there, files = self._there, self._files
        return [Line(name, *files[name], there[name]) for name in self._in_order()]

    def _in_order(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._there)
        return self._sorted

    # --- changes of our own ---

    def begin(self, name: str) -> None:
        """A change of ours is under way: the server may have made it, others may see it."""
        self._changing[name] += 1
        self._change()

    def end(self, name: str, *, known: bool) -> None:
        """It is over; `known`: what came of it was told."""
        self._changing[name] -= 1
        if not self._changing[name]:
            del self._changing[name]
        if not known:
            self.unsure(name)

    def made(self, name: str, info: FileInfo) -> None:
        """We made a file of that name."""
        self._change()
        self._keep(name, info)

    def moved_here(self, name: str, file: tuple[int, str] | None) -> None:
        """We renamed a file to that; `file` is what `take` returned for the old name."""
        self._change()
        self._keep(name, None)
        if file is not None and name in self._there:
            self._files[name] = file

    def take(self, name: str) -> tuple[int, str] | None:
        """We renamed it; returns number and kind of its file if these are known."""
        file = self._files.get(name)
        self.removed(name)
        return file

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
        self._there, self._files, self._missing = {}, {}, set()
        self._complete = False

    def _keep(self, name: str, info: FileInfo | None) -> None:
        self._missing.discard(name)
        if name not in self._there and len(self._there) >= NAMES_MAX:
            self._complete = False
            return
        own = info is not None and info.links == 1 and info.kind != "directory"
        self._there[name] = info if own else None
        self._files.pop(name, None)
        if info is not None:
            self._files[name] = info.file_id, info.kind

    def _drop(self, name: str) -> None:
        self._there.pop(name, None)
        self._files.pop(name, None)

    def _change(self) -> None:
        self.version += 1
        self._sorted = None
