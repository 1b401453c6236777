"""Many at once: the limit holds exactly, whatever the order and the links, and a thousand
sessions through one redirector leave nothing behind.
"""

from contextlib import suppress
from random import Random

import pytest
import trio

from clients.errors import ConnectRefused
from redird.wire.status import Status
from tests.playbook import (
    USERS,
    admitted,
    at_once,
    enter,
    enter_directly,
    freed,
    play,
    redirector,
    refused,
    touch,
    uses,
)


async def crowd(s, seed, enterings):
    """Let users connect at once in some order, each over a link of some speed; who got in."""
    random = Random(seed)
    users = random.sample(USERS, 40)
    lags = {user: random.choice((0.0, 0.001, random.random())) for user in users}
    ways = {user: random.choice(enterings) for user in users}

    async def try_to_enter(s, user):
        await trio.sleep(lags[user])
        try:
            return await ways[user](s, user)
        except ConnectRefused:
            return None

    for cable in (one.cable for one in s.redirectors if one.upstream):
        cable.delay(random.choice((0.0, 0.01, 0.1)))
    return [session for session in await at_once(try_to_enter, s, users) if session]


@pytest.mark.parametrize("recall_wait_s", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(3))
async def test_forty_at_once_on_a_limit_of_ten_admit_ten(autojump_clock, seed, recall_wait_s):
    options = {"recall_wait_s": recall_wait_s}
    async with play("recall", uses_max=10, seed=seed, server_options=options) as s:
        other = await s.add_redirector(redirector("recall"))

        async def through_the_other(s, user):
            return await enter(s, user, other)

        ways = [enter, through_the_other, enter_directly]
        for _ in range(2):
            inside = await crowd(s, seed, ways)
            assert (10, 10) == (len(inside), uses(s))
            for session in inside:
                await session.logoff()
            assert 0 == uses(s)


@pytest.mark.parametrize("seed", range(2))
async def test_users_who_come_and_go_never_exceed_the_limit(autojump_clock, seed):
    async with play("sp5", uses_max=10, seed=seed) as s:
        random, most = Random(seed), []

        async def come_and_go(s, user):
            for _ in range(4):
                await trio.sleep(random.random() * 20)
                client = await s.client()
                with suppress(ConnectRefused):
                    session = await admitted(client, user)
                    await touch(session, *random.sample("abcdef", random.randrange(3)))
                    await trio.sleep(random.random() * 20)
                    most.append(uses(s))
                    await session.logoff()
                    s.validate()
                client.link.close("gone home")

        await at_once(come_and_go, s, USERS[:30])

        assert 10 == max(most)
        counted = s.server.ledger.statistics()
        assert counted["uses"] == counted["uses_admitted"] - counted["uses_released"] <= 10


async def test_a_thousand_sessions_through_one_redirector(autojump_clock):
    users = [f"user{number}" for number in range(1000)]
    async with play("sp6", uses_max=1000, server_options={"users": users}) as s:
        clients = [await s.client() for _ in range(50)]

        async def log_on(s, user):
            return await admitted(clients[int(user[4:]) % len(clients)], user)

        sessions = await at_once(log_on, s, users)
        assert (1000, 1000) == (uses(s), len(s.redirector.state.sessions))
        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED, uses=1000):
            await enter(s, "user0")

        for session in sessions[::100]:
            await touch(session, session.user)
        async with trio.open_nursery() as nursery:
            for session in sessions:
                nursery.start_soon(session.logoff)

        assert {} == s.leftovers()
        assert 1000 == freed(s)
