"""What a trial looks for inside: it is not there on a stage at work, and is seen when it is."""

import pytest
import trio

from clients.lab.simulating.agreeing import Seen
from clients.lab.simulating.invariants import ALWAYS
from clients.lab.staging.stage import Stage
from redird.wire.link import Link
from shareserver.durable import Owner
from tests.playbook import SHARE, at, enter, play, touch

LONG_S = 20.0  # when peers are asked for a sign of life, which is nothing
OPTIONS = {
    "durable_age_max_s": 90.0,
    "grace_s": 60.0,
    "peer_silence_max_s": 9.0,
    "echo_s": 3.0,
    "journal": ":memory:",
}


def broken(s: Stage, seen: Seen) -> dict[str, list[str]]:
    """What is broken, by the invariant that says so."""
    found = {name: list(invariant(s, seen)) for name, invariant in ALWAYS.items()}
    return {name: lines for name, lines in found.items() if lines}


def a_session_is_forgotten(s, monkeypatch):
    (session,) = s.redirector.state.sessions.all()
    session.upstream.clear()


def a_handle_is_forgotten(s, monkeypatch):
    table = s.redirector.state.connections
    (opened,) = (one for held in table.all() for one in held.opens.values())
    table.drop_open(opened)


def what_was_not_wanted_is_kept(s, monkeypatch):
    (use,) = s.server.ledger.all()
    (handle,) = (one for one in s.server.handles.of_tree(use.number) if one.path == "open")
    owner = Owner(handle.lessee, use.user, use.share)
    s.server.durable.keep(use.number, owner, [handle.number], trio.current_time())


def a_slot_is_given_twice(s, monkeypatch):
    s.server.grace.expect(99, Owner("another", "u2", SHARE), 0)


def a_lease_goes_without_what_it_licensed(s, monkeypatch):
    for file in s.redirector.state.connections.files_of("server"):
        file.lease = 0


def nobody_judges_silence(s, monkeypatch):
    monkeypatch.setattr(Link, "judge_silence", lambda *_: None)
    (cable,) = s.redirector.cables
    cable.hold()


SABOTAGE = {
    a_session_is_forgotten: "both sides agree",
    a_handle_is_forgotten: "nothing is open for nobody",
    what_was_not_wanted_is_kept: "both sides agree",
    a_slot_is_given_twice: "grace keeps slots",
    a_lease_goes_without_what_it_licensed: "what is kept is licensed",
    nobody_judges_silence: "the silent are given up",
}


@pytest.mark.parametrize("sabotage", SABOTAGE)
async def test_what_is_broken_is_seen_and_nothing_else(
    autojump_clock, monkeypatch, log, sabotage
):
    log.expect("close_batch_failed", "slot_was_gone")
    seen, found = Seen(), {}
    with trio.CancelScope() as torn:  # what is broken is not to be cleared up
        async with play(uses_max=1, server_options=OPTIONS) as s:
            session = await enter(s, "u1")
            await touch(session, "open")
            async with session.open(at("open")) as file:
                await file.read()
                for _ in range(2):
                    assert {} == broken(s, seen)
                    await trio.sleep(LONG_S)
                sabotage(s, monkeypatch)
                broken(s, seen)  # for a moment some of it may be so
                await trio.sleep(LONG_S)
                found = broken(s, seen)
                torn.cancel()
                await trio.lowlevel.checkpoint()

    assert [SABOTAGE[sabotage]] == list(found)
