"""An open file on a share, read and written like a trio file."""

import codecs
from typing import TYPE_CHECKING, Self

from clients.errors import session_errors
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import FileInfo
from redird.wire.status import Status

if TYPE_CHECKING:
    from clients.session import Client

_DISPOSITIONS = {
    "r": f.FILE_OPEN,
    "w": f.FILE_OVERWRITE_IF,
    "a": f.FILE_OPEN_IF,
    "x": f.FILE_CREATE,
}


async def open_file(
    client: "Client", tree: int, path: str, mode: str, share: int, name: str
) -> "File | TextFile":
    """Open a file as Python's `open` would; raises ValueError for a mode it does not know."""
    kind = mode.replace("b", "").replace("t", "").replace("+", "")
    if kind not in _DISPOSITIONS or set(mode) - set("rwaxbt+") or {"b", "t"} <= set(mode):
        raise ValueError(f"mode {mode!r}: use r, w, a or x, with + and b or t")
    reads, writes = kind == "r" or "+" in mode, kind != "r" or "+" in mode
    access = f.FILE_READ_ATTRIBUTES | (f.FILE_READ_DATA if reads else 0)
    if writes:
        access |= f.FILE_WRITE_DATA | f.FILE_APPEND_DATA | f.FILE_WRITE_ATTRIBUTES
    request = m.Create(
        tree,
        path,
        access,
        share,
        _DISPOSITIONS[kind],
        f.FILE_NON_DIRECTORY_FILE,
        f.LEASE_NONE,
    )
    created = await client.ask(request, m.Created)
    file = File(client, tree, created, name, appends=kind == "a")
    return file if "b" in mode else TextFile(file)


class File:
    """Bytes at a position."""

    def __init__(
        self, client: "Client", tree: int, created: m.Created, name: str, *, appends: bool
    ) -> None:
        self.name = name
        self.opened_info = created.info
        self._client = client
        self._tree = tree
        self._handle = created.handle
        self._appends = appends
        self._position = created.info.size if appends else 0
        self._chunk_max = client.peer.payload_max
        self._closed = False

    async def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or all that is left; fewer at the end of the file."""
        parts: list[bytes] = []
        with session_errors(self.name):
            while size:
                length = self._chunk_max if size < 0 else min(size, self._chunk_max)
                data = await self._read_once(length)
                parts.append(data)
                size -= len(data) if size > 0 else 0
                if len(data) < length:
                    break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _read_once(self, length: int) -> bytes:
        request = m.Read(self._tree, self._handle, self._position, length)
        try:
            data = (await self._client.ask(request, m.DataRead)).data
        except Refused as no:
            if no.status is Status.STATUS_END_OF_FILE:
                return b""
            raise
        self._position += len(data)
        return data

    async def write(self, data: bytes) -> int:
        """Write all of `data` at the position, or at the end of a file opened to append."""
        view = memoryview(data)
        with session_errors(self.name):
            for start in range(0, len(view), self._chunk_max):
                chunk = bytes(view[start : start + self._chunk_max])
                offset = m.APPEND if self._appends else self._position
                request = m.Write(self._tree, self._handle, offset, chunk)
                done = await self._client.ask(request, m.DataWritten)
                self._position = done.offset + done.count
        return len(data)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position: from the start (0), from here (1) or from the end (2)."""
        base = (0, self._position, 0)[whence] if whence != 2 else (await self.stat()).size
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}, before the start of {self.name}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    async def truncate(self, size: int | None = None) -> int:
        """Cut or extend the file to `size` bytes, the position if not given."""
        wanted = self._position if size is None else size
        with session_errors(self.name):
            request = m.SetInfo(self._tree, self._handle, wanted)
            return (await self._client.ask(request, m.InfoSet)).info.size

    async def allocate(self, offset: int, length: int, how: int = 0) -> FileInfo:
        """Do as fallocate(2) with `redird.wire.files.ALLOCATE_...`."""
        with session_errors(self.name):
            request = m.Allocate(self._tree, self._handle, how, offset, length)
            return (await self._client.ask(request, m.Allocated)).info

    async def seek_data(self, offset: int) -> int | None:
        """Return where the next data is from `offset`, None if there is none."""
        return await self._seek(offset, hole=False)

    async def seek_hole(self, offset: int) -> int | None:
        """Return where the next hole is, None past the end, which counts as one."""
        return await self._seek(offset, hole=True)

    async def _seek(self, offset: int, *, hole: bool) -> int | None:
        with session_errors(self.name):
            try:
                request = m.Seek(self._tree, self._handle, offset, hole)
                return (await self._client.ask(request, m.Sought)).offset
            except Refused as no:
                if no.status is Status.STATUS_END_OF_FILE:
                    return None
                raise

    async def copy_from(self, source: "File", start: int, offset: int, length: int) -> int:
        """Copy from another open file of the share, at the server; returns how much."""
        done = 0
        with session_errors(self.name):
            if source._tree != self._tree or source._client is not self._client:
                raise Refused(Status.STATUS_NOT_SAME_DEVICE)
            while done < length:
                request = m.CopyRange(
                    self._tree,
                    source._handle,
                    start + done,
                    self._handle,
                    offset + done,
                    length - done,
                )
                count = (await self._client.ask(request, m.RangeCopied)).count
                if not count:
                    break
                done += count
        return done

    async def lock(
        self, offset: int = 0, length: int = 0, *, shared: bool = False, wait_s: float = 0.0
    ) -> None:
        """Lock a range for this open alone, or for reading; length 0: to the end.

        Everybody's reads and writes respect it. Raises SessionError if it was not to be had
        within `wait_s`.
        """
        request = m.Lock(self._tree, self._handle, "nt", 0, offset, length, not shared, wait_s)
        waiting = True

        def replied(reply: m.Message) -> None:
            if not waiting and isinstance(reply, m.Locked):  # nobody would unlock it
                self._client.link.notify(self._unlock(offset, length))

        with session_errors(self.name):
            try:
                await self._client.link.request(request, replied)
            finally:
                waiting = False

    async def unlock(self, offset: int = 0, length: int = 0) -> None:
        """Give up exactly what was locked."""
        with session_errors(self.name):
            await self._client.ask(self._unlock(offset, length), m.Unlocked)

    def _unlock(self, offset: int, length: int) -> m.Unlock:
        return m.Unlock(self._tree, self._handle, "nt", 0, offset, length)

    async def stat(self) -> FileInfo:
        """Tell about the open file."""
        with session_errors(self.name):
            request = m.QueryInfo(self._tree, self._handle)
            return (await self._client.ask(request, m.InfoFound)).info

    async def flush(self) -> None:
        """Nothing is buffered here; `fsync` brings data to the disk."""

    async def fsync(self) -> None:
        """Bring the data to the server's disk."""
        with session_errors(self.name):
            await self._client.ask(m.Flush(self._tree, self._handle), m.Flushed)

    async def aclose(self) -> None:
        """Close; an error of what was written before is raised here at the latest."""
        if not self._closed:
            self._closed = True
            with session_errors(self.name):
                await self._client.ask(m.Close(self._tree, self._handle), m.Closed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class TextFile:
    """UTF-8 text over a `File`; line ends are left as they are."""

    def __init__(self, file: File) -> None:
        self.binary = file
        self.name = file.name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._ended = False

    async def read(self) -> str:
        """Read all that is left."""
        rest = self._text + self._decoder.decode(await self.binary.read(), final=True)
        self._text, self._ended = "", True
        return rest

    async def readline(self) -> str:
        """Read one line with its end, or an empty string at the end of the file."""
        while "\n" not in self._text and not self._ended:
            data = await self.binary.read(64 * 1024)
            self._ended = not data
            self._text += self._decoder.decode(data, final=self._ended)
        line, end, self._text = self._text.partition("\n")
        return line + end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def write(self, text: str) -> int:
        """Write text; returns the number of characters."""
        await self.binary.write(text.encode())
        return len(text)

    async def flush(self) -> None:
        """Nothing is buffered here; `fsync` brings data to the disk."""

    async def fsync(self) -> None:
        """Bring the data to the server's disk."""
        await self.binary.fsync()

    async def aclose(self) -> None:
        """Close the file."""
        await self.binary.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
