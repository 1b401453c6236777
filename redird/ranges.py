"""Which ranges of a file are locked through a handle, so that they can be locked again.

A server that was killed knows of no locks any more. The rules are the server's: nt locks are
each one of their own, what a posix owner has merges and splits as fcntl(2) has it, a flock is
one on the whole file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from redird.holdings import Handle

NT, POSIX = "nt", "posix"
END = 2**63


@dataclass(frozen=True, slots=True)
class Range:
    """A lock on the bytes from `start` up to `end`; `owner` is the number the server knows."""

    kind: str
    owner: int
    start: int
    end: int
    exclusive: bool

    @property
    def length(self) -> int:
        """As it is asked for: 0 is to the end of whatever the file grows to."""
        return 0 if self.end == END else self.end - self.start


class RangeTable:
    """Ranges by handle; a handle without any is not in the table."""

    def __init__(self) -> None:
        self._by_handle: dict[Handle, list[Range]] = {}

    def of(self, handle: Handle) -> list[Range]:
        """Return what is locked through a handle, in the order in which it was."""
        return list(self._by_handle.get(handle, ()))

    def lock(self, handle: Handle, locked: Range) -> None:
        """The server has granted it."""
        if locked.kind != NT:
            self._clear(handle.file.handles, locked)
        self._by_handle.setdefault(handle, []).append(locked)

    def unlock(self, handle: Handle, gone: Range) -> None:
        """It was given up; of nt locks exactly this one."""
        if gone.kind != NT:
            self._clear(handle.file.handles, gone)
            return
        held = self._by_handle.get(handle, [])
        same = (gone.owner, gone.start, gone.end)
        for one in held:
            if one.kind == NT and (one.owner, one.start, one.end) == same:
                held.remove(one)
                break
        self._keep(handle, held)

    def forget(self, handle: Handle) -> None:
        """The handle is closed."""
        self._by_handle.pop(handle, None)

    def _clear(self, handles: Iterable[Handle], cleared: Range) -> None:
        """Nothing of the owner is left there, through whichever handle."""
        for handle in list(handles):
            if handle in self._by_handle:
                held = self._by_handle[handle]
                self._keep(handle, [part for one in held for part in _without(one, cleared)])

    def _keep(self, handle: Handle, held: list[Range]) -> None:
        if held:
            self._by_handle[handle] = held
        else:
            self._by_handle.pop(handle, None)

    def __len__(self) -> int:
        return sum(map(len, self._by_handle.values()))


def asked(kind: str, owner: int, offset: int, length: int, *, exclusive: bool = True) -> Range:
    """Return a range as a request names it; a flock is on the whole file."""
    if kind not in (NT, POSIX):
        return Range(kind, owner, 0, END, exclusive)
    end = offset + length if length else END
    return Range(kind, owner, offset, min(end, END), exclusive)


def _without(one: Range, cleared: Range) -> list[Range]:
    """Return what is left of a range of the same owner."""
    if (one.kind, one.owner) != (cleared.kind, cleared.owner):
        return [one]
    if one.kind == NT or one.end <= cleared.start or cleared.end <= one.start:
        return [one]
    before = replace(one, end=cleared.start)
    after = replace(one, start=cleared.end)
    return [part for part in (before, after) if part.start < part.end]
