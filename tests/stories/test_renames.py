"""A name leads to another file, or to none, while the old one is still open somewhere.

Nobody is served by the wrong handle, and nobody waits for one that is not used.
"""

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
    somebody,
    touch,
)

MISSING, PENDING = Status.STATUS_OBJECT_NAME_NOT_FOUND, Status.STATUS_DELETE_PENDING
WRITES = f.FILE_READ_DATA | f.FILE_WRITE_DATA | f.DELETE


async def opened(session, path, options=0):
    """Open a file so that it may be deleted; returns its tree and handle."""
    tree = await session.connect("server", SHARE)
    create = m.Create(tree, path, WRITES, f.SHARE_ALL, f.FILE_OPEN, options)
    return tree, (await session.client.ask(create, m.Created)).handle


async def close(session, tree, handle):
    await session.client.ask(m.Close(tree, handle), m.Closed)


# --- renamed while open -----------------------------------------------------------------------


@WHO
@pytest.mark.parametrize("preset", ["sp6", "win10", "w2k"])
async def test_the_old_name_never_leads_to_the_renamed_file(autojump_clock, who, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        async with session.open(at("a"), "a") as old:
            await other.rename(at("a"), at("b"))
            await touch(other, "a")
            async with session.open(at("a"), "a") as new:  # not the handle that is open
                await new.write(" and new")
            await old.write(" and old")
        async with session.open(at("a"), "a") as again:  # nor the one that was closed last
            await again.write(" again")

        assert f"of {other.user} and new again" == await read(session, "a")
        assert "of u1 and old" == await read(session, "b")


@WHO
async def test_nor_do_names_below_a_renamed_folder(autojump_clock, who):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await session.mkdir(at("folder"))
        await touch(session, "folder/a")
        await other.rename(at("folder"), at("old"))
        await other.mkdir(at("folder"))
        await touch(other, "folder/a")

        async with session.open(at("folder/a"), "a") as file:
            await file.write(" and new")

        assert f"of {other.user} and new" == await read(session, "folder/a")
        assert "of u1" == await read(session, "old/a")


# --- deleted while open -----------------------------------------------------------------------


@WHO
@pytest.mark.parametrize("preset", ["sp6", "win10", "w2k"])
async def test_a_deleted_file_goes_with_its_last_user(autojump_clock, who, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        async with session.open(at("a"), "a"):
            await other.unlink(at("a"))
            with refused(PENDING):
                await touch(other, "a")

        await trio.sleep(0.1)
        assert 0 == len(s.server.handles)  # not kept for its dormant age
        with refused(MISSING):
            await read(other, "a")


@WHO
@pytest.mark.parametrize("how", ["by its handle", "on close"])
async def test_so_does_one_deleted_by_a_handle(autojump_clock, who, how):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        async with session.open(at("a"), "a"):
            options = f.FILE_DELETE_ON_CLOSE if how == "on close" else 0
            tree, handle = await opened(other, "a", options)
            if how == "by its handle":
                change = m.SetInfo(tree, handle, delete=True)
                await other.client.ask(change, m.InfoSet)
            await close(other, tree, handle)
            with refused(PENDING):
                await touch(other, "a")

        await trio.sleep(0.1)
        assert 0 == len(s.server.handles)


@WHO
async def test_what_was_dormant_of_it_goes_at_once(autojump_clock, who):
    async with play() as s:
        session = await enter(s, "u1")
        other = await somebody(s, who, session)
        await touch(session, "a")
        tree, handle = await opened(other, "a", f.FILE_DELETE_ON_CLOSE)
        await close(other, tree, handle)

        await trio.sleep(0.1)
        assert 0 == len(s.server.handles)
        await touch(other, "a")


# --- a slot that is in use is not given back --------------------------------------------------


@pytest.mark.parametrize("act", ["open", "unlink", "rename", "times"])
async def test_a_slot_is_not_recalled_while_something_is_asked_under_it(autojump_clock, act):
    options = {"recall_wait_s": 1.0}
    async with play("recall", uses_max=1, server_options=options) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        acts = {
            "open": lambda: touch(session, "a"),
            "unlink": lambda: session.unlink(at("a")),
            "rename": lambda: session.rename(at("a"), at("b")),
            "times": lambda: session.set_times(at("a"), mtime_ns=0),
        }
        replies = {"open": "Created", "unlink": "Unlinked", "rename": "Renamed"}
        s.redirector.cable.down.hold(replies.get(act, "InfoSet"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(acts[act])
            await trio.sleep(0.1)
            with refused(Status.STATUS_REQUEST_NOT_ACCEPTED):
                await enter(s, "u2")
            s.redirector.cable.release()


# --- gone while somebody waits for it ---------------------------------------------------------


async def test_an_open_that_waited_finds_what_the_name_leads_to_then(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a", "b")
        seen: list[str] = []

        async def look() -> None:
            seen.append(await read(second, "a"))

        s.redirector.cable.down.hold("LeaseBreak")
        async with first.open(at("a"), "a") as file:
            await file.write(", the old one")
            nursery.start_soon(look)
            await trio.sleep(0.1)
            await first.rename(at("b"), at("a"), replace=True, posix=True)
            s.redirector.cable.release()
            await trio.sleep(0.1)

        assert ["of u1"] == seen


# --- H came back ------------------------------------------------------------------------------


async def test_a_name_that_was_taken_stays_so_though_the_file_is_opened_by_its_new(
    autojump_clock,
):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+") as file:
            await second.rename(at("a"), at("b"))
            async with first.open(at("b"), "r"):  # which gives the file's lease its H again
                with refused(MISSING):
                    async with first.open(at("a"), "r+"):
                        pass
                assert "of u1" == await file.read()


@pytest.mark.parametrize("way", ["same redirector", "neighbour", "direct"])
async def test_a_dormant_file_does_not_keep_a_deleted_one_pending(autojump_clock, way):
    async with play("win10") as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        tree, handle = await opened(second, "a", f.FILE_DELETE_ON_CLOSE)
        async with first.open(at("a"), "rb"):
            pass  # dormant beside who is about to delete it
        s.redirector.cable.delay(0.5)

        await close(second, tree, handle)

        with refused(MISSING):
            await read(await somebody(s, way, first), "a")
