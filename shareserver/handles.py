"""Who has which file open, and how: share modes and delete pending (MS-FSA 2.1.5.1).

A file is known by its identity on the disk, whatever names lead to it. A handle belongs to one
tree; naming it from another is naming nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from redird.wire.files import FILE_SHARE_WRITE, Mode, conflicts, exclude, shares_needed
from redird.wire.messages import Entry
from shareserver.store import StoreFile

K = TypeVar("K")
Identity = tuple[int, int]  # device and inode, whatever share or name led there


@dataclass(slots=True)
class Listing:
    """Where a folder's enumeration stands."""

    entries: list[Entry]
    position: int = 0
    answered: bool = False


@dataclass(slots=True)
class Handle:
    """One open file. `lessee` names whoever a lease on it would belong to.

    `path` is the name it was opened by, wherever that has moved; None once it is gone.
    """

    number: int
    path: str | None
    tree: int
    session: int
    lessee: str
    access: int
    share: int
    delete_on_close: bool
    entry: "OpenEntry"
    file: StoreFile
    since_ns: int
    listing: Listing | None = None


GONE = "(a file whose name is gone)"


@dataclass(slots=True)
class OpenEntry:
    """A file that somebody has open; `path`, None once it is gone, is the name that goes
    if the file is to be deleted.
    """

    number: int
    identity: Identity
    share: str
    path: str | None
    delete_pending: bool = False
    handles: dict[int, Handle] = field(default_factory=dict)
    modes: dict[Mode, int] = field(default_factory=dict)  # how many handles have each
    lessees: dict[str, int] = field(default_factory=dict)

    def add(self, handle: Handle) -> None:
        """One more handle of it is open."""
        self.handles[handle.number] = handle
        _count(self.modes, _mode(handle.access, handle.share), 1)
        _count(self.lessees, handle.lessee, 1)

    def drop(self, handle: Handle) -> None:
        """A handle of it is closed."""
        del self.handles[handle.number]
        _count(self.modes, _mode(handle.access, handle.share), -1)
        _count(self.lessees, handle.lessee, -1)

    def excludes(self, access: int, share: int) -> bool:
        """Whether an open with this access and share mode collides with one of its handles."""
        mode = _mode(access, share)
        return any(exclude(mode, other) for other in self.modes)

    def is_written(self) -> bool:
        """Whether it is open to be written by anybody."""
        return any(needed & FILE_SHARE_WRITE for needed, _ in self.modes)

    def is_named(self, share: str, path: str) -> bool:
        """Whether somebody opened it by this name."""
        return self.share == share and any(one.path == path for one in self.handles.values())

    @property
    def subject(self) -> str:
        """What people call it."""
        return GONE if self.path is None else self.path


class HandleTable:
    """All open handles of the server; numbers are never used twice."""

    def __init__(self) -> None:
        self._handles: dict[int, Handle] = {}
        self._entries: dict[Identity, OpenEntry] = {}
        self._by_tree: dict[int, dict[int, Handle]] = {}
        self.last = 0  # the latest number given
        self._opened = 0

    def entry(self, identity: Identity) -> OpenEntry | None:
        """Return what is known of a file somebody has open, or None."""
        return self._entries.get(identity)

    def entries_under(self, share: str, path: str) -> list[OpenEntry]:
        """Return the open files below a folder (by whole components, not by prefix)."""
        below = path + "/"
        return [
            entry
            for entry in self._entries.values()
            if entry.share == share
            and any((one.path or "").startswith(below) for one in entry.handles.values())
        ]

    def in_conflict(self, identity: Identity, access: int, share: int) -> list[Handle]:
        """Return the handles that an open with this access and share mode collides with."""
        entry = self._entries.get(identity)
        if entry is None or not entry.excludes(access, share):
            return []
        return [
            handle
            for handle in entry.handles.values()
            if conflicts(access, share, handle.access, handle.share)
        ]

    def open(
        self,
        identity: Identity,
        share_name: str,
        path: str,
        file: StoreFile,
        *,
        tree: int,
        session: int,
        lessee: str,
        access: int,
        share: int,
        delete_on_close: bool,
        now_ns: int,
        known_as: tuple[int, int] | None = None,
    ) -> Handle:
        """Record one more open of a file; conflicts were looked at before.

        `known_as` are the numbers of a handle, and of its file, that was open before.
        """
        number, file_number = known_as or (self.last + 1, self.last + 1)
        self.last = max(self.last, number, file_number)
        entry = self._entries.get(identity)
        if entry is None:
            entry = OpenEntry(file_number, identity, share_name, path)
            self._entries[identity] = entry
        handle = Handle(
            number,
            path,
            tree,
            session,
            lessee,
            access,
            share,
            delete_on_close,
            entry,
            file,
            now_ns,
        )
        entry.add(handle)
        self._handles[handle.number] = handle
        self._by_tree.setdefault(tree, {})[handle.number] = handle
        self._opened += 1
        return handle

    def get(self, number: int) -> Handle | None:
        """Return the handle of that number, whoever has it."""
        return self._handles.get(number)

    def find(self, tree: int, number: int) -> Handle | None:
        """Return the handle if it is open under this tree."""
        handle = self._handles.get(number)
        return handle if handle is not None and handle.tree == tree else None

    def move(self, handle: Handle, tree: int, session: int) -> None:
        """Its redirector is back: it belongs to a new tree."""
        self._unlist(handle)
        handle.tree, handle.session = tree, session
        self._by_tree.setdefault(tree, {})[handle.number] = handle

    def _unlist(self, handle: Handle) -> None:
        handles = self._by_tree[handle.tree]
        del handles[handle.number]
        if not handles:
            del self._by_tree[handle.tree]

    def close(self, handle: Handle) -> bool:
        """Forget a handle; returns whether its file is to be deleted now."""
        entry = handle.entry
        del self._handles[handle.number]
        entry.drop(handle)
        self._unlist(handle)
        if handle.delete_on_close:
            entry.delete_pending, entry.path = True, handle.path
        if entry.handles:
            return False
        del self._entries[entry.identity]
        return entry.delete_pending

    def keep_deleting(self, entry: OpenEntry) -> None:
        """Its last handle is closed, its name not gone yet: nobody may open it."""
        self._entries[entry.identity] = entry

    def deleted(self, entry: OpenEntry) -> None:
        """Now it is gone."""
        del self._entries[entry.identity]

    def of_tree(self, tree: int) -> list[Handle]:
        """Return the handles open under a tree."""
        return list(self._by_tree.get(tree, {}).values())

    def all(self) -> list[Handle]:
        """Return every handle, oldest first."""
        return list(self._handles.values())

    def moved(self, share: str, path: str, target: str) -> list[Handle]:
        """Follow a rename: open files keep their names current, one replaced has none now.

        Returns the handles by whose names something has changed.
        """
        if path == target:
            return []
        changed = self.removed(share, target)
        below = path + "/"
        for named in self._named(share):
            if named.path is not None and (named.path + "/").startswith(below):
                named.path = target + named.path[len(path) :]
                changed += [named] if isinstance(named, Handle) else []
        return changed

    def removed(self, share: str, path: str) -> list[Handle]:
        """A name is gone at once: what is open by it, and returned, goes on without."""
        changed: list[Handle] = []
        for named in self._named(share):
            if named.path == path:
                named.path = None
                changed += [named] if isinstance(named, Handle) else []
        return changed

    def _named(self, share: str) -> Iterator[OpenEntry | Handle]:
        for entry in self._entries.values():
            if entry.share == share:
                yield entry
                yield from entry.handles.values()

    def __len__(self) -> int:
        return len(self._handles)

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "handles": len(self._handles),
            "handles_opened": self._opened,
            "files_open": len(self._entries),
        }

    def validate(self) -> None:
        """Assert that the three views of the table agree."""
        by_entry = {n for entry in self._entries.values() for n in entry.handles}
        by_tree = {n for trees in self._by_tree.values() for n in trees}
        assert set(self._handles) == by_entry == by_tree
        entries = self._entries.values()
        for entry in entries:
            handles = entry.handles.values()
            assert entry.modes == Counter(_mode(one.access, one.share) for one in handles)
            assert entry.lessees == Counter(one.lessee for one in handles)
        assert all(entry.handles or entry.delete_pending for entry in entries)


def _mode(access: int, share: int) -> Mode:
    return shares_needed(access), share


def _count(counts: dict[K, int], key: K, more: int) -> None:
    count = counts.get(key, 0) + more
    if count:
        counts[key] = count
    else:
        del counts[key]
