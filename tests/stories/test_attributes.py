"""What a redirector remembers of a file is what the server would say."""

import trio
import trio.testing

from redird.wire import messages as m
from redird.wire.dialling import refuse_all
from redird.wire.link import Link
from redird.wire.messages import ForceClose
from redird.wire.status import Status
from shareserver.service.administration import force_close
from shareserver.state import Peer
from tests.playbook import SHARE, at, enter, enter_directly, play, read, refused, sends, touch


async def test_attributes_set_by_name_are_seen_by_who_has_the_file_open(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "rb") as file:
            await second.set_times(at("a"), mtime_ns=7)

            assert 7 == (await file.stat()).mtime_ns


async def test_a_size_set_by_name_past_the_redirector_is_seen(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "rb") as file:
            tree = await second.connect("server", SHARE)
            await second.client.ask(m.SetInfo(tree, "a", 3), m.InfoSet)

            assert 3 == (await file.stat()).size
            assert b"of " == await file.read()


async def test_a_writer_of_the_same_redirector_is_seen(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "rb") as file:
            async with second.open(at("a"), "ab") as other:
                await other.write(b"more")

            assert len("of u1more") == (await file.stat()).size


async def test_a_write_meanwhile_is_newer_than_what_was_asked_for(autojump_clock):
    """The answer was given before it: of the size it says nothing any more."""
    async with play() as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        other = await enter_directly(s, "u3")
        await touch(other, "a")
        async with first.open(at("a"), "rb") as reading:
            async with other.open(at("a"), "wb"):
                pass  # it is empty, and no lease with R is left
            s.redirector.cable.down.hold("InfoFound")
            nursery.start_soon(reading.stat)
            await trio.sleep(0.1)
            async with second.open(at("a"), "r+b") as writing:
                await writing.write(b"new")
                s.redirector.cable.release()
                await trio.sleep(0.1)

                with sends(s):
                    assert b"new" == await reading.read()


async def test_a_dormant_file_that_an_administrator_closed_is_opened_anew(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await close_files(s)

        assert "of u1" == await read(session, "a")


async def test_a_reopening_that_fails_leaves_no_open(autojump_clock):
    async with play("win10") as s:
        session = await enter(s, "u1")
        await touch(session, "a", mode="a")
        async with (await enter_directly(s, "u2")).open(at("a"), "rb"):
            s.redirector.state.dormant.all()[0].server_handle = 0  # as if the server forgot it
            with refused(Status.STATUS_INVALID_HANDLE):
                await touch(session, "a", mode="a")

        assert 0 == s.redirector.state.statistics()["opens"]


async def close_files(s):
    """Close every file at the server as an administrator does."""
    link = Link(trio.testing.memory_stream_pair()[0], refuse_all, listening=True)
    admin = Peer(0, link, "console", uid=0, since_ns=0)
    for handle in s.server.handles.all():
        await force_close(s.server, admin, ForceClose("file", handle.number))
    await trio.testing.wait_all_tasks_blocked()
