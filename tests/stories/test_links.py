"""A link ends, falls silent or comes back: every slot is freed once, nobody healthy suffers.

A lost client is a logoff of its sessions under their preset; a lost redirector gives back all
that came over its link, and what is left of an older link of its goes before it asks for more.
"""

import pytest
import trio

from clients.errors import LinkFailed
from redird.presets import LEAVE, PRESETS
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

DISCONNECTED = Status.STATUS_CONNECTION_DISCONNECTED
FILE_CLOSED = Status.STATUS_FILE_CLOSED
SILENCE_S = (15.0, 17.5)  # peer_silence_max_s, and the time until somebody looks


def epochs(s):
    return [peer.epoch for peer in s.server.peers.values() if peer.instance]


# --- a client is lost -------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_a_lost_client_is_a_logoff_under_its_preset(autojump_clock, preset):
    async with play(preset) as s:
        session, idle = await enter(s, "u1"), await enter(s, "u2")
        await touch(session, "a")
        with pytest.raises(LinkFailed):
            async with session.open(at("b"), "w"):  # left open
                s.cable(session.client).cut()
        s.cable(idle.client).cut()
        await trio.sleep(0.1)

        leaves = PRESETS[preset].policy.logoff == LEAVE
        assert (1 if leaves else 0) == uses(s)  # the idle one's goes in any case
        assert 0 == len(s.redirector.state.sessions)
        await trio.sleep(60)
        assert (0, 2) == (uses(s), freed(s))


async def test_all_sessions_of_a_lost_client_are_logged_off(autojump_clock):
    async with play() as s:
        client = await s.client()
        for user in ("u1", "u2", "u3"):
            session = await client.logon(user)
            await session.connect("server", SHARE)
            await touch(session, user)

        s.cable(client).cut()
        await trio.sleep(0.1)

        assert (0, 3, 0) == (uses(s), freed(s), len(s.redirector.state.sessions))


async def test_a_client_gone_silent_is_lost_too(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        s.cable(session.client).hold()

        await trio.sleep(SILENCE_S[0] - 0.1)
        assert 1 == uses(s)
        await trio.sleep_until(SILENCE_S[1] + 0.1)
        assert (0, 1) == (uses(s), freed(s))


@pytest.mark.parametrize("preset", ["sp5", "sp6"])
@pytest.mark.parametrize("reply", ["SessionEstablished", "TreeConnected", "Created"])
async def test_a_client_lost_while_it_waits_leaves_nothing(autojump_clock, preset, reply):
    async with play(preset) as s, trio.open_nursery() as nursery:
        await touch(await enter(s, "u9"), "other")
        client = await s.client()
        s.redirector.cable.down.hold(reply)
        nursery.start_soon(touch_or_not, client)
        await trio.sleep(1)
        s.cable(client).cut()
        await trio.sleep(1)

        s.redirector.cable.release()
        await trio.sleep(1)
        assert (1, 1) == (uses(s), len(s.server.sessions))  # of the other
        assert ["other"] == [handle.entry.path for handle in s.server.handles.all()]


async def touch_or_not(client):
    with pytest.raises(LinkFailed):
        await touch(await client.logon("u1"), "a")


async def test_a_client_lost_while_it_opens_leaves_no_handle_beside_others(autojump_clock):
    async with play("sp5") as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(session, "dormant")
        s.redirector.cable.down.hold("Created")
        nursery.start_soon(open_or_not, session)
        await trio.sleep(1)
        s.cable(session.client).cut()
        await trio.sleep(1)

        s.redirector.cable.release()
        await trio.sleep(1)
        assert ["dormant"] == [handle.entry.path for handle in s.server.handles.all()]
        await touch(await enter(s, "u2"), "a")


async def open_or_not(session):
    with pytest.raises(LinkFailed):
        async with session.open(at("a"), "w", share=0):
            pass


# --- the server is lost -----------------------------------------------------------------------


async def test_a_lost_upstream_link_gives_every_use_back_once(autojump_clock):
    async with play("sp5", uses_max=10, reconnect_max_s=0) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3", "u4"])
        for session in sessions:
            await touch(session, session.user)
        await sessions[0].logoff()  # an orphan
        assert 4 == uses(s)

        s.redirector.cable.cut()
        await trio.sleep(0.1)

        assert (0, 4, 0) == (uses(s), freed(s), len(s.server.handles))
        assert 0 == len(s.redirector.state.dormant)
        assert 3 == len(s.redirector.state.sessions)


async def test_what_was_open_says_that_it_is_closed(autojump_clock):
    async with play(reconnect_max_s=0) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        async with session.open(at("a"), "r+") as file:
            s.redirector.cable.cut()
            await trio.sleep(0.1)

            for use in (file.read, file.binary.stat, file.fsync, lambda: file.write("x")):
                with refused(FILE_CLOSED):
                    await use()
        assert "of u1" == await read(session, "a")


async def test_what_was_asked_says_that_the_server_is_gone(autojump_clock):
    async with play(reconnect_max_s=0) as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(session, "a")
        s.redirector.cable.up.hold()

        async def wait_for_a_reply():
            with refused(DISCONNECTED):
                await session.stat(at("b"))

        nursery.start_soon(wait_for_a_reply)
        await trio.sleep(1)
        s.redirector.cable.cut()


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_after_a_lost_link_sessions_go_on_over_a_newer_one(autojump_clock, preset):
    async with play(preset, uses_max=2) as s:
        session, other = await enter(s, "u1"), await enter(s, "u2")
        await touch(session, "a")
        [before] = epochs(s)
        s.redirector.cable.cut()
        await trio.sleep(0.1)

        assert "of u1" == await read(session, "a")
        await other.connect("server", SHARE)
        await touch(other, "b")

        assert (2, [before + 1]) == (uses(s), epochs(s))
        await visit_and_leave(other)
        assert () == (await session.logoff()).residue or "sp" in preset or preset == "recall"


async def visit_and_leave(session):
    await touch(session, "c")
    await session.logoff()


async def test_a_reconnect_needs_no_password(autojump_clock):
    secret = AccountConfig(verifier=make_verifier("secret", lambda size: bytes(range(size))))
    async with play(server_options={"accounts": {"alice": secret}}) as s:
        session = await (await s.client()).logon("alice", "secret")
        await touch(session, "a")
        s.redirector.cable.cut()
        await trio.sleep(0.1)

        assert "of alice" == await read(session, "a")


async def test_a_full_share_refuses_the_reconnect(autojump_clock):
    async with play(uses_max=1, reconnect_max_s=0) as s:
        session = await enter(s, "u1")
        s.redirector.cable.cut()
        await trio.sleep(0.1)
        await enter_directly(s, "u2")

        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED, recalled=False):
            await read(session, "a")


async def test_a_logoff_while_the_session_reconnects_leaves_nothing(autojump_clock):
    async with play(reconnect_max_s=0) as s, trio.open_nursery() as nursery:
        session, other = await enter(s, "u1"), await enter(s, "u2")
        s.redirector.cable.cut()
        await trio.sleep(1)
        await other.stat(at())  # there is a link again
        s.redirector.cable.down.hold("SessionEstablished")
        nursery.start_soon(stat_or_not, session)
        await trio.sleep(1)

        await session.logoff()
        s.redirector.cable.release()
        await trio.sleep(1)
        assert (1, 1) == (uses(s), len(s.server.sessions))


async def test_a_logoff_while_it_is_given_a_slot_anew_leaves_nothing(autojump_clock, log):
    log.expect("slot_was_gone")  # by the logoff, before it could be given back
    async with play(reconnect_max_s=0) as s, trio.open_nursery() as nursery:
        session, other = await enter(s, "u1"), await enter(s, "u2")
        s.redirector.cable.cut()
        await trio.sleep(1)
        await other.stat(at())
        s.redirector.cable.down.hold("TreeConnected", "LoggedOff")
        nursery.start_soon(stat_or_not, session)
        await trio.sleep(1)
        nursery.start_soon(session.logoff)
        await trio.sleep(1)

        s.redirector.cable.release()
        await trio.sleep(1)
        assert (1, 1) == (uses(s), len(s.server.sessions))
        assert ["u2"] == [one.session.user for one in s.redirector.state.connections.all()]


async def stat_or_not(session):
    with refused(Status.STATUS_USER_SESSION_DELETED):
        await session.stat(at())


async def test_a_session_takes_one_slot_however_many_files_it_opens_at_once(autojump_clock):
    async with play(uses_max=1) as s, trio.open_nursery() as nursery:
        session = await (await s.client()).logon("u1")
        for name in ("a", "b", "c"):
            nursery.start_soon(touch, session, name)
        await trio.sleep(1)

        assert 1 == uses(s)
