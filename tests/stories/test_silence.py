"""A peer that says nothing: it is given up in time, holds no slot meanwhile it has no right to,
and is not confused with one that this process itself has kept waiting.
"""

import functools
from typing import Any

import pytest
import trio

from redird.wire import dialling
from redird.wire import messages as m
from redird.wire.errors import LinkLost
from redird.wire.scram import ClientProof
from redird.wire.status import Status
from tests.playbook import (
    SHARE,
    at_once,
    enter,
    enter_directly,
    freed,
    play,
    redirector,
    refused,
    touch,
    uses,
    visit,
)

LIMIT = Status.STATUS_REQUEST_NOT_ACCEPTED
NAMED: Any = {"instance": "terminal-server", "instance_key": "secret"}
NAMES = [f"u{number}" for number in range(1, 11)]


def epochs(s):
    return [peer.epoch for peer in s.server.peers.values() if peer.instance]


# --- an older link of the same redirector -----------------------------------------------------


async def test_a_newer_link_frees_what_a_half_open_one_holds_before_admission(autojump_clock):
    async with play("sp5", uses_max=3, reconnect_max_s=0) as s:
        await at_once(enter, s, ["u1", "u2", "u3"])
        [before] = epochs(s)
        s.redirector.cable.hold()  # the server will not hear that the link has ended
        await s.redirector.cable.near.aclose()
        await trio.sleep(1)
        assert 3 == uses(s)

        await at_once(enter, s, ["u4", "u5", "u6"])

        assert 1.0 == trio.current_time()
        assert (3, 3) == (uses(s), freed(s))
        assert [before + 1] == epochs(s)


async def test_a_link_may_be_dialled_again_in_the_moment_it_ends(autojump_clock):
    async with play(reconnect_max_s=0) as s:
        await enter(s, "u1")
        for number in range(2, 10):
            await s.redirector.cable.near.aclose()
            await touch(await enter(s, f"u{number}"), "a")

        assert (1, 1) == (uses(s), len(epochs(s)))
        assert 1 == len(s.server.sessions)


async def test_a_restarted_redirector_frees_what_it_held_before(autojump_clock, log):
    log.expect("slot_was_gone")
    async with play("sp5", uses_max=2, **NAMED) as s:
        await visit(s, "u1")
        await enter(s, "u2")
        s.redirector.cable.hold()
        await trio.sleep(1)
        with refused(LIMIT):
            await enter_directly(s, "u9")

        again = await s.add_redirector(redirector("sp5", **NAMED))
        await enter(s, "u3", again)

        assert (1, 2) == (uses(s), freed(s))


async def test_another_redirector_frees_nothing(autojump_clock):
    async with play("sp5", uses_max=1) as s:
        await enter(s, "u1")
        other = await s.add_redirector(redirector("sp5"))

        with refused(LIMIT):
            await enter(s, "u2", other)
        assert (1, 0) == (uses(s), freed(s))


async def test_a_stranger_with_a_known_name_frees_nothing(autojump_clock):
    async with play("sp5", uses_max=1, instance="terminal-server") as s:
        await enter(s, "u1")
        cable, proof = s.plug_in(), ClientProof("nobody", "nonce")
        name: Any = {"instance": "terminal-server", "epoch": 2**62}
        async with dialling.open_link(cable.near, **name) as (link, _):
            answer: Any = await link.request(m.SessionSetup(0, "nobody", proof.first()))
            with refused(Status.STATUS_LOGON_FAILURE):
                await link.request(m.SessionSetup(answer.session, "nobody", "c=biws,r=x,p=x"))
            assert (1, 0) == (uses(s), freed(s))


@pytest.mark.parametrize("key", ["", "a guess"])
async def test_a_user_with_a_known_name_but_no_key_is_another_redirector(autojump_clock, key):
    async with play("sp5", uses_max=1, **NAMED) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        cable = s.plug_in()
        name: Any = {"instance": NAMED["instance"], "epoch": 2**62, "key": key}
        async with dialling.open_link(cable.near, **name) as (link, _):
            await link.request(m.SessionSetup(0, "u2", ""))

            assert (1, 0) == (uses(s), freed(s))
            assert 2 == len({peer.lessee for peer in s.server.peers.values()})
            await touch(session, "a")


# --- silence ----------------------------------------------------------------------------------


async def test_a_silent_redirector_is_given_up_after_15_seconds(autojump_clock):
    async with play(uses_max=10, reconnect_max_s=0) as s:
        await at_once(enter, s, NAMES)
        s.redirector.cable.hold()

        await trio.sleep_until(14.9)
        assert 10 == uses(s)
        await trio.sleep_until(15.1)
        assert (0, 10) == (uses(s), freed(s))


async def test_an_echo_now_and_then_is_enough(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await trio.sleep(1200)

        assert (1, 0) == (uses(s), freed(s))
        assert s.requests["Echo"] + s.requests["Echoed"] >= 1200 / 7.5
        await touch(session, "a")


async def test_a_slow_link_is_not_a_silent_one(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        s.redirector.cable.delay(3.5)
        for _ in range(10):
            await touch(session, "a")
        assert (1, 0) == (uses(s), freed(s))
        s.redirector.cable.delay(0)  # a logoff would not wait so long


@pytest.mark.parametrize("seconds", [16.0, 60.0, 86_000.0])
async def test_a_process_that_was_stopped_does_not_shoot_its_peers(autojump_clock, seconds):
    async with play(uses_max=10) as s:
        sessions = await at_once(enter, s, NAMES)
        await trio.sleep(2)

        autojump_clock.jump(seconds)  # nobody ran meanwhile
        await trio.sleep(1)

        assert (10, 0) == (uses(s), freed(s))
        for session in sessions:
            await touch(session, session.user)
        assert 10 == len(s.redirector.state.sessions)


async def test_a_peer_that_stays_silent_after_the_stop_is_given_up_all_the_same(autojump_clock):
    async with play(reconnect_max_s=0) as s:
        await enter(s, "u1")
        s.redirector.cable.hold()
        autojump_clock.jump(3600)

        await trio.sleep(14.9)
        assert 1 == uses(s)
        await trio.sleep(2.7)
        assert (0, 1) == (uses(s), freed(s))


# --- strangers --------------------------------------------------------------------------------


async def dialled(s, way):
    """A negotiated link to a daemon, over which nobody logs on; when it ends, and why."""
    client = await (s.client() if way == "redirector" else s.direct_client())
    reason = await client.link.wait_lost()
    return trio.current_time(), reason


@pytest.mark.parametrize("way", ["redirector", "direct"])
async def test_whoever_does_not_log_on_in_time_is_gone(autojump_clock, way):
    async with play() as s:
        ended_at, _ = await dialled(s, way)
        assert 10.0 <= ended_at <= 10.1
        assert 0 == s.server.ledger.statistics()["uses_admitted"]


@pytest.mark.parametrize("way", ["redirector", "direct"])
async def test_talking_does_not_put_the_deadline_off(autojump_clock, way):
    async with play() as s:
        client = await (s.client() if way == "redirector" else s.direct_client())
        with pytest.raises(LinkLost):
            await talk(client.link)
        assert 10.0 <= trio.current_time() <= 10.1


async def talk(link):
    while True:
        await link.request(m.Echo())
        await trio.sleep(0.5)


@pytest.mark.parametrize(
    ("way", "request_"),
    [("redirector", m.Logon("nobody", "x")), ("direct", m.SessionSetup(0, "nobody", "y,,"))],
)
async def test_whoever_is_refused_is_a_stranger_still(autojump_clock, way, request_):
    async with play() as s:
        client = await (s.client() if way == "redirector" else s.direct_client())
        for _ in range(3):
            with refused(Status.STATUS_LOGON_FAILURE):
                await client.link.request(request_)
        await client.link.wait_lost()
        assert 10.0 <= trio.current_time() <= 10.1


async def test_a_stranger_may_not_connect(autojump_clock):
    async with play() as s:
        client, direct = await s.client(), await s.direct_client()
        with refused(Status.STATUS_USER_SESSION_DELETED):
            await client.link.request(m.Connect(1, "server", SHARE))
        with refused(Status.STATUS_USER_SESSION_DELETED):
            await direct.link.request(m.TreeConnect(1, SHARE))


@pytest.mark.parametrize("strangers", [2, 5])
async def test_there_may_be_so_many_strangers(autojump_clock, log, strangers):
    log.expect("link_refused")
    options = {"server_options": {"strangers_max": strangers}, "strangers_max": strangers}
    async with play(**options) as s:
        for dial in (s.client, s.direct_client):
            for _ in range(strangers):
                await dial()
            with pytest.raises(Exception, match="STATUS_CONNECTION_DISCONNECTED"):
                await dial()
        await trio.sleep(13)
        await enter(s, "u1")


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x7f\xff\xff\xff\0\0\0\0",
        b"\0\0\0\1\0\0\0\0\xc0",
        bytes(99),
    ],
    ids=["http", "two GiB", "no array", "zeros"],
)
async def test_garbage_costs_the_link_it_came_over_only(autojump_clock, garbage):
    async with play() as s:
        session = await enter(s, "u1")
        for plug_in in (s.plug_in, functools.partial(s.plug_in, s.redirector)):
            cable = plug_in()
            await cable.near.send_all(garbage)
            assert b"" == await cable.near.receive_some()
        await touch(session, "a")
