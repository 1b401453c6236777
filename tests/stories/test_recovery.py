"""A link to a server is lost and comes back: whoever is logged on sees a pause, and goes on."""

import pytest
import trio

from redird.wire.status import Status
from shareserver.accounts import make_verifier
from shareserver.config import AccountConfig
from tests.playbook import (
    ALL_PRESETS,
    SHARE,
    at,
    at_once,
    enter,
    enter_directly,
    freed,
    play,
    read,
    refused,
    touch,
    uses,
)


def epochs(s):
    return [peer.epoch for peer in s.server.peers.values() if peer.instance]


def kinds(s):
    facts = s.redirector.state.facts.since(0, 10_000)
    return [fact["kind"] for fact in facts if fact["kind"].startswith("link_")]


# --- sessions and slots -----------------------------------------------------------------------


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_active_sessions_have_their_slots_again_and_nobody_else(autojump_clock, preset):
    async with play(preset, uses_max=4) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3"])
        left = await enter(s, "u4")
        for session in (*sessions, left):
            await touch(session, session.user)
        await left.logoff()  # under some presets an orphan
        [before] = epochs(s)

        s.redirector.cable.cut()
        await trio.sleep(0.5)

        assert (3, 4, [before + 1]) == (uses(s), freed(s), epochs(s))
        assert ["link_lost", "link_recovered"] == kinds(s)
        for session in sessions:
            assert f"of {session.user}" == await read(session, session.user)
        assert 3 == uses(s)


async def test_a_session_is_logged_on_again_without_its_password(autojump_clock):
    secret = AccountConfig(verifier=make_verifier("secret", lambda size: bytes(range(size))))
    async with play(server_options={"accounts": {"alice": secret}}) as s:
        session = await (await s.client()).logon("alice", "secret")
        await touch(session, "a")
        s.redirector.cable.cut()
        await trio.sleep(0.5)

        assert 1 == uses(s)
        assert "of alice" == await read(session, "a")


async def test_who_lost_his_slot_to_another_is_told_with_a_receipt(autojump_clock):
    async with play(uses_max=1) as s:
        session = await enter(s, "u1")
        s.redirector.delay_s = 1.0
        s.redirector.cable.cut()
        await trio.sleep(0.1)
        await enter_directly(s, "u2")
        await trio.sleep(10)

        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED, recalled=False) as no:
            await read(session, "a")
        assert no.value.detail["receipt"]
        assert "released" == s.redirector.state.connections.all()[0].state


async def test_a_half_open_link_of_ours_holds_no_slot_against_us(autojump_clock):
    async with play("sp5", uses_max=3) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3"])
        s.redirector.cable.hold()  # the server will not hear that the link has ended
        await s.redirector.cable.near.aclose()
        await trio.sleep(0.5)

        assert (3, 3) == (uses(s), freed(s))
        for session in sessions:
            await touch(session, session.user)


async def test_a_link_with_nothing_to_lose_is_not_dialled_again(autojump_clock):
    async with play() as s:
        await (await enter(s, "u1")).logoff()
        s.redirector.cable.cut()
        await trio.sleep(60)

        assert 1 == len(s.redirector.upstream)
        await enter(s, "u2")


# --- requests meanwhile -----------------------------------------------------------------------


async def test_what_was_asked_at_the_loss_and_since_is_answered_once(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(await enter_directly(s, "u2"), "a", "b")
        answers = []

        async def ask(name):
            answers.append((await session.stat(at(name))).size)

        s.redirector.delay_s = 1.0
        s.redirector.cable.up.hold()
        nursery.start_soon(ask, "a")
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(0.1)
        nursery.start_soon(ask, "b")
        await trio.sleep(1)
        assert [] == answers

        await trio.sleep(20)
        assert [5, 5] == answers


async def test_a_connect_in_flight_takes_one_slot(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await (await s.client()).logon("u1")
        s.redirector.cable.down.hold("TreeConnected")
        nursery.start_soon(session.connect, "server", SHARE)
        await trio.sleep(1)
        assert 1 == uses(s)

        s.redirector.cable.cut()
        await trio.sleep(1)
        assert (1, 1) == (uses(s), freed(s))
        await touch(session, "a")


async def test_a_logon_in_flight_is_one_session(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        await enter(s, "u1")
        s.redirector.cable.down.hold("SessionEstablished")
        nursery.start_soon(enter, s, "u2")
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(1)

        assert (2, 2) == (uses(s), len(s.server.sessions))
