"""Q248371: users who log off and on again are refused "despite there appearing to be less users
than the limit connected", because files were dormant at their logoff. SP5 does, SP6 does not.
"""

import pytest
import trio

from redird.wire.status import Status
from tests.playbook import (
    at,
    at_once,
    enter,
    freed,
    play,
    refused,
    sends,
    states,
    touch,
    uses,
    visit,
)

THREE = ("u1", "u2", "u3")
LIMIT = Status.STATUS_REQUEST_NOT_ACCEPTED


async def refusal(s, user):
    """Let a user log on who is to be refused; returns the receipt."""
    with refused(LIMIT) as caught:
        await enter(s, user)
    return await (await s.client()).receipt(caught.value.receipt)


@pytest.mark.parametrize("preset", ["sp4", "sp5"])
async def test_sp5_refuses_the_very_users_who_have_just_logged_off(autojump_clock, preset):
    async with play(preset, uses_max=3) as s:
        for user in THREE:
            await visit(s, user)

        receipts = await at_once(refusal, s, THREE)

        assert 0 == len(s.redirector.state.sessions)
        for receipt in receipts:
            assert "spurious" == receipt["verdict"]
            assert (0, 3, 0) == (receipt["live"], receipt["ghosts"], receipt["unknown"])
            assert THREE == tuple(holder["user"] for holder in receipt["holders"])
            assert {"orphan": 3} == states(receipt)
            assert receipt["sp6_would_admit"] is True
            assert receipt["recall_would_admit"] is True


async def test_a_ghost_says_what_pins_it_and_which_timer_frees_it(autojump_clock):
    async with play("sp5", uses_max=1) as s:
        await trio.sleep(2)
        await visit(s, "u1")  # dormant until 32, so closed at the tick at 35
        await trio.sleep(3)

        [ghost] = (await refusal(s, "u2"))["holders"]

        assert 1 == ghost["dormant_files"]
        assert 3.0 == ghost["oldest_dormant_s"]
        assert 30.0 == ghost["release_in_s"]
        assert "dormant_age_max_s" == ghost["release_by"]


async def test_sp5_frees_the_slots_at_the_first_tick_after_the_dormant_age(autojump_clock):
    async with play("sp5", uses_max=3) as s:
        await trio.sleep(2)
        for user in THREE:
            await visit(s, user)
        await trio.sleep_until(34.9)
        assert 3 == uses(s)

        await trio.sleep_until(35.1)

        assert (0, 3) == (uses(s), freed(s))
        for user in THREE:
            await enter(s, user)
        assert 3 == uses(s)


async def test_sp5_gives_the_slot_back_at_once_if_nothing_was_dormant(autojump_clock):
    async with play("sp5", uses_max=1) as s:
        for _ in range(3):
            session = await enter(s, "u1")
            proof = await session.logoff()

            assert [(1, 0, True)] == [
                (share.uses_before, share.uses_after, share.disconnected)
                for share in proof.shares
            ]
            assert () == proof.residue


async def test_sp5_answers_success_and_says_what_it_left(autojump_clock):
    async with play("sp5", uses_max=3) as s:
        proof = await visit(s, "u1")

        [share] = proof.shares
        assert (1, 1, False) == (share.uses_before, share.uses_after, share.disconnected)
        assert (
            "server\\docs: the connection is left, with its slot: 1 dormant file",
        ) == proof.residue


@pytest.mark.parametrize("preset", ["sp6", "win10", "cifs-1s", "cifs-5s", "macos-30", "w2k"])
async def test_sp6_never_refuses(autojump_clock, preset):
    async with play(preset, uses_max=3) as s:
        for _ in range(10):
            proofs = await at_once(visit, s, THREE)

            assert [()] * 3 == [proof.residue for proof in proofs]
            assert 0 == uses(s)


@pytest.mark.parametrize("seconds", [600.0, 60.0])
async def test_released_after_keep_connection(autojump_clock, seconds):
    policy = {"release_left": "after_keep_connection_s", "keep_connection_s": seconds}
    async with play("sp5", uses_max=1, policy=policy) as s:
        await visit(s, "u1")
        receipt = await refusal(s, "u2")
        assert seconds == receipt["holders"][0]["release_in_s"]
        assert "after_keep_connection_s" == receipt["holders"][0]["release_by"]

        await trio.sleep_until(seconds - 0.1)
        assert (1, 0) == (uses(s), len(s.server.handles))  # no file is open, yet it is counted

        await trio.sleep_until(seconds + 0.1)
        assert (0, 1) == (uses(s), freed(s))


async def test_a_kept_connection_does_not_keep_the_scavenger_from_later_files(autojump_clock):
    policy = {"release_left": "after_keep_connection_s", "keep_connection_s": 200.0}
    async with play("sp5", policy=policy) as s:
        await visit(s, "u1")
        await trio.sleep_until(50)  # the next deadline known is now the one at 200

        session = await enter(s, "u2")
        await touch(session, "a")
        await trio.sleep_until(79)
        assert 1 == len(s.server.handles)
        with sends(s, CloseBatch=1):
            await trio.sleep_until(81)


async def test_never_released_until_the_redirector_goes(autojump_clock):
    async with play("sp5", uses_max=1, policy={"release_left": "never"}) as s:
        await visit(s, "u1")
        await trio.sleep(600)

        assert (1, 0) == (uses(s), len(s.server.handles))
        [ghost] = (await refusal(s, "u2"))["holders"]
        assert (None, "never") == (ghost["release_in_s"], ghost["release_by"])

        s.redirector.cable.cut()
        await trio.sleep(0.1)
        assert (0, 1) == (uses(s), freed(s))


async def test_an_orphan_is_never_used_by_the_same_users_next_session(autojump_clock):
    async with play("sp5", uses_max=2) as s:
        await visit(s, "u1", "a")

        with sends(s, SessionSetup=1, TreeConnect=1, Create=1):
            session = await enter(s, "u1")
            async with session.open(at("a")):
                assert 2 == uses(s)
