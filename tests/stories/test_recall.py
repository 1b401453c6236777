"""Slot recall: sp5's logoff, and nobody is refused for the sake of files that nobody uses."""

from contextlib import AsyncExitStack, suppress

import pytest
import trio

from clients.errors import ConnectRefused
from redird.wire.status import Status
from tests.playbook import (
    at,
    at_once,
    enter,
    enter_directly,
    freed,
    play,
    read,
    redirector,
    refused,
    sends,
    touch,
    uses,
    visit,
)

LIMIT = Status.STATUS_REQUEST_NOT_ACCEPTED
WAITS = {"recall_wait_s": 1.0}


def recall(uses_max, **options):
    """A stage where slots are recalled; how long that takes is bounded by a second."""
    return play("recall", uses_max=uses_max, server_options=WAITS, **options)


def recalls(s):
    """How many SlotRecalls the redirectors have got."""
    return sum(
        cable.down.arrived["SlotRecall"] for one in s.redirectors for cable in one.upstream
    )


def dormant(s):
    return sorted(handle.path for handle in s.redirector.state.dormant.all())


# --- orphans ----------------------------------------------------------------------------------


async def test_users_who_log_off_and_on_again_are_admitted(autojump_clock):
    users = ("u1", "u2", "u3")
    async with recall(3) as s:
        for _ in range(10):
            await at_once(visit, s, users)
            assert 3 == uses(s)

        assert 0 == s.server.ledger.statistics()["uses_refused"]
        assert (27, 0.0) == (freed(s), trio.current_time())


async def test_the_oldest_orphan_goes_first(autojump_clock):
    async with recall(3) as s:
        for user in ("u1", "u2", "u3"):
            await visit(s, user)
            await trio.sleep(1)

        with sends(
            s, SessionSetup=1, TreeConnect=1, TreeDisconnect=1, Logoff=1, SlotsRecalled=1
        ):
            await enter(s, "u4")

        assert ["u2", "u3"] == dormant(s)
        assert 1 == recalls(s)


async def test_while_there_is_room_nothing_is_recalled(autojump_clock):
    async with recall(3) as s:
        await visit(s, "u1")
        await enter(s, "u2")
        await enter(s, "u3")

        assert (0, ["u1"]) == (recalls(s), dormant(s))


async def test_a_crowd_of_newcomers_gets_what_there_is(autojump_clock):
    async with recall(4) as s, AsyncExitStack() as files:
        sessions = await at_once(enter, s, ["u1", "u2"])
        for session in sessions:
            await files.enter_async_context(session.open(at(session.user), "w"))
        await visit(s, "u3")
        await visit(s, "u4")

        admitted = await at_once(enter_or_not, s, [f"u{n}" for n in range(5, 25)])

        assert [False] * 18 + [True] * 2 == sorted(admitted)
        assert (4, 2) == (uses(s), freed(s))


async def enter_or_not(s, user):
    session = await (await s.client()).logon(user)
    with suppress(ConnectRefused):
        async with session.open(at(user), "w"):
            await trio.sleep(5)  # in use as long as the others try
            return True
    return False


# --- dormant files of those who are still there -----------------------------------------------


async def test_orphans_go_before_anybody_who_is_logged_on(autojump_clock):
    async with recall(2) as s:
        session = await enter(s, "u1")
        await touch(session, "kept")
        await trio.sleep(1)
        await visit(s, "u2")

        await enter(s, "u3")
        assert ["kept"] == dormant(s)

        await enter(s, "u4")
        assert [] == dormant(s)
        assert 2 == uses(s)


async def test_whose_slot_was_recalled_gets_one_again_without_noticing(autojump_clock):
    async with recall(1) as s:
        first = await enter(s, "u1")
        await touch(first, "a")
        second = await enter(s, "u2")
        await touch(second, "b")

        with sends(
            s,
            TreeConnect=1,
            TreeDisconnect=1,
            SlotsRecalled=1,
            Create=1,
            Read=1,
        ):
            assert "of u1" == await read(first, "a")
        with sends(s, TreeConnect=1, TreeDisconnect=1, SlotsRecalled=1, QueryInfo=1):
            await second.stat(at("b"))
        assert 1 == uses(s)


async def test_if_the_share_is_full_by_then_it_is_told_why(autojump_clock):
    async with recall(1) as s:
        first = await enter(s, "u1")
        await touch(first, "a")
        second = await enter(s, "u2")
        async with second.open(at("b"), "w"):
            for _ in range(2):
                with refused(LIMIT, recalled=True, uses=1, uses_max=1):
                    await read(first, "a")
        await second.logoff()

        assert "of u1" == await read(first, "a")


async def test_a_recalled_connection_may_log_off_at_any_time(autojump_clock):
    async with recall(1) as s:
        first = await enter(s, "u1")
        await touch(first, "a")
        second = await enter(s, "u2")

        proof = await first.logoff()

        assert ((), ()) == (proof.shares, proof.residue)
        assert 1 == uses(s)
        await touch(second, "a")


async def test_a_connection_that_is_used_is_never_given_back(autojump_clock):
    async with recall(2) as s:
        first, idle = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "dormant")
        async with first.open(at("open"), "w"):
            with refused(LIMIT, uses=2):
                await enter(s, "u3")
        assert (2, ["dormant", "open"], 0) == (uses(s), dormant(s), freed(s))
        await touch(idle, "b")  # connected and idle is not dormant: nothing was parked there


async def test_an_open_that_lands_during_the_recall_waits_and_takes_a_slot_anew(autojump_clock):
    async with recall(1) as s, trio.open_nursery() as nursery:
        first = await enter(s, "u1")
        await touch(first, "a")
        s.redirector.cable.down.hold("TreeDisconnected")
        nursery.start_soon(visit, s, "u2")  # is admitted, and leaves an orphan
        await trio.sleep(0.1)
        texts: list[str] = []
        nursery.start_soon(read_into, texts, first, "a")
        await trio.sleep(2)
        assert ([], 1) == (texts, uses(s))

        s.redirector.cable.release()
        await trio.sleep(1)
        assert (["of u1"], 1) == (texts, uses(s))


async def read_into(texts, session, name):
    texts.append(await read(session, name))


async def test_a_session_that_logs_off_during_the_recall_of_its_slot_leaves_nothing(
    autojump_clock, log
):
    log.expect("uses_unknown")  # the slot it asks about is gone
    async with recall(1) as s, trio.open_nursery() as nursery:
        first = await enter(s, "u1")
        await touch(first, "a")
        s.redirector.cable.down.hold("TreeDisconnected")
        nursery.start_soon(enter, s, "u2")
        await trio.sleep(0.1)
        await first.logoff()
        s.redirector.cable.release()
        await trio.sleep(0.1)

        assert ["u2"] == [one.session.user for one in s.redirector.state.connections.all()]
        assert (1, 1) == (uses(s), len(s.server.sessions))


# --- nobody to give ---------------------------------------------------------------------------


async def test_if_nobody_can_give_the_refusal_comes_at_once(autojump_clock):
    async with recall(2) as s:
        await at_once(enter, s, ["u1", "u2"])

        with refused(LIMIT):
            await enter(s, "u3")
        assert (0.0, 1) == (trio.current_time(), recalls(s))


async def test_a_silent_redirector_costs_the_wait(autojump_clock):
    async with recall(1) as s:
        silent = await s.add_redirector(redirector("recall"))
        await visit(s, "u1", through=silent)
        silent.cable.hold()

        with refused(LIMIT):
            await enter(s, "u2")
        assert 1.0 == trio.current_time()


async def test_one_silent_redirector_does_not_keep_anothers_slot_back(autojump_clock):
    async with recall(2) as s:
        silent = await s.add_redirector(redirector("recall"))
        await visit(s, "u1", through=silent)
        await visit(s, "u2")
        silent.cable.hold()

        await enter(s, "u3")

        assert trio.current_time() <= 1.0
        assert 2 == uses(s)


@pytest.mark.parametrize("preset", ["sp5", "sp6"])
async def test_a_redirector_that_never_offered_it_is_not_asked(autojump_clock, preset):
    async with play(preset, uses_max=1, server_options=WAITS) as s:
        await touch(await enter(s, "u1"), "a")

        with refused(LIMIT):
            await enter(s, "u2")
        assert (0, 0.0) == (recalls(s), trio.current_time())


async def test_without_the_servers_side_nothing_is_recalled(autojump_clock):
    async with play("recall", uses_max=1) as s:
        await visit(s, "u1")
        with refused(LIMIT):
            await enter(s, "u2")
        assert 0 == recalls(s)


async def test_a_plain_client_is_admitted_by_recall_too(autojump_clock):
    async with recall(1) as s:
        await visit(s, "u1")
        await enter_directly(s, "u2")
        assert (1, 1) == (uses(s), freed(s))


async def test_the_link_lost_during_a_recall_is_as_good(autojump_clock):
    async with recall(1) as s, trio.open_nursery() as nursery:
        await visit(s, "u1")
        s.redirector.cable.up.hold()
        nursery.start_soon(enter_directly, s, "u2")
        await trio.sleep(0.5)

        s.redirector.cable.cut()
        await trio.sleep(0.1)
        assert (1, 1) == (uses(s), freed(s))
