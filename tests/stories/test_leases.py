"""A dormant handle never costs anybody access: whoever wants the file gets it at once, and only
a live handle, or a redirector that does not answer, stands in the way.
"""

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from tests.playbook import (
    SHARE,
    at,
    enter,
    enter_directly,
    play,
    read,
    refused,
    sends,
    touch,
)

VIOLATION = Status.STATUS_SHARING_VIOLATION
ALONE = 0  # the share mode of an exclusive open


async def open_alone(session):
    async with session.open(at("a"), "r+", share=ALONE):
        pass


async def unlink(session):
    await session.unlink(at("a"))


async def rename(session):
    await session.rename(at("a"), at("b"))


async def rename_over(session):
    await touch(session, "b")
    await session.rename(at("b"), at("a"), replace=True)


async def overwrite(session):
    async with session.open(at("a"), "w"):
        pass


async def truncate(session):
    tree = await session.connect("server", SHARE)
    await session.client.ask(m.SetInfo(tree, "a", 0), m.InfoSet)


ACTS = [open_alone, unlink, rename, rename_over, overwrite, truncate]


async def another(s, kind):
    """A session that reaches the file by another way than the first user does."""
    if kind == "direct":
        return await enter_directly(s, "u2")
    if kind == "neighbour":
        return await enter(s, "u2", await s.add_redirector(s.redirector.state.config))
    return await enter(s, "u2")


def dormant(s):
    """What the first user has dormant."""
    kept = s.redirector.state.dormant.all()
    return [handle.path for handle in kept if handle.connection.session.user == "u1"]


# --- nobody uses the file ---------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", ["same redirector", "direct", "neighbour"])
async def test_a_dormant_file_is_had_at_once(autojump_clock, act, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await another(s, kind)
        await touch(first, "a")
        began = trio.current_time()

        await act(second)

        assert began == trio.current_time()
        assert [] == dormant(s)


@pytest.mark.parametrize("act", ACTS)
async def test_ones_own_dormant_file_is_had_at_once(autojump_clock, act):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        began = trio.current_time()

        await act(session)

        assert began == trio.current_time()


@pytest.mark.parametrize("act", ACTS)
async def test_what_an_orphan_keeps_is_had_at_once(autojump_clock, act):
    async with play("sp5", uses_max=2) as s:
        first = await enter(s, "u1")
        await touch(first, "a")
        await first.logoff()

        await act(await enter(s, "u2"))


@pytest.mark.parametrize("kind", ["same redirector", "direct", "neighbour"])
async def test_a_folder_with_dormant_files_may_be_renamed(autojump_clock, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await another(s, kind)
        await first.mkdir(at("folder"))
        await touch(first, "folder/a", "folder/b", "folder.tmp")

        await second.rename(at("folder"), at("other"))

        assert ["folder.tmp"] == dormant(s)
        assert "of u1" == await read(second, "other/a")


@pytest.mark.parametrize("kind", ["same redirector", "direct", "neighbour"])
async def test_deleting_foo_leaves_foo_tmp_alone(autojump_clock, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await another(s, kind)
        await touch(first, "foo", "foo.tmp")

        broken = {} if kind == "same redirector" else {"LeaseBroken": 1}
        with sends(s, Unlink=1, CloseBatch=1, **broken):
            await second.unlink(at("foo"))

        assert ["foo.tmp"] == dormant(s)
        with sends(s):
            async with first.open(at("foo.tmp"), "a"):
                pass


async def test_an_exclusive_open_does_not_hold_the_next_one_up(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        for session in (first, second, first):
            await open_alone(session)


async def test_reading_beside_costs_a_windows_10_no_dormant_file(autojump_clock):
    async with play("win10") as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")

        assert "of u1" == await read(second, "a")

        assert ["a"] == dormant(s)


# --- somebody uses it -------------------------------------------------------------------------


@pytest.mark.parametrize("act", [open_alone, overwrite, truncate, unlink, rename])
@pytest.mark.parametrize("kind", ["same redirector", "direct", "neighbour"])
async def test_a_live_handle_is_a_sharing_violation(autojump_clock, act, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await another(s, kind)
        await touch(first, "a")
        async with first.open(at("a"), "r+", share=f.FILE_SHARE_READ) as file:
            began = trio.current_time()
            with refused(VIOLATION):
                await act(second)
            assert began == trio.current_time()

            await file.write("still of u1")
        assert "still of u1" == await read(first, "a")


@pytest.mark.parametrize("kind", ["same redirector", "direct", "neighbour"])
async def test_a_live_and_a_dormant_handle_only_the_live_one_counts(autojump_clock, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await another(s, kind)
        await touch(first, "a")  # dormant, written
        async with first.open(at("a"), share=f.FILE_SHARE_READ):
            assert "of u1" == await read(second, "a")
            with refused(VIOLATION):
                await touch(second, "a")
        await touch(second, "a")


@pytest.mark.parametrize("kind", ["direct", "neighbour"])
async def test_a_lease_that_was_broken_is_not_parked_on(autojump_clock, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await another(s, kind)
        await touch(first, "a")
        async with first.open(at("a")), second.open(at("a")):
            pass
        assert [] == dormant(s)  # W went when the other opened, and nothing has asked for it

        await touch(first, "a", mode="a")
        assert ["a"] == dormant(s)


async def test_a_file_kept_open_by_others_is_deleted_at_the_last_close(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        async with first.open(at("a")) as file:
            await second.unlink(at("a"))

            with refused(Status.STATUS_DELETE_PENDING):
                await read(second, "a")
            assert "of u1" == await file.read()
        await trio.sleep(31)
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await read(second, "a")


# --- nobody answers ---------------------------------------------------------------------------


@pytest.mark.parametrize("silent", ["LeaseBreak", "CloseBatch"])
async def test_a_break_that_is_not_answered_costs_35_seconds(autojump_clock, silent):
    async with play(policy={"dormant_age_max_s": 60}) as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        lane = s.redirector.cable.down if silent == "LeaseBreak" else s.redirector.cable.up
        lane.hold(silent)

        with refused(VIOLATION):
            await open_alone(second)

        assert 35.0 == trio.current_time()
        assert 1 == s.server.leases.statistics()["lease_breaks_expired"]


async def test_closing_answers_a_break_too(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        s.redirector.cable.down.hold("LeaseBreak")

        await open_alone(second)

        assert 30.0 == trio.current_time()  # the dormant age
        assert 0 == s.server.leases.statistics()["lease_breaks_expired"]


@pytest.mark.parametrize(("reconnect_max_s", "costs_s"), [(0, 15.0), (30, 10.0)])
async def test_a_redirector_gone_silent_costs_its_silence_only(
    autojump_clock, reconnect_max_s, costs_s
):
    """And less if it notices first, and comes back over another link."""
    async with play(reconnect_max_s=reconnect_max_s) as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        s.redirector.cable.hold()

        await open_alone(second)

        assert costs_s <= trio.current_time() <= costs_s + 1


async def test_a_redirector_that_goes_meanwhile_costs_nothing_more(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        s.redirector.cable.down.hold("LeaseBreak")
        nursery.start_soon(open_alone, second)
        await trio.sleep(3)
        assert 1 == len(s.server.handles)

        s.redirector.cable.cut()
        await trio.sleep(0.1)
        assert 0 == len(s.server.handles)


async def test_two_who_want_the_same_file_both_get_it(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        first = await enter(s, "u1")
        others = [await enter_directly(s, user) for user in ("u2", "u3", "u4")]
        await touch(first, "a")
        s.redirector.cable.delay(1.0)

        for other in others:
            nursery.start_soon(read, other, "a")
        await trio.sleep(4.1)
        assert [] == dormant(s)
