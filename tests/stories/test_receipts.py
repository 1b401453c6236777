"""What a refusal leaves: who held the slots at its instant, and whether that was right.

The clients of each story know who is live; the receipt must say the same.
"""

from contextlib import AsyncExitStack

import pytest
import trio

from redird.wire.status import Status
from tests.playbook import (
    SHARE,
    at,
    enter,
    enter_directly,
    play,
    redirector,
    refused,
    states,
    touch,
    visit,
)

LIMIT = Status.STATUS_REQUEST_NOT_ACCEPTED


async def refusal(s, user="u9", through=None):
    """Let a user be refused; returns the receipt as the user gets it."""
    client = await s.client(through)
    session = await client.logon(user)
    with refused(LIMIT) as caught:
        await session.connect("server", SHARE)
    receipt = await client.receipt(caught.value.receipt)
    await session.logoff()
    return receipt


def count(receipt):
    return receipt["live"], receipt["ghosts"], receipt["unknown"]


def would_admit(receipt):
    return receipt["sp6_would_admit"], receipt["recall_would_admit"]


# --- verdicts ---------------------------------------------------------------------------------


async def test_a_share_full_of_people_is_genuine(autojump_clock):
    async with play("sp5", uses_max=3) as s, AsyncExitStack() as files:
        for user in ("u1", "u2", "u3"):
            session = await enter(s, user)
            await files.enter_async_context(session.open(at(user), "w"))

        receipt = await refusal(s)

        assert ("genuine", (3, 0, 0)) == (receipt["verdict"], count(receipt))
        assert {"live": 3} == states(receipt)
        assert [1, 1, 1] == [holder["open_files"] for holder in receipt["holders"]]
        assert (False, False) == would_admit(receipt)
        assert receipt["earliest_release_s"] is None


async def test_people_who_only_keep_dormant_files_could_be_recalled(autojump_clock):
    async with play("sp5", uses_max=2) as s:
        for user in ("u1", "u2"):
            await touch(await enter(s, user), user, f"{user} too")

        receipt = await refusal(s)

        assert ("genuine", (2, 0, 0)) == (receipt["verdict"], count(receipt))
        assert {"dormant_only": 2} == states(receipt)
        assert [2, 2] == [holder["dormant_files"] for holder in receipt["holders"]]
        assert (False, True) == would_admit(receipt)


async def test_one_ghost_among_people_is_spurious(autojump_clock):
    async with play("sp5", uses_max=3) as s:
        await enter(s, "u1")
        await visit(s, "u2")
        await enter(s, "u3")
        await trio.sleep(7)

        receipt = await refusal(s)

        assert ("spurious", (2, 1, 0)) == (receipt["verdict"], count(receipt))
        assert ["u1", "u2", "u3"] == [holder["user"] for holder in receipt["holders"]]
        assert [False, True, False] == [holder["ghost"] for holder in receipt["holders"]]
        assert [7.0] * 3 == [holder["since_s"] for holder in receipt["holders"]]
        assert (True, True) == would_admit(receipt)
        assert 23.0 == receipt["earliest_release_s"]


async def test_people_who_come_directly_are_live(autojump_clock):
    async with play("sp5", uses_max=2) as s:
        await enter_directly(s, "u1")
        await enter_directly(s, "u2")

        receipt = await refusal(s)

        assert ("genuine", (2, 0, 0)) == (receipt["verdict"], count(receipt))
        assert {"live": 2} == states(receipt)


async def test_whoever_comes_directly_gets_a_receipt_too(autojump_clock):
    async with play("sp5", uses_max=1) as s:
        await visit(s, "u1")
        client = await s.direct_client()
        session = await client.logon("u2")
        with refused(LIMIT, uses=1, uses_max=1) as caught:
            await session.connect("server", SHARE)

        receipt = await client.receipt(caught.value.receipt)
        assert ("spurious", (0, 1, 0)) == (receipt["verdict"], count(receipt))


# --- redirectors that do not answer -----------------------------------------------------------


@pytest.mark.parametrize("uses_max", [2, 3])
async def test_a_silent_redirectors_users_are_unknown(autojump_clock, uses_max):
    async with play("sp5", uses_max=uses_max) as s:
        silent = await s.add_redirector(redirector("sp5"))
        await enter(s, "u1")
        for number in range(2, uses_max + 1):
            await enter(s, f"u{number}", silent)
        silent.cable.hold()
        began = trio.current_time()

        receipt = await refusal(s)

        assert ("undecided", (1, 0, uses_max - 1)) == (receipt["verdict"], count(receipt))
        assert 0.5 == trio.current_time() - began
        assert receipt["complete"]


async def test_ghosts_enough_are_spurious_whatever_the_silent_one_holds(autojump_clock):
    async with play("sp5", uses_max=3) as s:
        silent = await s.add_redirector(redirector("sp5"))
        await visit(s, "u1")
        await enter(s, "u2", silent)
        await visit(s, "u3")
        silent.cable.hold()

        receipt = await refusal(s)

        assert ("spurious", (0, 2, 1)) == (receipt["verdict"], count(receipt))
        assert receipt["sp6_would_admit"] is True


async def test_a_redirector_slower_than_the_wait_is_silent(autojump_clock):
    options = {"receipt_wait_s": 0.3}
    for delay_s, unknown in ((0.1, 0), (0.2, 1)):
        async with play("sp5", uses_max=1, server_options=options) as s:
            slow = await s.add_redirector(redirector("sp5"))
            await enter(s, "u1", slow)
            slow.cable.delay(delay_s)

            assert unknown == (await refusal(s))["unknown"]


async def test_a_logoff_while_the_question_is_under_way_leaves_the_verdict_open(
    autojump_clock,
):
    """Whether it was before the refusal or after: the answer took longer than it was ago."""
    async with play("sp5", uses_max=1, server_options={"receipt_wait_s": 2.0}) as s:
        slow = await s.add_redirector(redirector("sp5"))
        session = await enter(s, "u1", slow)
        await touch(session, "a")
        slow.cable.down.hold("DescribeUses")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(let_it_log_off, session, slow)

            receipt = await refusal(s)

        assert ("undecided", (0, 0, 1)) == (receipt["verdict"], count(receipt))
        [holder] = receipt["holders"]
        assert ("orphan", None) == (holder["state"], holder["ghost"])


async def let_it_log_off(session, slow):
    await trio.sleep(0.5)
    await session.logoff()
    await trio.sleep(0.5)
    slow.cable.release()


async def test_a_slot_freed_meanwhile_is_unknown_to_its_redirector(autojump_clock):
    async with play("sp6", uses_max=1, server_options={"receipt_wait_s": 2.0}) as s:
        slow = await s.add_redirector(redirector("sp6"))
        session = await enter(s, "u1", slow)
        slow.cable.down.hold("DescribeUses")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(let_it_log_off, session, slow)

            receipt = await refusal(s)

        assert ("undecided", (0, 0, 1)) == (receipt["verdict"], count(receipt))


# --- whose receipt it is ----------------------------------------------------------------------


async def test_each_refusal_has_a_receipt_of_its_own(autojump_clock):
    async with play("sp5", uses_max=1) as s:
        await visit(s, "u1")
        receipts = [await refusal(s, user) for user in ("u2", "u3", "u2")]

        assert [1, 2, 3] == [receipt["number"] for receipt in receipts]
        assert ["u2", "u3", "u2"] == [receipt["user"] for receipt in receipts]


async def test_nobody_else_gets_it(autojump_clock):
    async with play("sp5", uses_max=1) as s:
        await visit(s, "u1")
        receipt = await refusal(s)
        other = await s.add_redirector(redirector("sp5"))
        through = await enter_nowhere(s, other)

        for client in (through, await s.direct_client()):
            await client.logon("u2")
            with refused(Status.STATUS_NOT_FOUND):
                await client.receipt(receipt["number"])


async def enter_nowhere(s, through):
    client = await s.client(through)
    await client.logon("u8")
    return client


async def test_a_receipt_nobody_has_given(autojump_clock):
    async with play("sp5") as s:
        session = await enter(s, "u1")
        with refused(Status.STATUS_NOT_FOUND):
            await session.client.receipt(17)


async def test_with_a_link_each_the_refused_ask_over_their_own(autojump_clock):
    async with play("sp5", uses_max=1, link_per_session=True) as s:
        await visit(s, "u1")
        for user in ("u2", "u3"):
            receipt = await refusal(s, user)
            assert (user, "spurious") == (receipt["user"], receipt["verdict"])
