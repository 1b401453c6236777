"""What was asked when a link was lost is done and answered once, however often it is asked."""

from dataclasses import replace

import pytest
import trio

from clients.errors import SessionError
from redird.wire import files as f
from redird.wire.status import Status
from tests.playbook import at, enter, enter_directly, play, read, refused, touch

JOURNAL = {"journal": ":memory:"}


async def create(session):
    async with session.open(at("new"), "x") as file:
        await file.write("made")


async def append(session):
    async with session.open(at("log"), "ab") as file:
        await file.write(b"line")


async def make_folder(session):
    await session.mkdir(at("folder"))


async def remove_folder(session):
    await session.rmdir(at("old"))


async def unlink(session):
    await session.unlink(at("a"))


async def rename(session):
    await session.rename(at("a"), at("b"))


async def link(session):
    await session.link(at("a"), at("b"))


async def symlink(session):
    await session.symlink(at("s"), "a")


CHANGES = {
    "Create": (create, ["a", "log", "new", "old"]),
    "Write": (append, ["a", "log", "old"]),
    "MakeDirectory": (make_folder, ["a", "folder", "log", "old"]),
    "RemoveDirectory": (remove_folder, ["a", "log"]),
    "Unlink": (unlink, ["log", "old"]),
    "Rename": (rename, ["b", "log", "old"]),
    "Link": (link, ["a", "b", "log", "old"]),
    "Symlink": (symlink, ["a", "log", "old", "s"]),
}
REPLIES = {
    "Create": "Created",
    "Write": "DataWritten",
    "MakeDirectory": "DirectoryMade",
    "RemoveDirectory": "DirectoryRemoved",
    "Unlink": "Unlinked",
    "Rename": "Renamed",
    "Link": "Linked",
    "Symlink": "Symlinked",
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("lost", ["request", "reply", "reply, and the server is killed"])
async def test_it_is_done_once(autojump_clock, name, lost):
    change, names = CHANGES[name]
    async with play(server_options=JOURNAL, write_behind_max_bytes=0) as s:
        session, direct = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(direct, "a", "log")
        await direct.mkdir(at("old"))
        done = []

        async def ask():
            await change(session)
            done.append(name)

        async with trio.open_nursery() as nursery:
            cable = s.redirector.cable
            if lost == "request":
                cable.up.hold(name)
            else:
                cable.down.hold(REPLIES[name])
            nursery.start_soon(ask)
            await trio.sleep(1)
            assert [] == done
            if "killed" in lost:
                await s.kill_server()
                await trio.sleep(0.2)
                await s.restart_server()
            else:
                cable.cut()
            await trio.sleep(15)
            assert [name] == done
        direct = await enter_directly(s, "u2")
        assert names == sorted(entry.name for entry in await direct.listdir(at()))
        log = await read(direct, "log")
        assert ("of u2line" if name == "Write" else "of u2") == log
        if name == "Create":
            assert "made" == await read(direct, "new")


async def write(session, file):
    await file.write(b"ours")


async def truncate(session, file):
    await file.truncate(0)


async def zero(session, file):
    await file.allocate(0, 6, f.ALLOCATE_ZERO_RANGE)


async def copy(session, file):
    async with session.open(at("b"), "rb") as source:
        await file.copy_from(source, 0, 0, 6)


async def set_xattr(session, file):
    await session.setxattr(at("a"), "user.by", b"ours")


OVERWRITES = {
    "DataWritten": write,
    "InfoSet": truncate,
    "Allocated": zero,
    "RangeCopied": copy,
    "XattrSet": set_xattr,
}


@pytest.mark.parametrize("journal", ["", ":memory:"])
@pytest.mark.parametrize("reply", OVERWRITES)
async def test_what_others_did_since_is_not_undone(autojump_clock, reply, journal):
    """Its redirector never heard that it was done, and it is asked again."""
    async with play(server_options={"journal": journal}) as s, trio.open_nursery() as nursery:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(other, "a", "b")
        async with other.open(at("a"), "r+b") as theirs, session.open(at("a"), "r+b") as file:
            s.redirector.cable.down.hold(reply)
            nursery.start_soon(OVERWRITES[reply], session, file)
            await trio.sleep(1)
            await theirs.write(b"theirs")
            await other.setxattr(at("a"), "user.by", b"theirs")
            s.redirector.cable.cut()
            await trio.sleep(15)
        assert "theirs" == await read(other, "a")
        assert b"theirs" == await other.getxattr(at("a"), "user.by")


@pytest.mark.parametrize("change", [zero, copy])
async def test_a_change_that_has_begun_goes_on_though_its_link_is_lost(
    autojump_clock, monkeypatch, change
):
    """It is done by then, and must not be done again over what comes after it."""
    async with play() as s, trio.open_nursery() as nursery:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(other, "a", "b")
        async with other.open(at("a"), "r+b") as theirs, session.open(at("a"), "r+b") as file:
            slow_threads(monkeypatch, s, 3.0)
            nursery.start_soon(change, session, file)
            await trio.sleep(1)
            await theirs.write(b"theirs")
            s.redirector.cable.cut()
            await trio.sleep(15)
        assert "theirs" == await read(other, "a")


def slow_threads(monkeypatch, s, seconds):
    async def run(work, *args):
        done = work(*args)
        await trio.sleep(seconds)
        return done

    world = s.server.world
    monkeypatch.setattr(s.server, "world", replace(world, run_blocking=run))


async def test_what_is_not_wanted_back_goes_when_its_answer_is_known_to_have_come(
    autojump_clock,
):
    """As an earlier request is unanswered, the server cannot know it at the recovery."""
    async with play() as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        s.redirector.cable.down.hold("DirectoryMade")
        nursery.start_soon(session.mkdir, at("folder"))
        await trio.sleep(1)
        await touch(session, "a", mode="x")
        s.redirector.cable.cut()
        await trio.sleep(5)
        assert ["a"] == [one.path for one in s.server.handles.all()]

        await touch(session, "b", mode="x")
        assert ["b"] == [one.path for one in s.server.handles.all()]
        s.validate()


async def test_a_server_that_has_forgotten_is_not_asked_again(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        s.redirector.cable.down.hold("DirectoryMade")
        told = []

        async def ask():
            with refused(Status.STATUS_CONNECTION_DISCONNECTED):
                await session.mkdir(at("folder"))
            told.append("perhaps")

        nursery.start_soon(ask)
        await trio.sleep(1)
        await s.kill_server()
        await s.restart_server()
        await trio.sleep(1)
        assert ["perhaps"] == told
        await touch(session, "a")


async def test_a_file_made_before_the_loss_is_locked_against_others_after_it(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session, direct = await enter(s, "u1"), await enter_directly(s, "u2")
        s.redirector.cable.down.hold("Created")
        leave = trio.Event()

        async def keep_open():
            async with session.open(at("a"), "x", share=0) as file:
                await file.write("mine")
                await leave.wait()

        nursery.start_soon(keep_open)
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(1)
        with pytest.raises(SessionError) as no:
            await read(direct, "a")
        assert "STATUS_SHARING_VIOLATION" == no.value.status.name
        assert 1 == len(s.server.handles)
        leave.set()


async def test_an_answer_lost_twice_is_the_same_answer(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        made = []

        async def ask():
            made.append(await session.mkdir(at("folder")))

        s.redirector.cable.down.hold("DirectoryMade")
        nursery.start_soon(ask)
        for _ in range(3):
            await trio.sleep(1)
            s.redirector.cable.cut()
            await trio.sleep(0.001)
            while len(s.redirector.upstream) and s.redirector.state.links["server"].outage:
                s.redirector.cable.down.hold("DirectoryMade")
                await trio.sleep(0.001)
        s.redirector.cable.release()
        await trio.sleep(1)
        assert [made[0]] == made
        assert 1 <= s.server.replays.statistics()["once_repeated"]
