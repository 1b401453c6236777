"""A link is cut at every message of a visit in turn: the places nobody thought of."""

from contextlib import suppress

import pytest

from clients.errors import SessionError
from tests.playbook import at, enter, play, read, touch


@pytest.mark.parametrize("preset", ["sp3", "sp5", "w2k"])
@pytest.mark.parametrize("end", ["client", "upstream"])
async def test_a_link_lost_in_every_place_is_survived(autojump_clock, log, preset, end):
    """Cut a link at each message of a visit in turn: nothing is left, everybody goes on."""
    log.expect("close_batch_failed", "slot_was_gone", "uses_unknown")
    async with play(preset, uses_max=2) as s:
        for way in ("up", "down"):
            cuts = 0
            while await is_cut_in_a_visit(s, end, way, cuts + 1):
                cuts += 1
            assert 10 < cuts < 30


async def is_cut_in_a_visit(s, end, way, nth):
    """Cut a link at the nth message to or from the server; whether there were so many."""
    session = await enter(s, "u1")
    upstream, names = s.redirector.cable, []
    cable = upstream if end == "upstream" else s.cable(session.client)

    def cut_at(name):
        names.append(name)
        if len(names) == nth:
            cable.cut()

    getattr(upstream, way).on_arrival = cut_at
    with suppress(SessionError):
        await touch(session, "a", "b")
        await read(session, "a")
        await touch(session, "b")
        await session.unlink(at("b"))
    with suppress(SessionError):
        await session.logoff()
    session.client.link.close("gone home")
    assert {} == await s.wait_left()
    getattr(upstream, way).on_arrival = names.append
    return len(names) >= nth
