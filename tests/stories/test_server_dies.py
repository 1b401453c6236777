"""The share server dies under redirectors and their users: they see a pause, and go on.

Here its journal is kept, so that it knows at its next start what anybody was told.
"""

import pytest
import trio

from redird.wire.status import Status
from tests.playbook import at, enter, enter_directly, play, read, refused, touch, uses
from tests.stories.test_journal import kept

PRESETS = ("sp5", "sp6", "win10", "recall")


async def die(s, down_s=0.5):
    await s.kill_server()
    await trio.sleep(down_s)
    await s.restart_server()


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_session_goes_on_with_what_it_has_open(preset, autojump_clock):
    async with play(preset, uses_max=2, server_options={"journal": "kept"}) as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "w") as file:
            await file.write("before ")
            await file.flush()
            await die(s)
            await file.write("after")
        assert "before after" == await read(session, "a")
        assert 1 == uses(s)
        await session.logoff()


async def test_no_newcomer_has_the_slot_of_a_session_at_work(autojump_clock):
    async with play(uses_max=1, server_options={"journal": "kept"}) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await s.kill_server()
        await s.restart_server()
        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED):
            await enter_directly(s, "u2")
        assert "of u1" == await read(session, "a")
        assert 1 == uses(s)


async def test_all_sessions_are_back_at_once(autojump_clock):
    async with kept(uses_max=20) as s:
        sessions = [await enter(s, f"u{number}") for number in range(1, 21)]
        for number, session in enumerate(sessions):
            await touch(session, f"f{number}")
        began = trio.current_time()
        await die(s, 0.0)
        for number, session in enumerate(sessions):
            await touch(session, f"f{number}", mode="a")
        assert 20 == uses(s)
        assert 5.0 > trio.current_time() - began
        assert not s.server.grace
        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED):
            await enter_directly(s, "u60")


async def test_a_lease_holds_across_the_death(autojump_clock):
    """What is dormant is reopened without asking, or asked for anew: never wrongly."""
    async with play("win10", server_options={"journal": "kept"}) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await die(s)
        other = await enter_directly(s, "u2")
        async with other.open(at("a"), "w") as file:
            await file.write("changed")
        assert "changed" == await read(session, "a")
