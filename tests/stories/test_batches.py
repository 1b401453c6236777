"""How dormant files are closed: in time, in batches, the oldest first, and never by halves."""

import pytest
import trio

from clients.errors import LinkFailed
from tests.playbook import at, enter, enter_directly, play, sends, touch

NAMES = tuple(f"file{number:03}" for number in range(130))


def counters(s, *names):
    found = s.redirector.state.statistics()
    return tuple(found[name] for name in names)


@pytest.mark.parametrize("count", [1, 2, 64])
async def test_what_is_due_is_closed_in_one_batch(autojump_clock, count):
    async with play(policy={"dormant_files_max": 64}) as s:
        session = await enter(s, "u1")
        await touch(session, *NAMES[:count])

        with sends(s):
            await trio.sleep_until(29.9)
        assert count == len(s.server.handles)
        with sends(s, CloseBatch=1):
            await trio.sleep_until(30.1)
        assert 0 == len(s.server.handles)


async def test_more_than_a_batch_takes_more_than_one(autojump_clock):
    async with play("macos-30", policy={"dormant_files_max": 200}) as s:
        session = await enter(s, "u1")
        await touch(session, *NAMES)

        with sends(s, CloseBatch=3):
            await trio.sleep_until(30.1)


async def test_one_tick_serves_all_sessions(autojump_clock):
    async with play() as s:
        for at_s, user in enumerate(("u1", "u2", "u3")):
            await trio.sleep_until(at_s + 0.5)
            await touch(await enter(s, user), *NAMES[at_s * 10 : at_s * 10 + 10])

        with sends(s, CloseBatch=1):
            await trio.sleep_until(35.1)
        assert 0 == len(s.server.handles)


async def test_without_a_tick_deadlines_are_exact(autojump_clock):
    async with play("cifs-1s") as s:
        session = await enter(s, "u1")
        for at_s in (0.0, 0.25):
            await trio.sleep_until(at_s)
            await touch(session, f"at {at_s}")

        for at_s, left in ((0.99, 2), (1.01, 1), (1.24, 1), (1.26, 0)):
            await trio.sleep_until(at_s)
            assert left == len(s.server.handles)


async def test_a_tick_that_falls_just_short_of_the_deadline_is_none(autojump_clock):
    async with play(time_scale=0.01) as s:  # 254 ticks and one age are 13.000000000000002
        session = await enter(s, "u1")
        await trio.sleep_until(254 * 0.05)
        await touch(session, "a")

        with sends(s, CloseBatch=1):
            await trio.sleep_until(13.01)


@pytest.mark.parametrize("files_max", [1, 2, 45])
async def test_over_the_limit_the_oldest_closes(autojump_clock, files_max):
    async with play(policy={"dormant_files_max": files_max}) as s:
        session = await enter(s, "u1")
        await touch(session, *NAMES[:files_max])
        with sends(s):
            async with session.open(at(NAMES[0]), "a"):  # becomes the youngest
                pass

        with sends(s, Create=1, Write=1, CloseBatch=1):
            await touch(session, "one more")
            await trio.sleep(0.1)

        kept = [handle.path for handle in s.redirector.state.dormant.all()]
        expected = [*NAMES[1:files_max], NAMES[0], "one more"]
        assert expected[-files_max:] == kept
        assert sorted(kept) == sorted(h.entry.subject for h in s.server.handles.all())


async def test_the_limit_is_each_connections_own(autojump_clock):
    async with play(policy={"dormant_files_max": 2}) as s:
        for user in ("u1", "u2"):
            session = await enter(s, user)
            with sends(s, Create=2, Write=2):
                await touch(session, f"{user} a", f"{user} b")


async def test_a_limit_of_none_means_close_at_once(autojump_clock):
    async with play(policy={"dormant_files_max": 0}) as s:
        session = await enter(s, "u1")

        with sends(s, Create=3, Write=3, CloseBatch=3):
            await touch(session, "a", "b", "a")
        assert (0, 0, 0) == counters(s, "dormant", "closing", "files_parked")


async def test_a_folder_is_never_kept(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await session.mkdir(at("folder"))

        with sends(s, Create=1, QueryDirectory=1, CloseBatch=1):
            assert [] == await session.listdir(at("folder"))


async def test_what_was_saved_is_counted(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        for _ in range(5):
            await touch(session, "a", mode="a")
        await trio.sleep_until(31)

        assert (4, 5, 1) == counters(
            s, "creates_avoided", "closes_answered_locally", "close_requests_sent"
        )
        assert (8,) == counters(s, "round_trips_saved")


async def test_whoever_leaves_in_the_middle_leaves_no_handle_half_closed(autojump_clock):
    async with play(policy={"dormant_files_max": 200}) as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await first.mkdir(at("folder"))
        await touch(first, *(f"folder/{name}" for name in NAMES))
        s.redirector.cable.down.hold("BatchClosed")
        nursery.start_soon(renamed_or_not, second, at("folder"), at("other"))
        await trio.sleep(1)  # the first batch of three is on the way
        s.cable(second.client).cut()
        await trio.sleep(1)

        s.redirector.cable.release()
        await trio.sleep(1)
        assert (0, 0, 0) == (*counters(s, "dormant", "closing"), len(s.server.handles))
        with sends(s, TreeDisconnect=1, Logoff=1):
            await first.logoff()


async def renamed_or_not(session, name, target):
    with pytest.raises(LinkFailed):
        await session.rename(name, target)


@pytest.mark.parametrize("act", ["open", "overwrite", "unlink", "rename"])
@pytest.mark.parametrize("way", ["same redirector", "direct", "neighbour"])
async def test_a_close_that_waits_for_an_earlier_batch_is_waited_for(autojump_clock, act, way):
    async with play(policy={"batch_max": 1}) as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await another(s, way)
        await touch(first, "other", "a")
        s.redirector.cable.down.hold("BatchClosed")
        nursery.start_soon(first.logoff)
        nursery.start_soon(released_at, 1.0, s.redirector.cable)
        await trio.sleep(0.5)
        assert ["a"] == [handle.entry.path for handle in s.server.handles.all()]

        await use_alone(second, act)

        assert 1.0 == trio.current_time()


async def another(s, way):
    """A user who reaches the files by another way than the first does, or by the same."""
    if way == "direct":
        return await enter_directly(s, "u2")
    through = await s.add_redirector(s.redirector.state.config) if way == "neighbour" else None
    return await enter(s, "u2", through)


async def use_alone(session, act):
    if act == "unlink":
        await session.unlink(at("a"))
    elif act == "rename":
        await session.rename(at("a"), at("b"))
    else:
        async with session.open(at("a"), "w" if act == "overwrite" else "r+", share=0):
            pass


async def released_at(seconds, cable):
    await trio.sleep_until(seconds)
    cable.release()
