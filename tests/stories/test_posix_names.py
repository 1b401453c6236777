"""POSIX names: they go at once, and whoever has the file open goes on without."""

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from tests.playbook import (
    SHARE,
    WHO,
    at,
    enter,
    enter_directly,
    play,
    read,
    refused,
    sends,
    somebody,
    touch,
)

MISSING, PENDING = Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_DELETE_PENDING
SHARING, DENIED = Status.STATUS_SHARING_VIOLATION, Status.STATUS_ACCESS_DENIED
PRESETS = pytest.mark.parametrize("preset", ["sp6", "win10", "w2k"])


@WHO
@PRESETS
async def test_an_open_file_is_unlinked_and_its_name_used_anew(autojump_clock, who, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        async with session.open(at("a"), "r+b") as old:
            await other.unlink(at("a"), posix=True)
            with refused(MISSING):
                await read(other, "a")
            with refused(MISSING):
                await read(session, "a")
            await touch(other, "a")
            async with session.open(at("a"), "r+b") as new:  # not the handle that is open
                assert (await new.stat()).file_id != (await old.stat()).file_id
                assert 0 == (await old.stat()).links
                await new.write(b"new")
            await old.write(b"old")
            await old.seek(0)
            assert b"oldu1" == await old.read()

        assert f"new{other.user}" == await read(session, "a")  # nor was it deleted at the end
        assert f"new{other.user}" == await read(other, "a")


@WHO
@PRESETS
async def test_an_open_file_is_replaced(autojump_clock, who, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a", "b")
        async with session.open(at("a"), "rb") as old, session.open(at("b"), "r+b") as moving:
            await other.rename(at("b"), at("a"), replace=True, posix=True)
            await moving.write(b"is")
            assert b"of u1" == await old.read()
            async with session.open(at("a"), "rb") as new:
                assert b"is u1" == await new.read()
            with refused(MISSING):
                await read(session, "b")

        assert "is u1" == await read(session, "a")
        assert "is u1" == await read(other, "a")
        with refused(MISSING):
            await read(session, "b")


@WHO
async def test_a_folder_is_renamed_though_files_below_are_open(autojump_clock, who):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await session.mkdir(at("f"))
        await touch(session, "f/a", "f/b")  # b stays dormant, if anywhere
        async with session.open(at("f/a"), "r+b") as old:
            await other.rename(at("f"), at("g"), posix=True)
            await old.write(b"is")
            await other.mkdir(at("f"))
            await touch(other, "f/a", "f/b")
            assert {"g/a"} <= {one.entry.path for one in s.server.handles.all()}
            assert f"of {other.user}" == await read(session, "f/a")
            assert f"of {other.user}" == await read(session, "f/b")

        assert "is u1" == await read(session, "g/a")
        assert "of u1" == await read(other, "g/b")
        await other.unlink(at("g/a"), posix=True)
        await other.unlink(at("g/b"), posix=True)
        await other.rmdir(at("g"), posix=True)


async def test_without_posix_what_is_open_stays(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await session.mkdir(at("f"))
        await touch(session, "f/a", "b")
        async with session.open(at("f/a"), "rb"):
            with refused(DENIED):
                await session.rename(at("f"), at("g"))
            with refused(DENIED):
                await session.rename(at("b"), at("f/a"), replace=True)


@WHO
async def test_who_does_not_share_deletion_is_asked(autojump_clock, who):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a", "b")
        share = f.FILE_SHARE_READ | f.FILE_SHARE_WRITE
        async with session.open(at("a"), "rb", share=share) as file:
            with refused(SHARING):
                await other.unlink(at("a"), posix=True)
            with refused(SHARING):
                await other.rename(at("a"), at("c"), posix=True)
            with refused(SHARING):
                await other.rename(at("b"), at("a"), replace=True, posix=True)
            assert b"of u1" == await file.read()

        assert "of u1" == await read(other, "a")
        assert "of u1" == await read(other, "b")


async def test_what_goes_at_its_last_close_does_so_all_the_same(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a", "b")
        async with session.open(at("a"), "rb"):
            await session.unlink(at("a"))
            with refused(PENDING):
                await session.unlink(at("a"), posix=True)
            with refused(PENDING):
                await session.rename(at("b"), at("a"), replace=True, posix=True)
        with refused(MISSING):
            await read(session, "a")
        await touch(session, "a")


async def test_a_name_used_anew_survives_the_deletion_of_the_old_file(autojump_clock):
    async with play() as s:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(session, "a")
        tree = await other.connect("server", SHARE)
        access = f.FILE_READ_DATA | f.DELETE
        create = m.Create(tree, "a", access, f.SHARE_ALL, f.FILE_OPEN, f.FILE_DELETE_ON_CLOSE)
        handle = (await other.client.ask(create, m.Created)).handle
        await session.unlink(at("a"), posix=True)
        await touch(session, "a")
        await other.client.ask(m.Close(tree, handle), m.Closed)

        assert "of u1" == await read(other, "a")


@PRESETS
async def test_what_only_a_dormant_handle_holds_is_unlinked(autojump_clock, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        with sends(s, CloseBatch=1, Unlink=1):
            await session.unlink(at("a"), posix=True)

        assert 0 == len(s.server.handles)
        await touch(session, "a")
        assert "of u1" == await read(session, "a")


@PRESETS
async def test_a_dormant_handle_of_a_neighbour_leads_nobody_to_an_unlinked_file(
    autojump_clock, preset
):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, "neighbour", session)
        await touch(session, "a", "b")
        await other.unlink(at("a"), posix=True)
        await other.rename(at("b"), at("a"), posix=True)
        await touch(other, "b")

        assert "of u1" == await read(session, "a")
        assert "of u2" == await read(session, "b")
        await trio.sleep(0.1)
        await session.unlink(at("a"), posix=True)
        with refused(MISSING):
            await read(session, "a")


async def test_modes_are_exact(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        tree = await session.connect("server", SHARE)
        assert 0o2717 == (await session.mkdir(at("f"), 0o2717)).mode
        create = m.Create(tree, "a", f.FILE_WRITE_DATA, f.SHARE_ALL, f.FILE_CREATE, mode=0o4606)
        made = await session.client.ask(create, m.Created)
        assert 0o4606 == made.info.mode
        with refused(Status.STATUS_INVALID_PARAMETER):
            await session.mkdir(at("g"), 0o10000)
        await session.client.ask(m.Close(tree, made.handle), m.Closed)
