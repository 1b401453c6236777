"""A share as a plain model: names, bytes, who has what open. No cache, no lease, no dormancy.

A schedule is a list of `Op`; `Model.do` answers each with what a user must see. The same model
judges one operation after the other (`test_coherence`), and, by trying orders, operations that
overlap (`explanation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redird.wire import files as f
from redird.wire.errors import Refused
from redird.wire.files import conflicts
from redird.wire.status import Status

Result = Any  # what a user sees: a value, or the name of the status that refused it
MODE = 0o644


@dataclass(frozen=True, slots=True)
class Op:
    """One thing one actor does; a verb is a method of `Model` and of `actors.Actor`."""

    actor: int
    verb: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"u{self.actor + 1} {self.verb}({', '.join(map(brief, self.args))})"


def brief(value: Any) -> str:
    """Show bytes by their first letters and how many they are, anything else as it is."""
    if isinstance(value, tuple):
        return f"({', '.join(map(brief, value))})"
    if not isinstance(value, bytes) or len(value) <= 12:
        return repr(value)
    return f"{value[:8]!r}..{len(value)}"


@dataclass(frozen=True, slots=True)
class Node:
    """A file or folder."""

    folder: bool = False
    data: bytes = b""
    mode: int = MODE
    pending: bool = False  # goes at its last close


@dataclass(frozen=True, slots=True)
class Opened:
    """One open of one actor's."""

    actor: int
    node: int
    access: int
    share: int
    doomed: bool  # deletes on close


@dataclass(slots=True)
class Model:
    """The share. Opens are known by keys that the schedule gives."""

    names: dict[str, int] = field(default_factory=dict)
    nodes: dict[int, Node] = field(default_factory=dict)
    opens: dict[int, Opened] = field(default_factory=dict)
    last: int = 0

    def fork(self) -> "Model":
        """Return another one in the same state."""
        return Model(dict(self.names), dict(self.nodes), dict(self.opens), self.last)

    def key(self) -> Any:
        """Return what is equal for equal states."""
        return tuple(frozenset(it.items()) for it in (self.names, self.nodes, self.opens))

    def do(self, op: Op) -> Result:
        """Apply one operation and return what its actor must see."""
        try:
            return getattr(self, op.verb)(op.actor, *op.args)
        except Refused as no:
            return no.status.name

    # --- looking up ---

    def _look_up(self, path: str) -> int | None:
        folder = path.rpartition("/")[0]
        if folder and not (folder in self.names and self.nodes[self.names[folder]].folder):
            raise Refused(Status.STATUS_OBJECT_PATH_NOT_FOUND, path)
        return self.names.get(path)

    def _found(self, path: str) -> int:
        number = self._look_up(path)
        if number is None:
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        return number

    def _made(self, path: str, node: Node) -> int:
        self.last += 1
        self.names[path], self.nodes[self.last] = self.last, node
        return self.last

    def _change(self, number: int, **changes: Any) -> Node:
        self.nodes[number] = node = replace(self.nodes[number], **changes)
        return node

    def _remove(self, path: str) -> None:
        """Take a name away; its file stays for those who have it open."""
        self._let_go(self.names.pop(path))

    def _let_go(self, number: int) -> None:
        if number not in self.names.values() and not self.users(number):
            del self.nodes[number]

    def users(self, number: int) -> list[Opened]:
        """Return the opens of a file."""
        return [one for one in self.opens.values() if one.node == number]

    def _require_shared(self, number: int, access: int, share: int = f.SHARE_ALL) -> None:
        users = self.users(number)
        if any(conflicts(access, share, one.access, one.share) for one in users):
            raise Refused(Status.STATUS_SHARING_VIOLATION)

    def _opened(self, key: int, access: int = 0) -> int:
        opened = self.opens[key]
        if access and not opened.access & access:
            raise Refused(Status.STATUS_ACCESS_DENIED)
        return opened.node

    # --- what is done with files ---

    def open(
        self,
        actor: int,
        key: int,
        path: str,
        access: int,
        share: int,
        disposition: int,
        doomed: bool = False,
    ) -> Result:
        """Open or make a file; returns what was done, and its size."""
        number, action = self._look_up(path), f.OPENED
        if number is not None and disposition == f.FILE_CREATE:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION)
        if number is None and disposition in (f.FILE_OPEN, f.FILE_OVERWRITE):
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND)
        if number is None:
            number, action = self._made(path, Node()), f.CREATED
        elif self.nodes[number].folder:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY)
        elif self.nodes[number].pending:
            raise Refused(Status.STATUS_DELETE_PENDING)
        else:
            keeps = disposition in f.KEEPS_CONTENT
            self._require_shared(number, access | (0 if keeps else f.FILE_WRITE_DATA), share)
            if not keeps:
                action = f.OVERWRITTEN
                self._change(number, data=b"")
        self.opens[key] = Opened(actor, number, access, share, doomed)
        return action, len(self.nodes[number].data)

    def close(self, actor: int, key: int) -> Result:
        """Close; a file that is to be deleted goes at its last close."""
        opened = self.opens.pop(key)
        node = self.nodes[opened.node]
        if opened.doomed:
            node = self._change(opened.node, pending=True)
        if node.pending and not self.users(opened.node):
            for path in [path for path, n in self.names.items() if n == opened.node]:
                del self.names[path]
        self._let_go(opened.node)

    def read(self, actor: int, key: int, offset: int, length: int) -> Result:
        """Read at most so much."""
        data = self.nodes[self._opened(key, f.FILE_READ_DATA)].data[offset : offset + length]
        if not data:
            raise Refused(Status.STATUS_END_OF_FILE)
        return data

    def write(self, actor: int, key: int, offset: int, data: bytes) -> Result:
        """Write; returns where it went and the size after that."""
        number = self._opened(key, f.FILE_WRITE_DATA)
        old = self.nodes[number].data.ljust(offset, b"\0")
        new = old[:offset] + data + old[offset + len(data) :]
        self._change(number, data=new)
        return offset, len(new)

    def append(self, actor: int, key: int, data: bytes) -> Result:
        """Write at the end."""
        number = self._opened(key, f.WRITES)
        old = self.nodes[number].data
        self._change(number, data=old + data)
        return len(old), len(old + data)

    def truncate(self, actor: int, key: int, size: int) -> Result:
        """Cut or extend; returns the size."""
        number = self._opened(key, f.FILE_WRITE_DATA)
        self._change(number, data=self.nodes[number].data[:size].ljust(size, b"\0"))
        return size

    def flush(self, actor: int, key: int) -> Result:
        """Bring it to the disk."""

    def size(self, actor: int, key: int) -> Result:
        """Ask how large an open file is."""
        return len(self.nodes[self._opened(key)].data)

    def doom(self, actor: int, key: int, doomed: bool) -> Result:
        """Mark for deletion at the last close, or take that back."""
        self._change(self._opened(key, f.DELETE), pending=doomed)

    # --- what is done with names ---

    def stat(self, actor: int, path: str) -> Result:
        """Ask about a name: is it a folder, its size, its mode."""
        node = self.nodes[self._found(path)]
        return node.folder, len(node.data), None if node.folder else node.mode

    def resize(self, actor: int, path: str, size: int) -> Result:
        """Cut or extend by name; returns the size."""
        number = self._found(path)
        self._require_shared(number, f.FILE_WRITE_DATA)
        if self.nodes[number].folder:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY)
        self._change(number, data=self.nodes[number].data[:size].ljust(size, b"\0"))
        return size

    def chmod(self, actor: int, path: str, mode: int) -> Result:
        """Change permissions by name."""
        self._change(self._found(path), mode=mode)

    def unlink(self, actor: int, path: str, posix: bool) -> Result:
        """Delete a file; unless posix, at its last close if somebody has it open."""
        number = self._found(path)
        if self.nodes[number].folder:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY)
        self._require_shared(number, f.DELETE)
        if self.nodes[number].pending:
            raise Refused(Status.STATUS_DELETE_PENDING)
        if self.users(number) and not posix:
            self._change(number, pending=True)
        else:
            self._remove(path)

    def mkdir(self, actor: int, path: str) -> Result:
        """Make a folder."""
        if self._look_up(path) is not None:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION)
        self._made(path, Node(folder=True))

    def rmdir(self, actor: int, path: str) -> Result:
        """Remove an empty folder."""
        number = self._found(path)
        self._require_shared(number, f.DELETE)
        if not self.nodes[number].folder:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY)
        if self._below(path):
            raise Refused(Status.STATUS_DIRECTORY_NOT_EMPTY)
        self._remove(path)

    def _below(self, path: str) -> list[str]:
        return [name for name in self.names if name.startswith(f"{path}/")]

    def rename(
        self, actor: int, path: str, target: str, replacing: bool, posix: bool
    ) -> Result:
        """Rename a file, or a folder with all below it."""
        number = self._found(path)
        there = self._look_up(target) if replacing else None
        self._require_shared(number, f.DELETE)
        if not posix and any(self.users(self.names[name]) for name in self._below(path)):
            raise Refused(Status.STATUS_ACCESS_DENIED)
        if there is not None and there != number:
            self._require_unused(there, posix)
        there = self._look_up(target)
        if there is not None and not replacing:
            raise Refused(Status.STATUS_OBJECT_NAME_COLLISION)
        if target.startswith(f"{path}/"):
            raise Refused(Status.STATUS_INVALID_PARAMETER)
        if there == number:
            return
        if there is not None:
            self._require_replaceable(number, there, path, target)
            self._remove(target)
        for name in [path, *self._below(path)]:
            self.names[target + name[len(path) :]] = self.names.pop(name)

    def _require_unused(self, number: int, posix: bool) -> None:
        if posix:
            self._require_shared(number, f.DELETE)
        elif self.users(number):
            raise Refused(Status.STATUS_ACCESS_DENIED)
        if self.nodes[number].pending:
            raise Refused(Status.STATUS_DELETE_PENDING)

    def _require_replaceable(self, number: int, there: int, path: str, target: str) -> None:
        mine, theirs = self.nodes[number].folder, self.nodes[there].folder
        if self._below(target) and (path.startswith(f"{target}/") or (mine and theirs)):
            raise Refused(Status.STATUS_DIRECTORY_NOT_EMPTY)
        if mine and not theirs:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY)
        if theirs and not mine:
            raise Refused(Status.STATUS_FILE_IS_A_DIRECTORY)

    def list(self, actor: int, path: str) -> Result:
        """List a folder: names, and whether each is a folder."""
        if path and not self.nodes[self._found(path)].folder:
            raise Refused(Status.STATUS_NOT_A_DIRECTORY)
        found = [(name.rpartition("/"), self.nodes[n]) for name, n in self.names.items()]
        return tuple(sorted((name, n.folder) for (at, _, name), n in found if at == path))

    # --- who is there, and time ---

    def relogon(self, actor: int) -> Result:
        """Log off, which closes what is open, and on again."""
        for key in [key for key, one in self.opens.items() if one.actor == actor]:
            self.close(actor, key)

    def sleep(self, actor: int, seconds: float) -> Result:
        """Let time pass."""


# --- operations that overlap ------------------------------------------------------------------


@dataclass(slots=True)
class Call:
    """One operation and what was seen; `began` and `ended` count events, no two are equal."""

    op: Op
    began: int
    ended: int = 0
    result: Result = None

    def __str__(self) -> str:
        return f"[{self.began:3}, {self.ended:3}] {self.op} -> {brief(self.result)}"


def explanation(calls: Sequence[Call], start: Model) -> list[Call]:
    """Return the calls in an order in which the model answers each as it was answered.

    An order may swap only calls that overlapped (linearizability; Wing and Gong's search with
    Lowe's memory of what was tried). If none explains all, the longest that was found is
    returned; the one after it is where it went wrong.
    """
    best: list[Call] = []
    tried: set[Any] = set()
    stack: list[tuple[Model, list[Call], list[Call]]] = [(start, [], list(calls))]
    while stack:
        model, done, left = stack.pop()
        if len(done) > len(best):
            best = done
        if not left:
            break
        first_end = min(call.ended for call in left)
        for call in [call for call in left if call.began < first_end]:
            after = model.fork()
            if call.result != after.do(call.op):
                continue
            rest = [one for one in left if one is not call]
            state = (frozenset(one.began for one in rest), after.key())
            if state not in tried:
                tried.add(state)
                stack.append((after, [*done, call], rest))
    return best
