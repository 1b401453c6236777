"""What the share server answers, to a redirector and to whoever comes directly alike."""

import pytest
import trio

from redird.wire import dialling
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.link import Link
from redird.wire.status import Status
from shareserver.config import ShareConfig
from tests.playbook import (
    SHARE,
    at,
    enter,
    enter_directly,
    play,
    read,
    refused,
    touch,
    uses,
)

S = Status
WAYS = pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])
EVERYTHING = f.FILE_READ_DATA | f.FILE_WRITE_DATA | f.FILE_APPEND_DATA | f.DELETE
SHARES = {
    "docs": ShareConfig("/", 1),
    "closed": ShareConfig("/", 0),
    "paused": ShareConfig("/", 0, paused=True, users=frozenset({"u1"})),
    "private": ShareConfig("/", 0, users=frozenset({"u1"})),
    "manual": ShareConfig("/", read_only=True),
}


async def tree(session, share=SHARE):
    return await session.connect("server", share)


async def create(
    session, path, *, access=EVERYTHING, share=f.SHARE_ALL, how=f.FILE_OPEN, options=0
):
    request = m.Create(await tree(session), path, access, share, how, options)
    return await session.client.ask(request, m.Created)


async def close(session, created):
    await session.client.ask(m.Close(await tree(session), created.handle), m.Closed)


# --- taking a slot ----------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize(
    ("share", "status"),
    [
        ("nothing", S.STATUS_BAD_NETWORK_NAME),
        ("paused", S.STATUS_SHARING_PAUSED),
        ("private", S.STATUS_ACCESS_DENIED),
        ("closed", S.STATUS_REQUEST_NOT_ACCEPTED),
    ],
)
async def test_the_limit_is_looked_at_last(autojump_clock, way, share, status):
    """MS-SMB2 3.3.5.7: name, pause, access, and the limit last; each share here is full too."""
    async with play(server_options={"shares": SHARES}) as s:
        client = await (s.client() if way is enter else s.direct_client())
        session = await client.logon("u2")
        with refused(status):
            await session.connect("server", share)


@WAYS
async def test_the_limit_counts_connections_not_users(autojump_clock, way):
    async with play(uses_max=2) as s:
        for _ in range(2):
            await way(s, "u1")
        with refused(S.STATUS_REQUEST_NOT_ACCEPTED, uses=2, uses_max=2):
            await way(s, "u1")
        assert 2 == uses(s)


@WAYS
async def test_names_of_shares_know_no_case(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        async with session.open(r"\\SERVER\Docs\a") as file:
            assert "of u1" == await file.read()
        assert 1 == uses(s)


@WAYS
async def test_a_read_only_share(autojump_clock, way):
    async with play(server_options={"shares": SHARES}) as s:
        session = await way(s, "u1")
        name = r"\\server\manual\page"
        for change in (
            session.unlink(name),
            session.mkdir(name),
            session.rename(name, name + "2"),
            session.set_times(name, mtime_ns=0),
            session.open(name, "w").__aenter__(),
            session.open(name, "r+").__aenter__(),
        ):
            with refused(S.STATUS_MEDIA_WRITE_PROTECTED):
                await change
        assert [] == await session.listdir(r"\\server\manual")


@WAYS
async def test_another_version_is_refused_in_words(autojump_clock, way):
    async with play() as s:
        cable = s.plug_in(s.redirector if way is enter else None)
        link = Link(cable.near, dialling.refuse_all, listening=False)
        async with trio.open_nursery() as nursery:
            await nursery.start(link.run)
            with refused(S.STATUS_REVISION_MISMATCH, version=m.PROTOCOL_VERSION):
                await link.request(m.Negotiate(98, 99, ()))
            link.close("that was all")


# --- whose handle it is -----------------------------------------------------------------------


@WAYS
async def test_a_handle_of_another_session_is_none(autojump_clock, way):
    async with play() as s:
        mine, theirs = await way(s, "u1"), await way(s, "u2")
        await touch(theirs, "a")
        opened = await create(theirs, "a")
        foreign, handle = await tree(theirs), opened.handle

        for ours, expected in (
            (foreign, S.STATUS_NETWORK_NAME_DELETED),
            (await tree(mine), S.STATUS_INVALID_HANDLE),
        ):
            for request in (
                m.Read(ours, handle, 0, 10),
                m.Write(ours, handle, 0, b"mine"),
                m.QueryInfo(ours, handle),
                m.Flush(ours, handle),
                m.Close(ours, handle),
            ):
                with refused(expected):
                    await mine.client.link.request(request)
        await close(theirs, opened)
        assert "of u2" == await read(theirs, "a")


@WAYS
async def test_another_session_on_the_same_link_is_another_too(autojump_clock, way):
    async with play() as s:
        first = await way(s, "u1")
        second = await first.client.logon("u2")
        await touch(first, "a")
        opened = await create(first, "a")

        with refused(S.STATUS_INVALID_HANDLE):
            await close(second, opened)
        await close(first, opened)


@WAYS
async def test_a_session_of_another_link_is_none(autojump_clock, way):
    async with play() as s:
        mine, theirs = await way(s, "u1"), await way(s, "u2")
        direct = m.TreeConnect(theirs.number, SHARE)
        connect = m.Connect(theirs.number, "server", SHARE) if way is enter else direct
        for request in (m.Logoff(theirs.number), connect):
            with refused(S.STATUS_USER_SESSION_DELETED):
                await mine.client.link.request(request)
        await touch(theirs, "a")


# --- opening ----------------------------------------------------------------------------------

COLLISION, MISSING = S.STATUS_OBJECT_NAME_COLLISION, S.STATUS_OBJECT_NAME_NOT_FOUND


@WAYS
@pytest.mark.parametrize(
    ("how", "there", "missing"),
    [
        (f.FILE_SUPERSEDE, (f.SUPERSEDED, 0), (f.CREATED, 0)),
        (f.FILE_OPEN, (f.OPENED, 3), MISSING),
        (f.FILE_CREATE, COLLISION, (f.CREATED, 0)),
        (f.FILE_OPEN_IF, (f.OPENED, 3), (f.CREATED, 0)),
        (f.FILE_OVERWRITE, (f.OVERWRITTEN, 0), MISSING),
        (f.FILE_OVERWRITE_IF, (f.OVERWRITTEN, 0), (f.CREATED, 0)),
    ],
)
async def test_the_dispositions(autojump_clock, way, how, there, missing):
    """MS-SMB2 2.2.13: what becomes of a file of three bytes, and of one that is not there."""
    async with play() as s:
        session = await way(s, "u1")
        async with session.open(at("there"), "w") as file:
            await file.write("abc")

        for path, expected in (("there", there), ("missing", missing)):
            if isinstance(expected, Status):
                with refused(expected):
                    await create(session, path, how=how)
            else:
                made = await create(session, path, how=how)
                assert expected == (made.action, made.info.size)
                await close(session, made)


@WAYS
@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("folder", f.FILE_NON_DIRECTORY_FILE, S.STATUS_FILE_IS_A_DIRECTORY),
        ("file", f.FILE_DIRECTORY_FILE, S.STATUS_NOT_A_DIRECTORY),
        ("file", f.FILE_DIRECTORY_FILE | f.FILE_NON_DIRECTORY_FILE, S.STATUS_INVALID_PARAMETER),
        ("file", 0x8000, S.STATUS_INVALID_PARAMETER),
        ("folder/none/file", 0, S.STATUS_OBJECT_PATH_NOT_FOUND),
        ("../file", 0, S.STATUS_OBJECT_PATH_SYNTAX_BAD),
        ("/etc/passwd", 0, S.STATUS_OBJECT_PATH_SYNTAX_BAD),
        ("a\0b", 0, S.STATUS_OBJECT_NAME_INVALID),
        ("x" * 256, 0, S.STATUS_NAME_TOO_LONG),
    ],
)
async def test_what_cannot_be_opened(autojump_clock, way, path, options, status):
    async with play() as s:
        session = await way(s, "u1")
        await session.mkdir(at("folder"))
        await touch(session, "file")
        with refused(status):
            await create(session, path, access=f.FILE_READ_DATA, options=options)


# --- deleting ---------------------------------------------------------------------------------


@WAYS
async def test_delete_on_close(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        made = await create(session, "a", how=f.FILE_CREATE, options=f.FILE_DELETE_ON_CLOSE)
        assert 0 == (await session.stat(at("a"))).size

        await close(session, made)

        with refused(MISSING):
            await session.stat(at("a"))


@WAYS
async def test_a_file_to_be_deleted_opens_no_more_and_goes_at_its_last_close(
    autojump_clock, way
):
    async with play() as s:
        session, other = await way(s, "u1"), await enter_directly(s, "u2")
        await touch(session, "a")
        made = await create(session, "a")
        async with other.open(at("a")) as file:
            change = m.SetInfo(await tree(session), made.handle, delete=True)
            await session.client.ask(change, m.InfoSet)
            await close(session, made)

            for another in (session, other):
                with refused(S.STATUS_DELETE_PENDING):
                    await read(another, "a")
            assert "of u1" == await file.read()
        with refused(MISSING):
            await read(session, "a")


@pytest.mark.parametrize("how", ["by its handle", "at its close"])
async def test_nobody_joins_or_revives_what_is_to_be_deleted(autojump_clock, how):
    """Nor before the server's word of it, which comes when it comes."""
    async with play() as s:
        deleting, joining, reviving = [await enter(s, f"u{number}") for number in (1, 2, 3)]
        await touch(deleting, "a")
        at_close = how == "at its close"
        made = await create(deleting, "a", options=at_close * f.FILE_DELETE_ON_CLOSE)
        async with joining.open(at("a")):
            await read(reviving, "a")
            s.redirector.cable.down.hold("LeaseBreak")
            if at_close:
                await close(deleting, made)
            else:
                change = m.SetInfo(await tree(deleting), made.handle, delete=True)
                await deleting.client.ask(change, m.InfoSet)

            for session in (joining, reviving):
                with refused(S.STATUS_DELETE_PENDING):
                    await read(session, "a")
            s.redirector.cable.release()


@WAYS
async def test_a_deletion_may_be_taken_back(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        made = await create(session, "a")
        for delete in (True, False):
            change = m.SetInfo(await tree(session), made.handle, delete=delete)
            await session.client.ask(change, m.InfoSet)
        await close(session, made)

        assert "of u1" == await read(session, "a")


@WAYS
async def test_a_logoff_deletes_what_its_last_close_deletes(autojump_clock, way):
    async with play() as s:
        session, other = await way(s, "u1"), await way(s, "u2")
        await create(session, "a", how=f.FILE_CREATE, options=f.FILE_DELETE_ON_CLOSE)
        await session.logoff()
        with refused(MISSING):
            await other.stat(at("a"))
