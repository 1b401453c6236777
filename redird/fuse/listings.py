"""What the kernel asks about folders: OPENDIR, READDIR, READDIRPLUS, FSYNCDIR.

A listing is what a folder held when it was begun. The offset of a line says which listing it
is of, and where in it: so whoever goes on does so where he stopped, whatever changed meanwhile.
"""

import errno
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice

import trio

from redird.fuse import bodies, files, replies
from redird.fuse.begun import index_of
from redird.fuse.callers import Caller
from redird.fuse.errnos import NotDone
from redird.fuse.mount import Mount, Opened
from redird.fuse.nodes import Node
from redird.fuse.replies import KINDS, Listed
from redird.fuse.requests import Request
from redird.leased import folders
from redird.leased.names import Line
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status

_DOTS = (".", "..")
_END = {Status.STATUS_NO_MORE_FILES, Status.STATUS_NO_SUCH_FILE}
_READ = f.READS | f.FILE_READ_ATTRIBUTES
_FOLDER = f.FILE_DIRECTORY_FILE | f.FILE_OPEN_REPARSE_POINT


async def open_folder(mount: Mount, request: Request, body: bodies.Open) -> bytes:
    """Open a folder for listing. The kernel of a single user need not: what it keeps of a
    listing stands as long as the folder's attributes do.
    """
    if not mount.shared:
        raise NotDone(errno.ENOSYS)
    node = mount.nodes.get(request.node)
    caller = await mount.caller(request)
    made = await _create(mount, node, caller)
    opened = Opened(made.handle, node, caller)
    mount.opens(opened)
    await files.require_same(mount, opened, made.info)
    return replies.opened(made.handle, 0)


async def _create(mount: Mount, node: Node, caller: Caller) -> m.Created:
    path = mount.path(node)
    ask = m.Create(caller.tree, path, _READ, f.SHARE_ALL, f.FILE_OPEN, _FOLDER)
    return await mount.ask(ask, m.Created)


@asynccontextmanager
async def _open(mount: Mount, node: Node, caller: Caller) -> AsyncIterator[m.Created]:
    made = await _create(mount, node, caller)
    try:
        yield made
    finally:
        with trio.CancelScope(shield=True):
            await mount.ask(m.Close(caller.tree, made.handle), m.Closed)


async def sync(mount: Mount, request: Request, body: bodies.Sync) -> bytes:
    """Bring a folder's names to the server's disk."""
    node, caller = mount.nodes.get(request.node), await mount.caller(request)
    async with _open(mount, node, caller) as made:
        await mount.ask(m.Flush(caller.tree, made.handle), m.Flushed)
    return b""


async def read(mount: Mount, request: Request, body: bodies.Read) -> bytes:
    """List names and kinds."""
    return await _list(mount, request, body, plus=False)


async def read_with_attributes(mount: Mount, request: Request, body: bodies.Read) -> bytes:
    """List names and attributes; each is a lookup."""
    return await _list(mount, request, body, plus=True)


async def _list(mount: Mount, request: Request, body: bodies.Read, *, plus: bool) -> bytes:
    """Lines are numbered: two for the folder itself and the one above, then its names."""
    node, at = mount.nodes.get(request.node), max(body.offset, 0)
    lines = mount.listings.find(at) if at else None
    if lines is None:
        lines = await _lines(mount, node, await mount.caller(request))
        at = mount.listings.begin(lines) + index_of(at)
    room, told = body.size, list[Listed]()
    for line in _from(node, lines, at):
        room -= replies.line_bytes(line.name.encode(), plus=plus)
        if room < 0:
            break
        at += 1
        told.append(_told(mount, request, node, line, at, plus=plus))
    if not told:
        mount.listings.end(at)
    return replies.listing(told, plus=plus)


def _from(node: Node, lines: list[Line], at: int) -> Iterator[Line]:
    dots = [Line(name, node.file_id or 1, "directory", None) for name in _DOTS]
    index = index_of(at)
    yield from dots[index:]
    yield from islice(lines, max(index - len(_DOTS), 0), None)


def _told(
    mount: Mount, request: Request, folder: Node, line: Line, after: int, *, plus: bool
) -> Listed:
    """The kernel looks up itself what is not known."""
    entry = b""
    if plus and line.info is not None:
        entry = mount.entry(folder, line.name, line.info, request)
    kind = KINDS.get(line.kind, 0)
    return Listed(after, line.file_id, kind, line.name.encode(), entry)


async def _lines(mount: Mount, node: Node, caller: Caller) -> list[Line]:
    """Return all names of a folder, from memory if they are known there."""
    async with _open(mount, node, caller) as made:
        file = mount.file_behind(caller, made.handle)
        known = None if file is None else folders.known_lines(file)
        if known is not None:
            return known
        lines = list[Line]()
        query = m.QueryDirectory(caller.tree, made.handle)
        try:
            while True:
                page = await mount.ask(query, m.DirectoryFound)
                lines += [
                    Line(e.name, e.info.file_id, e.info.kind, e.info) for e in page.entries
                ]
                if page.last:
                    return lines
        except Refused as no:
            if no.status not in _END:
                raise
            return lines
