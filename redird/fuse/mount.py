"""One mount: which node is which file, what is open, whose it is, and how to ask for it."""

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redird import opening
from redird.fuse import replies, validity
from redird.fuse.begun import Listings
from redird.fuse.callers import Caller, Callers
from redird.fuse.errnos import NotDone
from redird.fuse.nodes import Node, NodeTable
from redird.fuse.replies import Owner
from redird.fuse.requests import Request
from redird.holdings import Connection, File
from redird.wire.files import LEASE_R
from redird.wire.messages import FileInfo, Message

R = TypeVar("R", bound=Message)
NAME_BYTES_MAX = 255
MISSING_MAX = 10_000  # names told to be free, of one folder
Notify = Callable[[list[bytes]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Opened:
    """One open file or folder; `handle` is its number at the redirector and in the kernel."""

    handle: int
    node: Node
    caller: Caller
    writable: bool = False
    locked: set[tuple[str, int]] = field(default_factory=set)  # kinds and owners


class Mount:
    """The tables of one mount; `notify` writes to the kernel from a worker thread, what
    takes no lock there is written by `notify_now`.
    """

    def __init__(
        self,
        callers: Callers,
        owner: Owner,
        only_caller: int,
        *,
        shared: bool,
        wall_now: Callable[[], int],
    ) -> None:
        self.nodes = NodeTable()
        self.callers = callers
        self.owner = owner
        self.shared = shared
        self.wall_now = wall_now
        self.notify: Notify | None = None
        self.notify_now: Callable[[list[bytes]], None] = lambda _: None
        self.has_epochs: Callable[[], bool] = lambda: False
        self.opened: dict[int, Opened] = {}
        self.listings = Listings()
        self.only_caller = only_caller
        self.peer = callers.peer

    # --- asking ---

    async def caller(self, request: Request) -> Caller:
        """Whose session serves a request: in a mount of one user always his."""
        uid = request.uid if self.shared else self.only_caller
        return self.callers.find(uid) or await self.callers.log_on(uid)

    async def ask(self, request: Message, expected: type[R]) -> R:
        """Ask the redirector; raises Refused."""
        answer: Any = self.callers.ask(request)
        if not isinstance(answer, Message):
            answer = await answer
        assert isinstance(answer, expected)
        return answer

    # --- finding ---

    def open_file(self, handle: int) -> Opened:
        """Return what is open under a number, or refuse."""
        opened = self.opened.get(handle)
        if opened is None:
            raise NotDone(errno.EBADF)
        return opened

    def target(self, node: Node, caller: Caller, *, writable: bool = False) -> int | str:
        """How to name a node to the redirector: an open of this user's, or its path.

        What has no name any more can be reached only by an open.
        """
        for handle in node.handles:
            opened = self.opened[handle]
            if opened.caller is caller and (opened.writable or not writable):
                return handle
        return self.path(node)

    def path(self, node: Node) -> str:
        """Return where a node is; refused if it is nowhere any more."""
        path = node.path
        if path is None:
            raise NotDone(errno.ESTALE)
        return path

    def below(self, folder: Node, name: bytes) -> tuple[str, str]:
        """Return a name in a folder as text, and its path; refused if it is no name."""
        if len(name) > NAME_BYTES_MAX:
            raise NotDone(errno.ENAMETOOLONG)
        try:
            text = name.decode()
        except UnicodeDecodeError:
            raise NotDone(errno.EILSEQ) from None
        if text in ("", ".", ".."):
            raise NotDone(errno.EINVAL)
        path = self.path(folder)
        return text, f"{path}/{text}" if path else text

    # --- telling ---

    def attributes(self, info: FileInfo, request: Request) -> bytes:
        """Pack a file's attributes: in a shared mount everything seems to be the asker's."""
        owner = Owner(request.uid, request.gid) if self.shared else self.owner
        return replies.attributes(info, owner)

    def attributes_found(self, node: Node, info: FileInfo, request: Request) -> bytes:
        """Answer with attributes."""
        connection, path = self._remembers(request), node.path
        valid_s = validity.NOTHING
        if connection is not None and path is not None:
            valid_s = validity.attr_valid_s(self.callers.state, connection, path, info)
        return replies.attributes_found(valid_s, self.attributes(info, request))

    def entry(self, folder: Node, name: str, info: FileInfo, request: Request) -> bytes:
        """Answer with the node that a name leads to, looked up once more."""
        node = self.nodes.look_up(folder, name, info)
        folder.missing.discard(name)
        entry_s = attr_s = validity.NOTHING
        connection, above = self._remembers(request), folder.path
        if connection is not None and above is not None:
            state, path = self.callers.state, f"{above}/{name}" if above else name
            entry_s = validity.entry_valid_s(state, connection, path, info.file_id)
            attr_s = validity.attr_valid_s(state, connection, path, info)
        return replies.entry(node.number, entry_s, attr_s, self.attributes(info, request))

    def no_entry(self, folder: Node, name: str, path: str, request: Request) -> bytes | None:
        """Answer that a name is free, if the kernel may remember that, else None."""
        connection = self._remembers(request)
        if connection is None or len(folder.missing) >= MISSING_MAX:
            return None
        valid_s = validity.negative_valid_s(self.callers.state, connection, path)
        if valid_s <= 0:
            return None
        folder.missing.add(name)
        return replies.no_entry(valid_s)

    def _remembers(self, request: Request) -> Connection | None:
        """Return the asker's connection if its kernel may remember what it is told."""
        caller = None if self.shared else self.callers.find(self.only_caller)
        return None if caller is None else self.callers.connection(caller)

    def file_of(self, opened: Opened) -> File | None:
        """Return the redirector's file behind an open, if it is still open there."""
        return self.file_behind(opened.caller, opened.handle)

    def file_behind(self, caller: Caller, handle: int) -> File | None:
        """Return the redirector's file behind one of a user's open numbers."""
        connection = self.callers.connection(caller)
        held = connection and connection.opens.get(handle)
        return held.handle.file if held else None

    # --- telling the kernel unasked ---

    def call_back(self, file: File) -> Awaitable[None] | None:
        """Make the kernel forget all it was told under this file's lease.

        A file that nobody has open is not read from: its attributes are all there is to
        forget, which takes no lock. A folder's names one by one take its lock, which may be
        held by who waits for another mount that waits for this: so all names at once, if
        the kernel can. Else there is something to wait for.
        """
        if self.notify is None or not self.callers.is_of_share(file):
            return None
        numbers = [number for handle in file.handles for number in handle.opens]
        nodes = {self.opened[number].node for number in numbers if number in self.opened}
        in_use = bool(nodes)
        nodes |= self._named(file)
        if not in_use and file.names is None:
            for node in nodes:
                node.data = None
            self.notify_now([replies.forget_attributes(node.number) for node in nodes])
            return None
        if file.names is not None and self.has_epochs():
            self.notify_now([one for node in nodes for one in _forgetting_names(node)])
            return None
        packets = [one for node in nodes for one in _forgetting(node, file)]
        return self.notify(packets) if packets else None

    def _named(self, file: File) -> set[Node]:
        named = self.nodes.of_file(file.info.file_id, file.info.kind)
        nodes = set() if named is None else {named}
        if file.names is not None and any(not handle.path for handle in file.handles):
            nodes.add(self.nodes.root)
        return nodes

    async def regain(self, opened: Opened, file: File) -> bool:
        """Have R on an open file, asked for again if it was broken; False if it is not to be
        had.
        """
        if file.lease & LEASE_R:
            return True
        connection = self.callers.connection(opened.caller)
        held = connection and connection.opens.get(opened.handle)
        if connection is None or not held or not opened.node.names:
            return False
        await opening.lease_again(self.callers.state, connection, held.handle)
        return bool(file.lease & LEASE_R)

    def forget_soon(self, node: Node) -> None:
        """The kernel was told what it may not keep."""
        if self.notify is not None:
            self.callers.state.spawn(self.notify, [replies.forget_data(node.number)])

    # --- opening and closing ---

    def opens(self, opened: Opened) -> None:
        """Remember an open."""
        self.opened[opened.handle] = opened
        opened.node.handles[opened.handle] = None
        opened.caller.handles.add(opened.handle)

    def closes(self, opened: Opened) -> None:
        """Forget an open."""
        self.opened.pop(opened.handle, None)
        opened.node.handles.pop(opened.handle, None)
        opened.caller.handles.discard(opened.handle)


def _forgetting_names(node: Node) -> list[bytes]:
    """The same of a folder, without its lock: at the price of other folders' names."""
    node.missing.clear()
    attributes = [node.number, *(child.number for child in node.children.values())]
    return [replies.forget_names(), *map(replies.forget_attributes, attributes)]


def _forgetting(node: Node, file: File) -> list[bytes]:
    """What to tell the kernel so that it forgets a node, and of a folder all it tells of."""
    if file.names is None:
        node.data = None
        return [replies.forget_data(node.number)]
    names = [*node.children, *node.missing]
    node.missing.clear()
    return [
        *(replies.forget_name(node.number, name.encode()) for name in names),
        *(replies.forget_attributes(child.number) for child in node.children.values()),
        replies.forget_attributes(node.number),
    ]
