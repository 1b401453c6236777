"""What the kernel asks about folders: OPENDIR, READDIR, READDIRPLUS, RELEASEDIR."""

from collections.abc import Iterator

from redird.fuse import bodies, files, replies
from redird.fuse.mount import Mount, Opened
from redird.fuse.replies import KINDS, Listed
from redird.fuse.requests import Request
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status

_DOTS = (b".", b"..")
_END = {Status.STATUS_NO_MORE_FILES, Status.STATUS_NO_SUCH_FILE}
_READ = f.READS | f.FILE_READ_ATTRIBUTES
_FOLDER = f.FILE_DIRECTORY_FILE | f.FILE_OPEN_REPARSE_POINT


async def open_folder(mount: Mount, request: Request, body: bodies.Open) -> bytes:
    """Open a folder for listing."""
    node = mount.nodes.get(request.node)
    caller = await mount.caller(request)
    path = mount.path(node)
    ask = m.Create(caller.tree, path, _READ, f.SHARE_ALL, f.FILE_OPEN, _FOLDER)
    made = await mount.ask(ask, m.Created)
    opened = Opened(made.handle, node, caller)
    mount.opens(opened)
    await files.require_same(mount, opened, made.info)
    return replies.opened(made.handle, 0)


async def read(mount: Mount, request: Request, body: bodies.Read) -> bytes:
    """List names and kinds."""
    return await _list(mount, request, body, plus=False)


async def read_with_attributes(mount: Mount, request: Request, body: bodies.Read) -> bytes:
    """List names and attributes; each is a lookup."""
    return await _list(mount, request, body, plus=True)


async def _list(mount: Mount, request: Request, body: bodies.Read, *, plus: bool) -> bytes:
    """Offsets count the lines: two for the folder itself and the one above, then entries."""
    opened = mount.open_file(body.handle)
    if body.offset == 0:
        opened.lines, opened.complete = [], False
    room, lines, at = body.size, list[Listed](), max(body.offset, 0)
    for line in _dots(opened, at):
        room -= replies.line_bytes(line.name, plus=plus)
        lines.append(line)
        at = line.after
    while True:
        if at - len(_DOTS) >= len(opened.lines) and not await _list_on(mount, opened):
            break
        found = opened.lines[at - len(_DOTS)]
        name = found.name.encode()
        room -= replies.line_bytes(name, plus=plus)
        if room < 0:
            break
        at += 1
        entry = mount.entry(opened.node, found.name, found.info, request) if plus else b""
        info = found.info
        lines.append(Listed(at, info.file_id, KINDS.get(info.kind, 0), name, entry))
    return replies.listing(lines, plus=plus)


def _dots(opened: Opened, at: int) -> Iterator[Listed]:
    number = opened.node.file_id or 1
    for index in range(at, len(_DOTS)):
        yield Listed(index + 1, number, KINDS["directory"], _DOTS[index])


async def _list_on(mount: Mount, opened: Opened) -> bool:
    """Fetch the next page; False if there is none."""
    if opened.complete:
        return False
    query = m.QueryDirectory(opened.caller.tree, opened.handle, restart=not opened.lines)
    try:
        page = await mount.ask(query, m.DirectoryFound)
    except Refused as no:
        if no.status not in _END:
            raise
        opened.complete = True
        return False
    opened.lines += page.entries
    return True
