"""A share that ignores case finds names however they are written, and keeps them as made."""

import pytest

from redird.wire.status import Status
from shareserver.config import ShareConfig
from tests.playbook import at, enter, enter_directly, play, read, refused, touch

WAYS = pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])
IGNORING = {"shares": {"docs": ShareConfig("/", ignore_case=True)}}
MISSING, TAKEN = Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_OBJECT_NAME_COLLISION


async def names(session, folder=""):
    return [entry.name for entry in await session.listdir(at(folder))]


@WAYS
async def test_a_name_is_found_however_it_is_written(autojump_clock, way):
    async with play(server_options=IGNORING) as s:
        session = await way(s, "u1")
        await session.mkdir(at("Folder"))
        await touch(session, "Folder/File")
        assert "of u1" == await read(session, "fOLDER/fILE")
        await touch(session, "FOLDER/FILE")  # not another one
        assert ["File"] == await names(session, "folder")
        assert 5 == (await session.stat(at("folder/file"))).size
        with refused(TAKEN):
            await session.mkdir(at("FOLDER"))
        with refused(TAKEN):
            await session.symlink(at("folder/FILE"), "x")
        with refused(TAKEN):
            await session.link(at("folder/file"), at("FOLDER/FILE"))
        await session.setxattr(at("folder/file"), "user.a", b"")
        assert ["user.a"] == await session.listxattr(at("Folder/File"))
        await session.unlink(at("FOLDER/file"))
        await session.rmdir(at("folder"))
        assert [] == await names(session)


@WAYS
async def test_a_rename_can_change_the_case(autojump_clock, way):
    async with play(server_options=IGNORING) as s:
        session = await way(s, "u1")
        await session.mkdir(at("f"))
        await touch(session, "f/a", "f/b")
        await session.rename(at("F/A"), at("f/A"))
        await session.rename(at("f"), at("F"))
        assert ["F"] == await names(session)
        assert ["A", "b"] == await names(session, "f")
        with refused(TAKEN):
            await session.rename(at("f/a"), at("f/B"))
        await session.rename(at("f/a"), at("f/B"), replace=True)
        assert ["b"] == await names(session, "f")


@pytest.mark.parametrize("posix", [False, True])
async def test_no_dormant_file_is_found_under_another_spelling(autojump_clock, posix):
    async with play(server_options=IGNORING) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await session.unlink(at("A"), posix=posix)
        with refused(MISSING):
            await read(session, "a")
        await touch(session, "a", "b")
        await session.rename(at("B"), at("A"), replace=True, posix=posix)
        async with session.open(at("a"), "r+", share=0) as file:
            assert "of u1" == await file.read()


async def test_of_two_the_one_as_written_then_the_first_is_meant(autojump_clock):
    async with play(server_options=IGNORING) as s:
        session = await enter_directly(s, "u1")
        store = s.server.stores["docs"]
        for name in ("ab", "aB", "AB"):
            file, _ = store.open(name, writable=True, create="must", directory=False)
            file.write(0, name.encode())
            file.close()

        assert ["ab", "aB", "AB", "AB"] == [
            await read(session, name) for name in ("ab", "aB", "AB", "Ab")
        ]


async def test_without_the_option_case_matters(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        with refused(MISSING):
            await read(session, "A")
