"""Each preset is data, and says what its users see: one little scenario holds it to that."""

import pytest
import trio

from clients.errors import ConnectRefused, SessionError
from redird.presets import PRESETS
from redird.wire.messages import Connect, Connected
from redird.wire.status import Status
from tests.playbook import (
    ALL_PRESETS,
    SHARE,
    at,
    at_once,
    enter,
    freed,
    play,
    read,
    refused,
    sends,
    touch,
    uses,
    visit,
)

IN_USE = Status.STATUS_CONNECTION_IN_USE
LEAVES = ["sp4", "sp5", "recall"]
RECALL = {"recall_wait_s": 1.0}


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_users_see_what_the_preset_expects(autojump_clock, preset):
    expects = PRESETS[preset].expects
    options = RECALL if preset == "recall" else {}
    async with play(preset, uses_max=3, server_options=options) as s:
        spurious = 0
        for _ in range(3):
            outcomes = await at_once(come_and_go, s, ("u1", "u2", "u3"))
            spurious += outcomes.count("spurious")
            assert outcomes.count("genuine") == outcomes.count("undecided") == 0
            await trio.sleep(1)
        await trio.sleep(60)
        taken = await is_taken(s)

        assert (expects.spurious_refusals, expects.takes_others_handles) == (
            spurious > 0,
            taken,
        )


async def come_and_go(s, user):
    """Log on, use a file, log off; returns the verdict if that is refused."""
    client = await s.client()
    session = await client.logon(user)
    try:
        await touch(session, user)
    except ConnectRefused as no:
        return (await client.receipt(no.receipt))["verdict"]
    finally:
        await session.logoff()
    return "admitted"


async def is_taken(s):
    """Whether a user loses an open file by the logoff of another who opened it first."""
    first, second = await enter(s, "u1"), await enter(s, "u2")
    await touch(first, "shared")
    async with first.open(at("shared")), second.open(at("shared")) as file:
        await first.logoff()
        try:
            await file.read()
        except SessionError:
            return True
    return False


# --- disconnecting by hand --------------------------------------------------------------------


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_disconnect_with_dormant_files(autojump_clock, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        await touch(session, "a")

        if preset == "sp4":
            with refused(IN_USE) as caught:
                await session.disconnect("server", SHARE)
            assert 2404 == caught.value.status.win32
            assert 1 == uses(s)
            await trio.sleep(31)  # until nothing is dormant any more
        await session.disconnect("server", SHARE)

        assert (0, 0) == (uses(s), len(s.server.handles))


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_disconnect_with_open_files(autojump_clock, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "w") as file:
            await file.write("of u1")
            with refused(Status.STATUS_FILES_OPEN):
                await session.disconnect("server", SHARE)
            await file.write(" still")
        assert "of u1 still" == await read(session, "a")


@pytest.mark.parametrize("preset", ["sp4", "sp6"])
async def test_disconnect_by_force(autojump_clock, preset):
    async with play(preset) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        with pytest.raises(SessionError, match="STATUS_NETWORK_NAME_DELETED"):
            async with session.open(at("b"), "w"):
                await session.disconnect("server", SHARE, force=True)
        assert (0, 0) == (uses(s), len(s.server.handles))

        await touch(session, "a")  # and connect again
        assert 1 == uses(s)


async def test_a_second_connect_is_the_same_connection(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        with sends(s):
            number = await session.client.ask(
                Connect(session.number, "SERVER", "Docs"), Connected
            )
        assert (number.tree, 1) == (await session.connect("server", SHARE), uses(s))

        with sends(s):
            await session.disconnect("server", SHARE)  # the first of two
        assert 1 == uses(s)


async def test_an_open_that_lands_during_a_disconnect_finds_no_connection(autojump_clock):
    async with play(uses_max=1) as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        s.redirector.cable.down.hold("TreeDisconnected")
        nursery.start_soon(session.disconnect, "server", SHARE)
        await trio.sleep(0.1)
        nursery.start_soon(touch_or_not, session)
        await trio.sleep(0.1)

        s.redirector.cable.release()
        await trio.sleep(0.1)
        assert (0, 0) == (uses(s), len(s.redirector.state.connections.all()))
        await touch(session, "a")  # connects anew


async def touch_or_not(session):
    with refused(Status.STATUS_NETWORK_NAME_DELETED):
        await touch(session, "a")


# --- what the presets share -------------------------------------------------------------------


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_what_one_writes_another_reads_at_once(autojump_clock, preset):
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        for session, other in ((first, second), (second, first)) * 3:
            await touch(session, "a")
            assert f"of {session.user}" == await read(other, "a")


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_nothing_stays_dormant_for_longer_than_its_age_and_a_tick(autojump_clock, preset):
    async with play(preset) as s:
        policy = s.redirector.state.policy
        session = await enter(s, "u1")
        for _ in range(9):
            await touch(session, "a", "b", "c")
            await trio.sleep(policy.dormant_age_max_s / 4)
        await trio.sleep(policy.dormant_age_max_s + policy.scavenger_tick_s)

        assert 0 == len(s.server.handles)


# --- a link each ------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["sp5", "sp6", "w2k"])
async def test_with_a_link_each_sessions_share_nothing(autojump_clock, preset):
    async with play(preset, uses_max=3, link_per_session=True, reconnect_max_s=0) as s:
        sessions = await at_once(enter, s, ("u1", "u2", "u3"))
        assert (3, 3) == (uses(s), len(s.server.peers))
        assert 3 == len({peer.instance for peer in s.server.peers.values()})
        for session in sessions:
            await touch(session, session.user)

        s.redirector.upstream[0].cut()
        await trio.sleep(0.1)

        assert (2, 1) == (uses(s), freed(s))
        assert 2 == len(s.redirector.state.dormant)


async def test_a_link_of_ones_own_ends_with_the_session(autojump_clock):
    async with play(link_per_session=True) as s:
        await visit(s, "u1")
        await trio.sleep(0.1)

        assert (0, {}) == (len(s.server.peers), s.redirector.state.links)


async def test_under_sp5_it_ends_with_the_last_dormant_file(autojump_clock):
    async with play("sp5", link_per_session=True) as s:
        await visit(s, "u1")
        await trio.sleep(1)
        assert (1, 1) == (uses(s), len(s.server.peers))
        await trio.sleep(31)
        assert (0, {}) == (len(s.server.peers), s.redirector.state.links)


async def test_after_its_link_was_lost_a_session_has_another(autojump_clock):
    async with play(link_per_session=True) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        s.redirector.cable.cut()
        await trio.sleep(0.1)

        assert "of u1" == await read(session, "a")
        await session.logoff()
        await trio.sleep(0.1)
        assert (0, {}) == (len(s.server.peers), s.redirector.state.links)


async def test_a_session_that_logs_off_while_it_dials_has_no_link_left(autojump_clock):
    async with (
        play(link_per_session=True, reconnect_max_s=0) as s,
        trio.open_nursery() as nursery,
    ):
        session = await enter(s, "u1")
        s.redirector.cable.cut()
        s.redirector.delay_s = 1.0
        await trio.sleep(0.1)
        nursery.start_soon(dial_or_not, session)
        await trio.sleep(0.1)

        await session.logoff()
        await trio.sleep(10)
        assert (0, {}) == (len(s.server.peers), s.redirector.state.links)


async def dial_or_not(session):
    with refused(Status.STATUS_CONNECTION_DISCONNECTED):
        await session.stat(at())


async def test_a_session_refused_has_no_link_left(autojump_clock):
    async with play(uses_max=1, link_per_session=True) as s:
        await enter(s, "u1")
        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED):
            await enter(s, "u2")
        await trio.sleep(0.1)

        assert 1 == len(s.server.peers) == len(s.redirector.state.links)


async def test_a_user_who_may_not_log_on_has_no_link_left(autojump_clock):
    async with play(link_per_session=True) as s:
        client = await s.client()
        for _ in range(3):
            with refused(Status.STATUS_LOGON_FAILURE):
                await client.logon("nobody", "x")
        await trio.sleep(0.1)

        assert (0, {}) == (len(s.server.peers), s.redirector.state.links)
