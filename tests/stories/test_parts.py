"""Extended attributes, extents and copies through the whole path."""

import pytest

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from shareserver.config import ShareConfig
from tests.playbook import at, enter, enter_directly, play, read, refused, touch

WAYS = pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])


@WAYS
async def test_extended_attributes(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        await session.setxattr(at("a"), "user.a", b"\0one")
        await session.setxattr(at("a"), "user.b", b"", "create")
        assert b"\0one" == await session.getxattr(at("a"), "user.a")
        assert ["user.a", "user.b"] == await session.listxattr(at("a"))
        await session.removexattr(at("a"), "user.b")
        assert ["user.a"] == await session.listxattr(at("a"))
        with refused(Status.STATUS_NONEXISTENT_EA_ENTRY):
            await session.getxattr(at("a"), "user.b")
        with refused(Status.STATUS_OBJECT_NAME_COLLISION):
            await session.setxattr(at("a"), "user.a", b"", "create")
        with refused(Status.STATUS_ACCESS_DENIED):
            await session.setxattr(at("a"), "security.a", b"")
        with refused(Status.STATUS_EA_TOO_LARGE):
            await session.setxattr(at("a"), "user.c", bytes(2**16 + 1))
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await session.listxattr(at("none"))
        await session.symlink(at("ln"), "a")
        assert [] == await session.listxattr(at("ln"))


@WAYS
async def test_extended_attributes_of_an_open_file(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        async with session.open(at("a"), "wb") as file:
            before = (await file.stat()).ctime_ns
            number = (file._tree, file._handle)
            request = m.SetXattr(*number, "user.a", "", b"v")
            await session.client.ask(request, m.XattrSet)
            got = await session.client.ask(m.GetXattr(*number, "user.a"), m.XattrFound)
            assert b"v" == got.value
            await session.client.ask(m.RemoveXattr(*number, "user.a"), m.XattrRemoved)
            assert () == (await session.client.ask(m.ListXattrs(*number), m.XattrsFound)).names
            await session.setxattr(at("a"), "user.b", b"")
            assert before <= (await file.stat()).ctime_ns
            assert await file.stat() == await session.stat(at("a"))


@WAYS
async def test_a_read_only_share_keeps_its_attributes(autojump_clock, way):
    shares = {"docs": ShareConfig("/", read_only=True)}
    async with play(server_options={"shares": shares}) as s:
        session = await way(s, "u1")
        for change in (
            lambda: session.setxattr(at(), "user.a", b""),
            lambda: session.removexattr(at(), "user.a"),
            lambda: session.symlink(at("ln"), "a"),
            lambda: session.link(at("a"), at("b")),
        ):
            with refused(Status.STATUS_MEDIA_WRITE_PROTECTED):
                await change()
        assert [] == await session.listxattr(at())


@WAYS
async def test_extents(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        async with session.open(at("a"), "r+b") as file:
            assert 10 == (await file.allocate(0, 10)).size
            assert 10 == (await file.stat()).size
            how = f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_KEEP_SIZE
            await file.allocate(1, 2, how)
            assert b"o\0\0u1" + bytes(5) == await file.read()
            assert (3, 10) == (await file.seek_data(3), await file.seek_hole(3))
            assert (None, None) == (await file.seek_data(10), await file.seek_hole(11))
            with refused(Status.STATUS_NOT_SUPPORTED):
                await file.allocate(0, 1, 0x08)
            with refused(Status.STATUS_INVALID_PARAMETER):
                await file.seek_data(-1)
        async with session.open(at("a"), "rb") as file:
            with refused(Status.STATUS_ACCESS_DENIED):
                await file.allocate(0, 1)


@WAYS
async def test_a_copy_stays_at_the_server(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        async with session.open(at("a"), "rb") as source, session.open(at("b"), "w+b") as to:
            before = s.requests["Write"] + s.requests["Read"]
            assert 5 == await session.copy_range(source, 0, to, 2, 100)
            assert 7 == (await to.stat()).size
            assert 2 == await session.copy_range(to, 5, to, 0, 2)
            assert before == s.requests["Write"] + s.requests["Read"]
            with refused(Status.STATUS_ACCESS_DENIED):
                await session.copy_range(to, 0, source, 0, 1)
            with refused(Status.STATUS_INVALID_PARAMETER):
                await session.copy_range(to, 0, to, 1, 2)
        assert "u1of u1" == await read(session, "b")


async def test_a_copy_over_the_bound_goes_on(autojump_clock, monkeypatch):
    monkeypatch.setattr("shareserver.store.memoryparts.COPY_BYTES_MAX", 3)
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "w+b") as a, session.open(at("b"), "w+b") as b:
            await a.write(b"0123456789")
            assert 10 == await session.copy_range(a, 0, b, 0, 2**40)
            assert 5 == s.requests["CopyRange"]
        assert "0123456789" == await read(session, "b")
