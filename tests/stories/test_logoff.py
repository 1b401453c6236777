"""What a logoff does and proves: everything is given back once, nothing of others is touched,
and it ends in time whatever the server does.
"""

import math
from contextlib import suppress
from typing import Any

import pytest
import trio

from clients.errors import SessionError
from redird.presets import NEVER, PRESETS
from redird.wire import messages as m
from redird.wire.status import Status
from tests.playbook import (
    ALL_PRESETS,
    at,
    enter,
    enter_directly,
    freed,
    play,
    read,
    refused,
    sends,
    touch,
    uses,
)

FILE_CLOSED = Status.STATUS_FILE_CLOSED
TAKES = [name for name in ALL_PRESETS if PRESETS[name].expects.takes_others_handles]
SPARES = [name for name in ALL_PRESETS if name not in TAKES]


class Ending:
    """A logoff under way."""

    ended_at: float | None = None
    proof: Any = None

    def __init__(self, nursery, session):
        nursery.start_soon(self._run, session)

    async def _run(self, session):
        self.proof = await session.logoff()
        self.ended_at = trio.current_time()


async def with_names(s, count, **options):
    """A session with so many dormant files."""
    session = await enter(s, "u1")
    await touch(session, *(f"file{number}" for number in range(count)))
    return session


# --- a batch is on the wire when the logoff lands ---------------------------------------------


async def test_a_logoff_during_a_batch_waits_until_it_is_confirmed(autojump_clock):
    async with play("sp6", uses_max=1) as s, trio.open_nursery() as nursery:
        session = await with_names(s, 3)
        s.redirector.cable.down.hold("BatchClosed")
        await trio.sleep_until(31)
        assert (0, 1) == (len(s.server.handles), uses(s))  # closed there, but not known here

        with sends(s):
            ending = Ending(nursery, session)
            await trio.sleep_until(33)
        assert (None, 1) == (ending.ended_at, uses(s))
        with sends(s, TreeDisconnect=1, Logoff=1):
            s.redirector.cable.release()
            await trio.sleep_until(34)

        assert (33.0, ()) == (ending.ended_at, ending.proof.residue)
        assert (0, 1) == (uses(s), freed(s))
        assert 3 == s.redirector.state.statistics()["files_closed"]


async def test_sp5_leaves_during_a_batch_and_releases_once_when_it_is_confirmed(
    autojump_clock,
):
    async with play("sp5", uses_max=1) as s, trio.open_nursery() as nursery:
        session = await with_names(s, 3)
        s.redirector.cable.down.hold("BatchClosed")
        await trio.sleep_until(31)

        with sends(s, QueryUses=1):
            ending = Ending(nursery, session)
            await trio.sleep_until(33)
        assert (31.0, 1) == (ending.ended_at, uses(s))
        with sends(s, TreeDisconnect=1, Logoff=1):
            s.redirector.cable.release()
            await trio.sleep_until(34)

        assert (0, 1) == (uses(s), freed(s))


async def test_a_file_may_not_be_reopened_while_it_closes(autojump_clock):
    async with play() as s:
        session = await with_names(s, 1)
        s.redirector.cable.down.hold("BatchClosed")
        await trio.sleep_until(31)

        with sends(s, Create=1, Read=1):
            assert "of u1" == await read(session, "file0")


# --- others' files ----------------------------------------------------------------------------


@pytest.mark.parametrize("preset", SPARES)
async def test_a_logoff_never_takes_a_live_handle_of_another(autojump_clock, preset):
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        async with first.open(at("a")), second.open(at("a"), "r+") as file:
            await first.logoff()

            assert "of u1" == await file.read()
            await file.write(" and u2")
        await trio.sleep(60)
        assert "of u1 and u2" == await read(second, "a")


@pytest.mark.parametrize("preset", TAKES)
async def test_where_handles_are_shared_the_openers_logoff_takes_it(autojump_clock, preset):
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        async with first.open(at("a")), second.open(at("a")) as file:
            assert "of u1" == await file.read()
            await first.logoff()

            for use in (file.binary.read, file.binary.stat):
                with refused(FILE_CLOSED):
                    await use()
        assert "of u1" == await read(second, "a")  # opened anew


@pytest.mark.parametrize("preset", TAKES)
async def test_a_shared_handle_stays_when_another_than_the_opener_goes(autojump_clock, preset):
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        async with first.open(at("a")) as file, second.open(at("a")):
            await second.logoff()

            assert "of u1" == await file.read()


@pytest.mark.parametrize("held", ["", "DataWritten"])
@pytest.mark.parametrize("preset", TAKES)
async def test_a_shared_handle_its_last_user_left_open_is_closed_in_time(
    autojump_clock, log, preset, held
):
    log.expect("slot_was_gone")
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        async with first.open(at("a")) as file, second.open(at("a")):
            async with second.open(at("b"), "w") as own:
                await file.aclose()
                await own.write("deferred")
                s.redirector.cable.down.hold(held)
                await second.logoff()
            s.redirector.cable.release()
        await trio.sleep(60)

        assert 0 == len(s.server.handles)


@pytest.mark.parametrize("preset", SPARES)
async def test_what_the_first_left_dormant_is_not_the_seconds_to_lose(autojump_clock, preset):
    async with play(preset) as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a", mode="a")
        async with second.open(at("a"), "a") as file:
            await first.logoff()
            await trio.sleep(60)

            await file.write(" and u2")
        assert "of u1 and u2" == await read(second, "a")


# --- what it costs ----------------------------------------------------------------------------


@pytest.mark.parametrize("batch_max", [64, 1])
@pytest.mark.parametrize("count", [0, 1, 64, 65, 130])
async def test_a_logoff_costs_its_batches_and_two_requests(autojump_clock, count, batch_max):
    policy = {"dormant_files_max": 200, "batch_max": batch_max}
    async with play(policy=policy) as s:
        session = await with_names(s, count)
        batches = math.ceil(count / batch_max)
        closes = {"CloseBatch": batches} if batches else {}

        with sends(s, TreeDisconnect=1, Logoff=1, **closes):
            proof = await session.logoff()

        assert batches + 2 == proof.requests_sent
        assert (count, ()) == (proof.handles_closed, proof.residue)


async def test_files_left_open_are_closed_too(autojump_clock):
    async with play() as s:
        session = await with_names(s, 2)
        async with session.open(at("file0"), "r+") as file:
            await file.write("left open")

            with sends(s, Write=1, CloseBatch=1, TreeDisconnect=1, Logoff=1):
                proof = await session.logoff()
            assert (3, 0) == (proof.handles_closed, len(s.server.handles))
            with pytest.raises(Exception, match="STATUS_"):
                await file.read()
            s.cable(session.client).cut()


async def test_sp3_logs_off_whatever_is_open(autojump_clock):
    async with play("sp3") as s:
        session = await with_names(s, 2)
        with sends(s, Logoff=1):
            proof = await session.logoff()

        [share] = proof.shares
        assert (1, 0, 2) == (share.uses_before, share.uses_after, share.handles_closed)
        assert (2, 1, ()) == (proof.handles_closed, proof.requests_sent, proof.residue)


async def test_a_proof_counts_the_uses_of_others(autojump_clock):
    async with play() as s:
        sessions = [await enter(s, user) for user in ("u1", "u2", "u3")]

        proofs = [(await session.logoff()).shares[0] for session in sessions]
        assert [(3, 2), (2, 1), (1, 0)] == [(p.uses_before, p.uses_after) for p in proofs]


async def test_a_session_logs_off_once(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await with_names(s, 1)
        s.redirector.cable.delay(0.1)
        Ending(nursery, session)
        await trio.sleep(0.05)

        with refused(Status.STATUS_USER_SESSION_DELETED):
            await session.client.logon("u1")  # a link may carry another session meanwhile
            await touch(session, "a")
        await trio.sleep(1)
        assert 1 == freed(s)


# --- it is bounded ----------------------------------------------------------------------------


async def test_without_an_answer_to_the_batch_the_tree_goes_all_the_same(autojump_clock):
    async with play("sp6", uses_max=1) as s, trio.open_nursery() as nursery:
        session = await with_names(s, 3)
        s.redirector.cable.down.hold("BatchClosed")

        with sends(s, CloseBatch=2, TreeDisconnect=1, Logoff=1):  # the batch is sent again
            ending = Ending(nursery, session)
            await trio.sleep(9.9)
            assert (None, 1) == (ending.ended_at, uses(s))
            await trio.sleep(0.2)

        assert (10.0, 0, 1) == (ending.ended_at, uses(s), freed(s))
        assert ("server\\docs: 3 files not closed within 10 s",) == ending.proof.residue
        [share] = ending.proof.shares
        assert (1, 0, True) == (share.uses_before, share.uses_after, share.disconnected)


async def test_what_is_not_left_in_time_is_told_though_no_file_was(autojump_clock, log):
    log.expect("slot_was_gone")
    async with play("sp6", uses_max=1) as s:
        session = await enter(s, "u1")
        s.redirector.cable.down.hold("TreeDisconnected")

        proof = await session.logoff()
        assert "server\\docs: not left within 10 s" == proof.residue[0]
        s.redirector.cable.release()


async def test_a_silent_server_does_not_hold_up_a_logoff(autojump_clock, log):
    log.expect("close_batch_failed", "slot_was_gone")
    async with play("sp6", server_silence_max_s=14) as s, trio.open_nursery() as nursery:
        session = await with_names(s, 3)
        s.redirector.cable.hold()
        ending = Ending(nursery, session)
        await trio.sleep_until(12.1)

        assert 12.0 == ending.ended_at
        assert ending.proof.residue[0].startswith("server\\docs: 3 files not closed")
        assert () == ending.proof.shares  # nothing is proven
        await trio.sleep_until(20)  # the link is given up, the server frees everything
        assert (0, 1) == (uses(s), freed(s))


async def test_a_lost_link_makes_a_logoff_short(autojump_clock, log):
    log.expect("close_batch_failed", "slot_was_gone")
    async with play("sp6") as s:
        session = await with_names(s, 3)
        s.redirector.cable.cut()

        proof = await session.logoff()
        await trio.testing.wait_all_tasks_blocked()  # the server sees it too
        assert (0, 1, ()) == (uses(s), freed(s), proof.shares)


async def test_the_next_user_is_admitted_whatever_was_left(autojump_clock):
    async with play("sp6", uses_max=1) as s:
        session = await with_names(s, 3)
        s.redirector.cable.down.hold("BatchClosed")
        await session.logoff()
        s.redirector.cable.release()

        second = await enter(s, "u2")
        await touch(second, "file0", "file1")
        assert (1, 1) == (uses(s), freed(s))


# --- whoever asked for it leaves --------------------------------------------------------------


LATE = [(preset, "DataWritten") for preset in ALL_PRESETS]
LATE += [("sp6", held) for held in ("BatchClosed", "TreeDisconnected", "LoggedOff")]


@pytest.mark.parametrize(("preset", "held"), LATE)
async def test_a_logoff_goes_on_though_its_program_is_gone(autojump_clock, log, preset, held):
    log.expect("slot_was_gone")  # given back, and nobody heard the answer
    async with play(preset) as s:
        session = await enter(s, "u1")
        with suppress(SessionError):
            async with session.open(at("a"), "w") as file:
                await file.write("deferred")
                s.redirector.cable.down.hold(held)
                with trio.move_on_after(0.5):
                    await session.logoff()
                session.client.link.close("its program is gone")
        await trio.sleep(0.5)
        s.redirector.cable.release()
        await trio.sleep(700)

        left = s.redirector.state.statistics()
        assert (0, 0) == (left["sessions"], left["opens"])
        assert PRESETS[preset].policy.release_left == NEVER or 0 == uses(s)
        assert "deferred" == await read(await enter(s, "u2"), "a")


async def test_a_program_goes_while_attributes_are_asked_for_its_open(autojump_clock):
    """Its logoff has ended the open before the asking is cancelled: that is no failure."""
    async with play() as s:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(other, "a")
        with suppress(SessionError):
            async with session.open(at("a"), "r+"):
                await touch(other, "a", mode="a")  # what is known of it is called back
                s.redirector.cable.down.hold("InfoFound")
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(fails, session.open(at("a"), "r+").__aenter__)
                    await trio.sleep(0.5)
                    session.client.link.send(m.Logoff(session.number), lambda _: None)
                    session.client.link.close("its program is gone")
        await trio.sleep(40)

        assert (1, 0) == (uses(s), len(s.server.handles))


async def fails(ask, *args):
    with pytest.raises(SessionError):
        await ask(*args)
