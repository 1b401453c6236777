"""What dormancy saves: a file reopened in time costs the server nothing. Every message is
counted.
"""

from contextlib import AsyncExitStack

import pytest
import trio

from redird.wire import files as f
from redird.wire.messages import Close, Closed, Create, Created
from tests.playbook import at, enter, play, read, sends, touch


def counters(s, *names):
    found = s.redirector.state.statistics()
    return tuple(found[name] for name in names)


async def test_reopening_within_the_dormant_age_sends_nothing(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        with sends(s, Create=1, Write=1):
            await touch(session, "a")

        for at_s in (0.0, 1.0, 29.9, 59.8, 89.7):  # each close begins a new age
            await trio.sleep_until(at_s)
            with sends(s, Write=1):
                await touch(session, "a", mode="a")
            with sends(s):
                async with session.open(at("a"), "a"):
                    pass

        assert (10, 1) == counters(s, "creates_avoided", "dormant")


async def test_a_reopened_file_is_known_without_asking(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")

        with sends(s):
            async with session.open(at("a"), "a") as file:
                assert len("of u1") == (await file.binary.stat()).size


async def test_reopening_after_the_dormant_age_opens_anew(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        with sends(s, CloseBatch=1):
            await trio.sleep_until(30.1)

        with sends(s, Create=1, Read=1):
            assert "of u1" == await read(session, "a")


async def test_a_second_open_at_the_same_time_collapses(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        async with session.open(at("a")) as first:
            with sends(s):  # its pages are kept, under the lease
                async with session.open(at("a")) as second:
                    assert 2 == len(s.server.handles)  # the dormant one, and one for both
                    assert "of u1" == await second.read()
                assert "of u1" == await first.read()


@pytest.mark.parametrize(
    ("mode", "share"),
    [
        ("r", f.SHARE_ALL),
        ("r+", f.SHARE_ALL),
        ("a", f.FILE_SHARE_READ | f.FILE_SHARE_WRITE),
    ],
    ids=["less access", "more access", "another share mode"],
)
async def test_a_different_open_is_asked_for(autojump_clock, mode, share):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")

        with sends(s, Create=1):
            async with session.open(at("a"), mode, share=share):
                pass
        with sends(s):  # and each of the two may be reopened
            async with session.open(at("a"), mode, share=share):
                pass
            async with session.open(at("a"), "a"):
                pass


@pytest.mark.parametrize(
    ("disposition", "options"),
    [
        (f.FILE_OVERWRITE, 0),
        (f.FILE_OVERWRITE_IF, 0),
        (f.FILE_SUPERSEDE, 0),
        (f.FILE_OPEN, f.FILE_DELETE_ON_CLOSE),
    ],
)
async def test_an_open_that_changes_the_file_is_never_served_from_memory(
    autojump_clock, disposition, options
):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        tree = await session.connect("server", "docs")
        closes = {"CloseBatch": 1} if disposition != f.FILE_OPEN else {}

        with sends(s, Create=1, **closes):
            access = f.FILE_READ_DATA | f.DELETE
            request = (tree, "a", access, f.SHARE_ALL, disposition, options)
            created = await session.client.ask(Create(*request), Created)
        await session.client.ask(Close(tree, created.handle), Closed)


async def test_a_handle_is_revived_only_by_the_session_that_closed_it(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a", mode="a")

        with sends(s, Create=1):
            async with second.open(at("a"), "a"):
                pass


@pytest.mark.parametrize("preset", ["sp3", "w2k"])
async def test_shared_handles_are_revived_by_anybody(autojump_clock, preset):
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a", mode="a")

        with sends(s):
            async with second.open(at("a"), "a"):
                pass


async def test_what_another_opener_wrote_is_not_answered_from_memory(autojump_clock):
    async with play("win10") as s:
        session, other = await enter(s, "u1"), await s.add_redirector(s.redirector.state.config)
        await touch(session, "a")
        neighbour = await enter(s, "u2", other)
        async with neighbour.open(at("a"), "r+") as file:  # takes W
            await file.write("and of u2")  # takes R
            await read(session, "a")  # under R and H

            with sends(s):
                async with session.open(at("a")) as again:
                    assert len("and of u2") == again.binary.opened_info.size


async def test_a_batch_oplock_is_needed_where_the_preset_says_so(autojump_clock):
    async with play("sp6") as s:
        session, other = await enter(s, "u1"), await s.add_redirector(s.redirector.state.config)
        await touch(session, "a")
        neighbour = await enter(s, "u2", other)
        async with AsyncExitStack() as stack:
            with sends(s, Create=1, LeaseBroken=1, CloseBatch=1):  # W is broken: not to be kept
                await stack.enter_async_context(neighbour.open(at("a")))

            with sends(s, Create=1, LeaseBroken=1, CloseBatch=1):  # nor is a shared file
                async with session.open(at("a")):
                    pass
