"""A recorded workload: every kind of call and refusal of a session client, as lines of JSON.

    recorded.py SHARE_SERVER_ADDRESS

starts a redirector on this host and runs sessions through it, one request after the other. What
it prints must be the same on every host, byte for byte: statuses, contents, sizes, times that
were set; no time that was not, and no number that only names something. It runs on emulated
hosts as a file of its own, on pure Python, so it imports `clients`, `redird.wire` and `deploy`.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import asdict, is_dataclass
from typing import Any

import trio

from clients import session as sessions
from clients.errors import SessionError, session_errors
from clients.session import Client, Session
from deploy.local import python_module, start
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.link import Link

USER, PASSWORD = "älice", "pässwörd \u212b ﬁ"  # SCRAM makes them NFKC
DOCS, FEW, ASIDE, FIXED = "docs", "few", "aside", "fixed"
FEW_MAX, OPENS_MAX = 2, 24
NANO = 1_000_000_000
READY_MAX_S = 90.0
# A logoff more recent than a receipt takes to ask for may be before or after it.
SETTLED_S = 2.0
# What names something or says when: never the same twice.
NAMELESS = {
    *("file_id", "handle", "tree", "file", "session", "at_ns", "mtime_ns", "atime_ns"),
    *("ctime_ns", "held_s", "since_ns", "dormant_age_s", "release_in_s", "earliest_release_s"),
    *("uses_read", "total_bytes", "free_bytes", "files", "files_free", "exists_s", "lease"),
    *("logged_off_for_s", "since_s", "oldest_dormant_s", "redirector"),
}
SHOWN_BYTES = 40


class Story:
    """One user's session, of which each call is told: what it gave, or why it was refused."""

    def __init__(self, session: Session, who: str) -> None:
        self.session = session
        self.who = who

    async def does(self, what: str, call: Awaitable[Any]) -> Any:
        """Wait for a call, tell it, and return what it gave."""
        line: dict[str, Any] = {"who": self.who, "does": what}
        try:
            given = await call
        except SessionError as no:
            tell(line | {"no": no.status.name, "at": no.subject, "detail": plain(no.detail)})
            return None
        tell(line | {"gives": plain(given)})
        return given

    async def asks(self, request: m.Message) -> Any:
        """Send a message as it is."""

        async def send() -> m.Message:
            with session_errors():
                return await self.session.client.link.request(request)

        return await self.does(repr_of(request), send())

    async def tree(self, share: str = DOCS) -> int:
        return await self.session.connect("files", share)


class Noting:
    """A link that notes what it is asked for."""

    def __init__(self, link: Link, asked: set[str]) -> None:
        self._link = link
        self._asked = asked

    def request(self, message: m.Message, *more: Any) -> Awaitable[m.Message]:
        self._asked.add(type(message).__name__)
        return self._link.request(message, *more)


def tell(line: dict[str, Any]) -> None:
    print(json.dumps(line, sort_keys=True), flush=True)


def repr_of(request: m.Message) -> str:
    values = plain(request)
    return f"{type(request).__name__} {json.dumps(values, sort_keys=True)}"


def plain(value: Any) -> Any:
    """A value as JSON has it, without what differs between any two runs."""
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        short = len(data) <= SHOWN_BYTES
        return data.hex() if short else f"{len(data)}: {hashlib.sha256(data).hexdigest()}"
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items() if key not in NAMELESS}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def at(path: str, share: str = DOCS) -> str:
    return f"//files/{share}/{path}" if path else rf"\\files\{share}"


# --- chapters ---------------------------------------------------------------------------------


async def logging_on(client: Client, story: Story) -> None:
    """Who may, and where to."""
    for user, password, server in [
        (USER, "wrong", "files"),
        ("nobody", "x", "files"),
        (USER, PASSWORD, "elsewhere"),
    ]:
        await story.does(f"logon {user}", client.logon(user, password, server))
    for share in ("none", "NOTHING\u00e9", "paused"):
        await story.does(f"connect {share}", story.session.connect("files", share))
    await story.does("connect elsewhere", story.session.connect("elsewhere", DOCS))
    await story.does("volume", story.session.volume(at("")))


async def dispositions(story: Story) -> None:
    """What becomes of a file that is there and of one that is not, and of folders."""
    tree = await story.tree()
    await story.does("mkdir", story.session.mkdir(at("made"), 0o750))
    for disposition in range(7):
        for path in ("there", "new"):
            name = f"made/{path}{disposition}"
            if path == "there":
                await _fill(story, name, b"before")
            made = await story.asks(m.Create(tree, name, f.ACCESS_ALL, 7, disposition))
            await _close(story, tree, made)
            await story.does(f"stat {name}", story.session.stat(at(name)))
    for path, options in [
        ("made", f.FILE_NON_DIRECTORY_FILE),
        ("made/there1", f.FILE_DIRECTORY_FILE),
        ("made/there1/below", 0),
        ("none/below", 0),
        ("../outside", 0),
        ("made/\0", 0),
        ("made/there1", f.FILE_DELETE_ON_CLOSE),
    ]:
        access = f.FILE_READ_DATA | f.DELETE
        made = await story.asks(m.Create(tree, path, access, 7, f.FILE_OPEN, options))
        await _close(story, tree, made)
    await story.asks(m.Create(tree, "made", 0x4000_0000, 7, f.FILE_OPEN, 0x8000))
    await story.asks(m.Close(tree, 123_456_789))
    await story.asks(m.Close(tree + 1_000_000, 1))


async def _fill(story: Story, path: str, data: bytes, share: str = DOCS) -> None:
    async with story.session.open(at(path, share), "wb") as file:
        await file.write(data)


async def _close(story: Story, tree: int, made: Any) -> None:
    if isinstance(made, m.Created):
        await story.asks(m.Close(tree, made.handle))


async def share_modes(story: Story, other: Story) -> None:
    """Who excludes whom: each access and share mode beside each of another user's."""
    await _fill(story, "shared", b"abc")
    tree, beside = await story.tree(), await other.tree()
    for access in (f.FILE_READ_DATA, f.FILE_WRITE_DATA, f.DELETE, f.FILE_READ_ATTRIBUTES):
        for share in (0, f.FILE_SHARE_READ, f.FILE_SHARE_WRITE, f.SHARE_ALL):
            made = await story.asks(m.Create(tree, "shared", access, share, f.FILE_OPEN))
            for wanted, granted in ((f.FILE_READ_DATA, 7), (f.FILE_WRITE_DATA | f.DELETE, 1)):
                request = m.Create(beside, "shared", wanted, granted, f.FILE_OPEN)
                await _close(other, beside, await other.asks(request))
            await _close(story, tree, made)
    await _pending(story, other, tree, beside)


async def _pending(story: Story, other: Story, tree: int, beside: int) -> None:
    """Deleted while others have it open: it goes at its last close."""
    await _fill(story, "doomed", b"x")
    ours = await story.asks(m.Create(tree, "doomed", f.ACCESS_ALL, f.SHARE_ALL, f.FILE_OPEN))
    theirs = await other.asks(m.Create(beside, "doomed", f.READS, f.SHARE_ALL, f.FILE_OPEN))
    await story.asks(m.SetInfo(tree, ours.handle, delete=True))
    await other.asks(m.Create(beside, "doomed", f.READS, f.SHARE_ALL, f.FILE_OPEN))
    await _close(story, tree, ours)
    await other.asks(m.Read(beside, theirs.handle, 0, 4))
    await _close(other, beside, theirs)
    await other.does("stat doomed", other.session.stat(at("doomed")))


async def contents(story: Story, other: Story) -> None:
    """Reads and writes, also behind what 32 bits can count."""
    tree = await story.tree()
    how = m.Create(tree, "big", f.ACCESS_ALL, f.SHARE_ALL, f.FILE_OPEN_IF)
    big = (await story.asks(how)).handle
    for offset in (0, 2**31 - 3, 2**32 - 3, 2**32 + 5, 5 * 2**30, 2**40):
        await story.asks(m.Write(tree, big, offset, f"at {offset}".encode()))
        await story.asks(m.Read(tree, big, offset - min(offset, 2), 24))
    for offset, length in ((2**41, 8), (2**63 - 1, 8), (-5, 8), (0, -1), (0, 0)):
        await story.asks(m.Read(tree, big, offset, length))
    for offset in (2**63 - 1, -7):
        await story.asks(m.Write(tree, big, offset, b"far"))
    await story.asks(m.Write(tree, big, m.APPEND, b"the end"))
    for hole in (False, True):
        for offset in (2**33, 2**42):
            await story.asks(m.Seek(tree, big, offset, hole))
    await story.asks(m.Allocate(tree, big, 0, 2**32 - 8, 32))
    punch = f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_KEEP_SIZE
    await story.asks(m.Allocate(tree, big, punch, 5 * 2**30, 4))
    for how_else in (f.ALLOCATE_PUNCH_HOLE, 0x40, f.ALLOCATE_ZERO_RANGE):
        await story.asks(m.Allocate(tree, big, how_else, 2**31 - 3, 8))
    await story.asks(m.CopyRange(tree, big, 2**32 - 4, big, 100, 24))
    await story.asks(m.CopyRange(tree, big, 0, big, 4, 24))
    await story.asks(m.Read(tree, big, 96, 32))
    await story.asks(m.Flush(tree, big))
    await story.asks(m.SetInfo(tree, big, 2**32 + 9))
    await story.asks(m.SetInfo(tree, big, -1))
    await story.asks(m.QueryInfo(tree, big))
    await story.asks(m.Close(tree, big))
    await other.does("stat big", other.session.stat(at("big")))
    await _whole_files(story, other)


async def _whole_files(story: Story, other: Story) -> None:
    data = bytes(range(256)) * 1200
    await _fill(story, "whole", data)
    async with other.session.open(at("whole"), "rb") as file:
        await other.does("read whole", file.read())
    async with story.session.open(at("text"), "a") as text:
        await text.write("zwölf Boxkämpfer\njagen \N{DIGIT FOUR}\n")
    async with other.session.open(at("text")) as text:
        await other.does("readline", text.readline())
    tree = await story.tree()
    parts = (
        ("Create", tree, "text", f.FILE_READ_DATA, 7, f.FILE_OPEN),
        ("Read", tree, m.RELATED, 3, 9),
        ("Close", tree, m.RELATED),
    )
    request = m.Compound(parts)
    compounded = await story.session.client.ask(request, m.Compounded)
    tell({"does": "Compound", "sizes": compounded.sizes, "data": plain(compounded.data)})


async def names(story: Story) -> None:
    """Making, renaming, linking and listing; names of every kind."""
    one, tree = story.session, await story.tree()
    await story.does("mkdir", one.mkdir(at("deep")))
    await story.does("mkdir again", one.mkdir(at("deep")))
    odd = ["Ünïcödé", "e\u0301 NFD", "\u00e9 NFC", "日本語", "😀 smile", "a" * 255, "tail. "]
    for name in (*odd, "b" * 256, "ü" * 128, "a/b", "a\nb", ".", "..", "con?"):
        path = f"deep/{name}"
        made = await story.asks(m.Create(tree, path, f.ACCESS_ALL, 7, f.FILE_CREATE))
        await _close(story, tree, made)
    for pattern in ("*", "a*", "*nï*", "?*", "none*", '<"*', ">>>"):
        await story.does(f"listdir {pattern}", one.listdir(at("deep"), pattern))
    await story.does("rmdir full", one.rmdir(at("deep")))
    for call, path in [("rmdir", "none"), ("rmdir", "text"), ("unlink", "deep")]:
        await story.does(f"{call} {path}", getattr(one, call)(at(path)))
    await story.does("unlink", one.unlink(at("deep/日本語")))
    for path, target, replace in [
        ("none", "x", False),
        ("text", "whole", False),
        ("deep/😀 smile", "deep/smile", False),
        ("deep/smile", "deep/tail. ", True),
        ("deep", "deep/below", False),
        ("deep", "depth", False),
        ("text", "made", True),
    ]:
        renaming = one.rename(at(path), at(target), replace=replace)
        await story.does(f"rename {path} {target} {replace}", renaming)
    await story.does("link", one.link(at("text"), at("second")))
    await story.does("link a folder", one.link(at("depth"), at("third")))
    await story.does("link again", one.link(at("text"), at("second")))
    for says in ("text", "nowhere", "../outside", "loop"):
        link = "loop" if says == "loop" else f"to {len(says)}"
        await story.does(f"symlink {says}", one.symlink(at(link), says))
        await story.does(f"readlink {link}", one.readlink(at(link)))
        await story.does(f"stat {link}", one.stat(at(link)))
    await story.does("readlink text", one.readlink(at("text")))
    await story.does("other share", one.rename(at("text"), at("text", ASIDE)))
    await _fill(story, "Mixed", b"case", ASIDE)
    await story.does("any case", one.stat(at("mIXED", ASIDE)))
    await story.does("write protected", one.mkdir(at("x", FIXED)))


async def attributes(story: Story, other: Story) -> None:
    """Permissions, times to the nanosecond, extended attributes."""
    one = story.session
    for mode in (0o600, 0o4755, 0o777_777):
        await story.does(f"chmod {mode:o}", one.chmod(at("text"), mode))
        await other.does("stat", other.session.stat(at("text")))
    before, after = -(2**31) * NANO - 1, 2**31 * NANO + 123_456_789
    for ns in (0, -1, before, after, 2**32 * NANO + 7, 7_258_118_400 * NANO, -(2**63)):
        setting = one.set_times(at("text"), mtime_ns=ns, atime_ns=ns + 1)
        await story.does(f"set_times {ns}", setting)
        found = await other.session.stat(at("text"))
        tell({"who": other.who, "mtime_ns": found.mtime_ns, "atime_ns": found.atime_ns})
    for name, value, must in [
        ("user.a", b"\0\xff" * 9, ""),
        ("user.ümlaut", b"", "create"),
        ("user.a", b"again", "create"),
        ("user.none", b"x", "replace"),
        ("user.a", b"c" * 3000, "replace"),
        ("user." + "n" * 251, b"x", ""),
        ("user.a", b"d" * 70_000, ""),
        ("trusted.a", b"x", ""),
        ("user.b", b"x", "must"),
    ]:
        setting = one.setxattr(at("text"), name, value, must)
        await story.does(f"setxattr {name[:16]} {len(value)} {must}", setting)
    await story.does("listxattr", one.listxattr(at("text")))
    for name in ("user.a", "user.none"):
        await story.does(f"getxattr {name}", other.session.getxattr(at("text"), name))
        await story.does(f"removexattr {name}", one.removexattr(at("text"), name))


async def locks(story: Story, other: Story) -> None:
    """Ranges of all three kinds, of two users, beside reads and writes."""
    tree, beside = await story.tree(), await other.tree()
    how = (f.ACCESS_ALL, f.SHARE_ALL, f.FILE_OPEN)
    mine = (await story.asks(m.Create(tree, "whole", *how))).handle
    theirs = (await other.asks(m.Create(beside, "whole", *how))).handle
    for kind in (*f.LOCK_KINDS, "lease"):
        for offset, length, exclusive in [(0, 10, True), (2**33, 0, False), (5, -1, True)]:
            if kind == "flock" and (offset, length) != (0, 0):
                offset, length = 0, 0
            ours = (kind, 1, offset, length)
            yours = (kind, 2, offset, length)
            await story.asks(m.Lock(tree, mine, *ours, exclusive))
            await other.asks(m.TestLock(beside, theirs, *yours, False))
            await other.asks(m.Lock(beside, theirs, *yours, False))
            await other.asks(m.Read(beside, theirs, 2, 4))
            await other.asks(m.Write(beside, theirs, 4, b"??"))
            await other.asks(m.Unlock(beside, theirs, *yours))
            await story.asks(m.Unlock(tree, mine, *ours))
            await story.asks(m.Unlock(tree, mine, *ours))
    await story.asks(m.Close(tree, mine))
    await other.asks(m.Close(beside, theirs))


async def limits(client: Client, story: Story) -> None:
    """The share's limit, with its receipt, and the redirector's of open files."""
    tree = await story.tree()
    made = []
    for _ in range(OPENS_MAX + 1):
        created = await story.asks(m.Create(tree, "text", f.FILE_READ_DATA, 7, f.FILE_OPEN))
        made += [created.handle] if created else []
    await story.does("disconnect", story.session.disconnect("files", DOCS))
    for handle in made[1:]:
        await story.asks(m.Close(tree, handle))
    await story.asks(m.QueryUses(tree))
    await story.does("by force", story.session.disconnect("files", DOCS, force=True))
    await story.asks(m.Read(tree, made[0], 0, 4))

    held = [await client.logon("guest", server="files") for _ in range(FEW_MAX + 1)]
    for number, one in enumerate(held):
        await _ask_for_slot(client, story, f"slot {number}", one)
    for one in held:
        await story.does("logoff", one.logoff())


async def _ask_for_slot(client: Client, story: Story, what: str, one: Session) -> bool:
    try:
        await one.connect("files", FEW)
    except SessionError as no:
        number = no.detail.get("receipt")
        tell({"does": what, "no": no.status.name})
        if isinstance(number, int):
            await story.does("receipt", client.receipt(number, "files"))
        return False
    tell({"does": what, "gives": "a slot"})
    return True


async def logoffs(client: Client, story: Story, preset: str) -> None:
    """One after the other they log on, leave files dormant and log off: as Q248371 says."""
    for number in range(FEW_MAX + 2):
        if number == FEW_MAX:
            await trio.sleep(SETTLED_S)
        one = await client.logon("guest", server="files")
        if await _ask_for_slot(client, story, f"{preset}: user {number}", one):
            for path in ("a", "b"):
                async with one.open(at(path, FEW), "rb") as file:
                    await file.read()
        await story.does("logoff", one.logoff())
        await story.does("too late", one.stat(at("a", FEW)))


# --- the whole of it --------------------------------------------------------------------------


@asynccontextmanager
async def redirector(server: str, preset: str) -> AsyncIterator[Client]:
    """A redirector of this host that leads to the server, and a link to it.

    What is dormant stays so for longer than any host takes: no timer has a say in the results.
    """
    with tempfile.TemporaryDirectory(prefix="recorded-") as folder:
        config = trio.Path(folder, "redird.toml")
        await config.write_text(
            f'listen = ["unix:{folder}/sock"]\npreset = "{preset}"\nopens_max = {OPENS_MAX}\n'
            f'[policy]\ndormant_age_max_s = 3600\n[servers]\nfiles = "{server}"\n'
        )
        command = python_module("redird", "serve", "--json", "--config", str(config))
        async with (
            start(command, ready_max_s=READY_MAX_S) as process,
            sessions.dial(process.addresses[0]) as client,
        ):
            yield client


async def every_call(client: Client) -> None:
    """The chapters that no preset has a say in."""
    first = await client.logon(USER, PASSWORD, "files")
    second = await client.logon("guest", server="files")
    story, other = Story(first, "first"), Story(second, "second")
    await logging_on(client, story)
    await dispositions(story)
    await share_modes(story, other)
    await contents(story, other)
    await names(story)
    await attributes(story, other)
    await locks(story, other)
    await limits(client, story)
    await story.does("logoff", first.logoff())
    await other.does("logoff", second.logoff())


async def main(server: str) -> None:
    asked = set[str]()
    for preset in ("sp6", "sp5"):
        async with redirector(server, preset) as client:
            client.link = Noting(client.link, asked)  # type: ignore[assignment]
            if preset == "sp6":
                await every_call(client)
            watcher = await client.logon("guest", server="files")
            await logoffs(client, Story(watcher, "watcher"), preset)
            await watcher.logoff()
    tell({"asked": sorted(asked)})


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
