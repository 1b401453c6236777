"""One mount: which node is which file, what is open, whose it is, and how to ask for it."""

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redird.fuse import replies, validity
from redird.fuse.callers import Caller, Callers
from redird.fuse.errnos import NotDone
from redird.fuse.nodes import Node, NodeTable
from redird.fuse.replies import Owner
from redird.fuse.requests import Request
from redird.wire import messages as m
from redird.wire.messages import FileInfo, Message

R = TypeVar("R", bound=Message)
NAME_BYTES_MAX = 255
Notify = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Opened:
    """One open file or folder; `handle` is its number at the redirector and in the kernel.

    `lines`: what was listed of a folder so far, and whether that is all.
    """

    handle: int
    node: Node
    caller: Caller
    writable: bool = False
    lines: list[m.Entry] = field(default_factory=list)
    complete: bool = False
    locked: set[tuple[str, int]] = field(default_factory=set)  # kinds and owners


class Mount:
    """The tables of one mount; `notify` writes to the kernel from a worker thread."""

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
        self.opened: dict[int, Opened] = {}
        self.only_caller = only_caller

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

    def attributes_found(self, info: FileInfo, request: Request) -> bytes:
        """Answer with attributes."""
        valid_s = validity.attr_valid_s(info, shared=self.shared)
        return replies.attributes_found(valid_s, self.attributes(info, request))

    def entry(self, folder: Node, name: str, info: FileInfo, request: Request) -> bytes:
        """Answer with the node that a name leads to, looked up once more."""
        node = self.nodes.look_up(folder, name, info)
        return replies.entry(
            node.number,
            validity.entry_valid_s(info, shared=self.shared),
            validity.attr_valid_s(info, shared=self.shared),
            self.attributes(info, request),
        )

    # --- telling the kernel unasked ---

    async def invalidate_file(self, path: str) -> None:
        """The kernel may not believe what it remembers of a file: attributes, data, its name.

        Returns when it has dropped all that; for the breaking of a lease.
        """
        node = self.nodes.find(path)
        if node is not None and self.notify is not None:
            await self.notify(replies.forget_data(node.number))

    async def invalidate_name(self, folder: str, name: str) -> None:
        """The kernel may not believe what it remembers of a name, or that it is free."""
        node = self.nodes.find(folder)
        if node is not None and self.notify is not None:
            await self.notify(replies.forget_name(node.number, name.encode()))

    async def invalidate_folder(self, folder: str) -> None:
        """The kernel may not believe what it remembers of any name in a folder."""
        node = self.nodes.find(folder)
        if node is None or self.notify is None:
            return
        for name in list(node.children):
            await self.notify(replies.forget_name(node.number, name.encode()))
        await self.notify(replies.forget_data(node.number))

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
