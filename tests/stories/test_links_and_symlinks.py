"""Hard links and symlinks through the whole path: who is told, and who is led where."""

import pytest

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from tests.playbook import SHARE, WHO, at, enter, play, read, refused, somebody, touch

MISSING, TAKEN = Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_OBJECT_NAME_COLLISION
PRESETS = pytest.mark.parametrize("preset", ["sp6", "win10", "w2k"])


@WHO
@PRESETS
async def test_a_second_name_is_seen_by_who_has_the_file_open(autojump_clock, who, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        async with session.open(at("a"), "r+b") as file:
            assert 2 == (await other.link(at("a"), at("b"))).links
            assert 2 == (await file.stat()).links
            await file.write(b"is")
            assert "is u1" == await read(other, "b")
            await other.unlink(at("a"), posix=True)
            assert 1 == (await file.stat()).links
            await file.write(b"WAS")
            await touch(other, "a")
        assert "isWAS" == await read(session, "b")
        assert f"of {other.user}" == await read(session, "a")


@WHO
async def test_the_last_of_two_names_goes_while_the_other_is_open(autojump_clock, who):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        await session.link(at("a"), at("b"))
        async with session.open(at("a"), "rb") as file:
            await other.unlink(at("b"))  # nobody has it open by this name
            with refused(MISSING):
                await read(other, "b")
            assert 1 == (await file.stat()).links
        assert "of u1" == await read(other, "a")


async def test_a_second_name_below_a_renamed_folder_leads_nobody_astray(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, "neighbour", session)
        await session.mkdir(at("f"))
        await touch(session, "a")
        await session.link(at("a"), at("f/a"))
        async with session.open(at("a"), "rb"):
            await touch(session, "f/a", mode="a")  # dormant by its second name
            await other.rename(at("f"), at("g"), posix=True)
            await other.mkdir(at("f"))
            await touch(other, "f/a")
            assert "of u2" == await read(session, "f/a")


async def test_what_cannot_be_linked_is_refused(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a", "b")
        await session.mkdir(at("f"))
        for name, target, status in (
            ("a", "b", TAKEN),
            ("none", "c", MISSING),
            ("f", "c", Status.STATUS_FILE_IS_A_DIRECTORY),
            ("a", "none/c", Status.STATUS_OBJECT_PATH_NOT_FOUND),
        ):
            with refused(status):
                await session.link(at(name), at(target))
        with refused(Status.STATUS_NOT_SAME_DEVICE):
            await session.link(at("a"), r"\\server\elsewhere\a")


@WHO
@PRESETS
async def test_a_symlink_leads_where_it_says_now(autojump_clock, who, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        await touch(other, "b")
        info = await session.symlink(at("ln"), "a")
        assert ("symlink", 1, 0o777) == (info.kind, info.size, info.mode)
        assert "of u1" == await read(session, "ln")
        await other.unlink(at("ln"), posix=True)
        await other.symlink(at("ln"), "b")

        assert f"of {other.user}" == await read(session, "ln")
        assert "b" == await session.readlink(at("ln"))
        assert info.kind == (await session.stat(at("ln"), follow=False)).kind
        assert "file" == (await session.stat(at("ln"))).kind
        assert ["symlink"] == [one.info.kind for one in await session.listdir(at(), "ln")]


async def test_a_symlink_may_say_anything_but_leads_nowhere_outside(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        for says in ("/etc/passwd", "../outside", "none", "x" * 4095):
            await session.symlink(at("ln"), says)
            assert says == await session.readlink(at("ln"))
            assert len(says) == (await session.stat(at("ln"), follow=False)).size
            inside = not says.startswith(("/", ".."))
            status = MISSING if says == "none" else Status.STATUS_ACCESS_DENIED
            if len(says) < 4095:
                with refused(status):
                    await read(session, "ln")
            assert inside or says != "none"
            await session.unlink(at("ln"))
        with refused(Status.STATUS_OBJECT_NAME_INVALID):
            await session.symlink(at("ln"), "")
        with refused(Status.STATUS_NAME_TOO_LONG):
            await session.symlink(at("ln"), "x" * 4096)


async def test_a_symlink_itself_is_opened_changed_and_deleted(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await session.symlink(at("ln"), "a")
        await session.set_times(at("ln"), mtime_ns=7, atime_ns=9, follow=False)
        assert (7, 9) == (
            (itself := await session.stat(at("ln"), follow=False)).mtime_ns,
            itself.atime_ns,
        )
        assert 7 != (await session.stat(at("a"))).mtime_ns

        tree = await session.connect("server", SHARE)
        create = m.Create(
            tree,
            "ln",
            f.FILE_READ_DATA | f.DELETE,
            f.SHARE_ALL,
            f.FILE_OPEN,
            f.FILE_OPEN_REPARSE_POINT | f.FILE_DELETE_ON_CLOSE,
        )
        made = await session.client.ask(create, m.Created)
        assert "symlink" == made.info.kind
        with refused(Status.STATUS_ACCESS_DENIED):
            await session.client.ask(m.Read(tree, made.handle, 0, 10), m.DataRead)
        await session.client.ask(m.Close(tree, made.handle), m.Closed)
        with refused(MISSING):
            await session.readlink(at("ln"))
        assert "of u1" == await read(session, "a")


async def test_only_a_symlink_is_read_as_one(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await session.mkdir(at("f"))
        for name in ("a", "f", ""):
            with refused(Status.STATUS_NOT_A_REPARSE_POINT):
                await session.readlink(at(name))
