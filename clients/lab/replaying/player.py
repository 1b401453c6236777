"""One client of a load file: each operation as requests of a session, answered by a status.

The player knows what a line does, never what came of it: the status that the file expects does
not reach it. Every byte written tells its offset, so what is read can be judged too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from clients.lab.replaying import loadfile as lf
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.compound import replies_of
from redird.wire.errors import Refused
from redird.wire.exchange import refusal
from redird.wire.messages import Message
from redird.wire.status import Status

R = TypeVar("R", bound=Message)

FOLDER_ACCESS = f.FILE_READ_DATA | f.FILE_READ_ATTRIBUTES
FILE_ACCESS = FOLDER_ACCESS | f.FILE_WRITE_DATA | f.FILE_WRITE_ATTRIBUTES
SHARED = f.FILE_SHARE_READ | f.FILE_SHARE_WRITE
SET_TIME_NS = 10**18  # what SET_FILE_INFORMATION sets: the file does not say
OWNER = 1  # of locks
_PERIOD = 251  # a prime, so that data at another offset is other data
_PATTERN = bytes(range(1, _PERIOD + 1)) * (lf.IO_BYTES_MAX // _PERIOD + 2)
_WILDCARDS = frozenset('*?<>"')
_ROOT = "clients/client1"


class Asking(Protocol):
    """Whoever brings a request to a redirector and its answer back."""

    async def ask(self, request: Message, expected: type[R]) -> R:
        """Ask; raises Refused."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation; `count`: bytes or entries; `sound`: the data was right."""

    status: Status
    count: int = 0
    sound: bool = True


DONE = Outcome(Status.STATUS_SUCCESS)
NO_HANDLE = Outcome(Status.STATUS_INVALID_HANDLE)


@dataclass(slots=True)
class Player:
    """A client by its number: its files are in `clients/clientN`, its handles its own."""

    client: Asking
    tree: int
    number: int = 1
    handles: dict[int, int] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)

    async def play(self, operation: lf.Operation) -> Outcome:
        """Do one operation, and say what came of it."""
        try:
            return await _DOING[type(operation)](self, operation)
        except Refused as no:
            return Outcome(no.status)

    def at(self, path: str) -> str:
        """Return this client's own path for one of the file's first client."""
        mine = self._paths.get(path)
        if mine is None:
            first = path == _ROOT or path.startswith(f"{_ROOT}/")
            mine = f"clients/client{self.number}{path[len(_ROOT) :]}" if first else path
            self._paths[path] = mine
        return mine

    # --- open files ---

    async def create(self, op: lf.NTCreateX) -> Outcome:
        access = FOLDER_ACCESS if op.options & f.FILE_DIRECTORY_FILE else FILE_ACCESS
        request = m.Create(
            self.tree, self.at(op.path), access, SHARED, op.disposition, op.options
        )
        self.handles[op.handle] = (await self.client.ask(request, m.Created)).handle
        return DONE

    async def close(self, op: lf.Close) -> Outcome:
        handle = self.handles.pop(op.handle, None)
        if handle is None:
            return NO_HANDLE
        await self.client.ask(m.Close(self.tree, handle), m.Closed)
        return DONE

    async def read(self, op: lf.ReadX) -> Outcome:
        request = m.Read(self.tree, self._handle(op.handle), op.offset, op.length)
        try:
            data = (await self.client.ask(request, m.DataRead)).data
        except Refused as no:
            if no.status is Status.STATUS_END_OF_FILE:  # in this dialect nothing, and no error
                return DONE
            raise
        return Outcome(DONE.status, len(data), is_sound(op.offset, data))

    async def write(self, op: lf.WriteX) -> Outcome:
        data = pattern(op.offset, op.length)
        request = m.Write(self.tree, self._handle(op.handle), op.offset, data)
        return Outcome(DONE.status, (await self.client.ask(request, m.DataWritten)).count)

    async def flush(self, op: lf.Flush) -> Outcome:
        await self.client.ask(m.Flush(self.tree, self._handle(op.handle)), m.Flushed)
        return DONE

    async def lock(self, op: lf.LockX) -> Outcome:
        handle = self._handle(op.handle)
        request = m.Lock(self.tree, handle, "nt", OWNER, op.offset, op.length, True)
        await self.client.ask(request, m.Locked)
        return DONE

    async def unlock(self, op: lf.UnlockX) -> Outcome:
        handle = self._handle(op.handle)
        request = m.Unlock(self.tree, handle, "nt", OWNER, op.offset, op.length)
        await self.client.ask(request, m.Unlocked)
        return DONE

    async def query_file(self, op: lf.QueryFile) -> Outcome:
        await self.client.ask(m.QueryInfo(self.tree, self._handle(op.handle)), m.InfoFound)
        return DONE

    async def set_file(self, op: lf.SetFile) -> Outcome:
        request = m.SetInfo(
            self.tree, self._handle(op.handle), mtime_ns=SET_TIME_NS, atime_ns=SET_TIME_NS
        )
        await self.client.ask(request, m.InfoSet)
        return DONE

    def _handle(self, name: int) -> int:
        handle = self.handles.get(name)
        if handle is None:  # its create failed, which is told on its own line
            raise Refused(Status.STATUS_INVALID_HANDLE, f"handle {name}")
        return handle

    # --- names ---

    async def query_path(self, op: lf.QueryPath) -> Outcome:
        await self.client.ask(m.QueryInfo(self.tree, self.at(op.path)), m.InfoFound)
        return DONE

    async def query_volume(self, op: lf.QueryVolume) -> Outcome:
        await self.client.ask(m.QueryVolume(self.tree), m.VolumeFound)
        return DONE

    async def rename(self, op: lf.Rename) -> Outcome:
        request = m.Rename(self.tree, self.at(op.path), self.at(op.target))
        await self.client.ask(request, m.Renamed)
        return DONE

    async def find_first(self, op: lf.FindFirst) -> Outcome:
        folder, _, pattern = self.at(op.path).rpartition("/")
        found = await self._page(folder, pattern, op.entries_max)
        return Outcome(DONE.status, len(found))

    async def unlink(self, op: lf.Unlink) -> Outcome:
        folder, _, name = self.at(op.path).rpartition("/")
        paths = [f"{folder}/{name}"]
        if not _WILDCARDS.isdisjoint(name):
            entries = await self._page(folder, name)
            paths = [f"{folder}/{one.name}" for one in entries if one.info.kind != "directory"]
        for path in paths:
            await self.client.ask(m.Unlink(self.tree, path), m.Unlinked)
        return DONE

    async def make_folder(self, op: lf.Mkdir) -> Outcome:
        handle = await self._opened(self.at(op.path), f.FILE_OPEN_IF)
        await self.client.ask(m.Close(self.tree, handle), m.Closed)
        return DONE

    async def delete_tree(self, op: lf.Deltree) -> Outcome:
        try:
            await self._delete_tree(self.at(op.path))
        except Refused as no:
            missing = (Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_OBJECT_PATH_NOT_FOUND)
            if no.status not in missing:
                raise
        return DONE

    async def _delete_tree(self, path: str) -> None:
        while entries := await self._page_if_any(path):
            for entry in entries:
                below = f"{path}/{entry.name}"
                if entry.info.kind == "directory":
                    await self._delete_tree(below)
                else:
                    await self.client.ask(m.Unlink(self.tree, below), m.Unlinked)
        await self.client.ask(m.RemoveDirectory(self.tree, path), m.DirectoryRemoved)

    async def _page_if_any(self, folder: str) -> tuple[m.Entry, ...]:
        try:
            return await self._page(folder, "*")
        except Refused as no:
            if no.status is Status.STATUS_NO_SUCH_FILE:
                return ()
            raise

    async def _page(self, folder: str, pattern: str, most: int = 1000) -> tuple[m.Entry, ...]:
        """Return a folder's first entries of that pattern: a whole search in one frame."""
        how = (FOLDER_ACCESS, f.SHARE_ALL, f.FILE_OPEN, f.FILE_DIRECTORY_FILE)
        parts = (
            ("Create", self.tree, folder, *how),
            ("QueryDirectory", self.tree, m.RELATED, pattern, False, most),
            ("Close", self.tree, m.RELATED),
        )
        done = await self.client.ask(m.Compound(parts), m.Compounded)
        entries: tuple[m.Entry, ...] = ()
        for reply in replies_of(done):
            if isinstance(reply, m.RefusedReply):
                raise refusal(reply)
            if isinstance(reply, m.DirectoryFound):
                entries = reply.entries
        return entries

    async def _opened(self, folder: str, disposition: int) -> int:
        request = m.Create(
            self.tree, folder, FOLDER_ACCESS, f.SHARE_ALL, disposition, f.FILE_DIRECTORY_FILE
        )
        return (await self.client.ask(request, m.Created)).handle


def pattern(offset: int, length: int) -> bytes:
    """Return what is written at an offset."""
    start = offset % _PERIOD
    return _PATTERN[start : start + length]


def is_sound(offset: int, data: bytes) -> bool:
    """Whether data is what was written there, or zeroes where nothing was."""
    written = pattern(offset, len(data))
    if data == written:
        return True
    return all(got in (0, want) for got, want in zip(data, written, strict=True))


_DOING: dict[type[lf.Operation], Callable[[Player, Any], Awaitable[Outcome]]] = {
    lf.NTCreateX: Player.create,
    lf.Close: Player.close,
    lf.ReadX: Player.read,
    lf.WriteX: Player.write,
    lf.Flush: Player.flush,
    lf.LockX: Player.lock,
    lf.UnlockX: Player.unlock,
    lf.QueryFile: Player.query_file,
    lf.SetFile: Player.set_file,
    lf.QueryPath: Player.query_path,
    lf.QueryVolume: Player.query_volume,
    lf.Rename: Player.rename,
    lf.FindFirst: Player.find_first,
    lf.Unlink: Player.unlink,
    lf.Mkdir: Player.make_folder,
    lf.Deltree: Player.delete_tree,
}
