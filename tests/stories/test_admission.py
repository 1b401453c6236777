"""The way to a slot: never one too many, first come first served, and nothing is leaked."""

import pytest
import trio

from shareserver.admission import Admission, Applicant
from shareserver.ledger import ConnectionLedger
from shareserver.shares import Share

WAIT_S = 2.0


class Door:
    """A share's limit, with holders who give back what a recall asks for.

    `gives` maps the round of asking to the uses given back in it; an answer takes `answer_s`.
    """

    def __init__(self, uses_max, *, recall_wait_s=0.0, answer_s=0.1, gives=None):
        self.ledger = ConnectionLedger()
        self.share = Share("docs", "/srv/docs", uses_max)
        self.admission = Admission(self.ledger, self.recall, lambda: 0, recall_wait_s)
        self.answer_s, self.gives = answer_s, gives or {}
        self.asked: list[tuple[float, int]] = []
        self.admitted: dict[str, int | None] = {}
        self.answers: list[tuple[str, float]] = []

    async def recall(self, share, wanted):
        assert "docs" == share
        self.asked.append((trio.current_time(), wanted))
        gives = self.gives.get(len(self.asked), [])
        await trio.sleep(self.answer_s)
        for number in gives:
            await self.admission.release(number)

    async def apply(self, user):
        use = await self.admission.acquire(Applicant(self.share, 1, 1, user))
        self.admitted[user] = use.number if use else None
        self.answers.append((user, trio.current_time()))

    async def fill(self):
        for number in range(self.share.uses_max or 0):
            await self.apply(f"holder{number}")
        self.answers.clear()

    @property
    def uses(self):
        self.ledger.validate()
        return self.ledger.uses("docs")


async def queue_up(nursery, door, users, every_s=0.0):
    """Let them come one after the other."""
    for user in users:
        nursery.start_soon(door.apply, user)
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(every_s)


# --- without recall ---------------------------------------------------------------------------


@pytest.mark.parametrize("uses_max", [0, 1, 10])
async def test_forty_at_once_on_a_limit_admit_exactly_the_limit(uses_max):
    door = Door(uses_max)
    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(door.apply, f"user{number}")

    given = [number for number in door.admitted.values() if number is not None]
    assert 40 == len(door.admitted)
    assert list(range(1, uses_max + 1)) == sorted(given)
    assert (uses_max, []) == (door.uses, door.asked)


async def test_a_share_without_a_limit_admits_everybody():
    door = Door(None)
    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(door.apply, f"user{number}")

    assert 40 == door.uses


async def test_without_recall_a_full_share_refuses_at_once(autojump_clock):
    door, began = Door(1), trio.current_time()
    await door.fill()
    await door.apply("zoe")

    assert [("zoe", began)] == door.answers
    assert (None, []) == (door.admitted["zoe"], door.asked)


async def test_a_slot_is_given_back_once():
    door = Door(1)
    await door.fill()
    released = await door.admission.release(1)

    assert released is not None
    assert await door.admission.release(1) is None
    await door.apply("zoe")
    assert await door.admission.release(1) is None  # an old number frees no new slot
    assert (2, 1) == (door.admitted["zoe"], door.uses)


# --- with recall ------------------------------------------------------------------------------


async def test_while_there_is_room_nobody_is_asked():
    door = Door(3, recall_wait_s=WAIT_S)
    await door.fill()

    assert (3, []) == (door.uses, door.asked)


async def test_a_slot_that_is_recalled_goes_to_the_one_who_waits(autojump_clock):
    door = Door(1, recall_wait_s=WAIT_S, gives={1: [1]})
    await door.fill()
    await door.apply("zoe")

    assert (2, 1) == (door.admitted["zoe"], door.uses)
    assert [1] == [wanted for _, wanted in door.asked]


async def test_if_nothing_is_given_back_the_answer_is_no_once_the_holders_answered(
    autojump_clock,
):
    door, began = Door(1, recall_wait_s=WAIT_S), trio.current_time()
    await door.fill()
    await door.apply("zoe")

    assert [("zoe", began + 0.1)] == door.answers
    assert (None, 1) == (door.admitted["zoe"], door.uses)


async def test_all_who_wait_are_asked_for_in_one_round(autojump_clock):
    door, began = Door(5, recall_wait_s=WAIT_S, answer_s=0.5), trio.current_time()
    door.gives = {1: [1], 2: [2, 3, 4]}
    await door.fill()
    async with trio.open_nursery() as nursery:
        await queue_up(nursery, door, ["first", "second", "third", "fourth"])

    assert [(began, 1), (began + 0.5, 3)] == door.asked
    waiting = ["first", "second", "third", "fourth"]
    assert [6, 7, 8, 9] == [door.admitted[user] for user in waiting]  # in the order they came
    assert 5 == door.uses


async def test_nobody_is_asked_again_on_behalf_of_the_same(autojump_clock):
    door, began = Door(5, recall_wait_s=WAIT_S, answer_s=0.5), trio.current_time()
    await door.fill()
    waiting = ["first", "second", "third", "fourth"]
    async with trio.open_nursery() as nursery:
        await queue_up(nursery, door, waiting)

    assert [(began, 1), (began + 0.5, 3)] == door.asked
    assert [began + after for after in (0.5, 1, 1, 1)] == sorted(at for _, at in door.answers)
    assert [None] * 4 == [door.admitted[user] for user in waiting]


async def test_too_few_slots_go_to_those_who_came_first(autojump_clock):
    door = Door(3, recall_wait_s=WAIT_S, gives={1: [1], 2: [2]})
    await door.fill()
    async with trio.open_nursery() as nursery:
        await queue_up(nursery, door, ["first", "second", "third"])

    expected = {"first": 4, "second": 5, "third": None}
    assert expected == {user: door.admitted[user] for user in expected}
    assert 3 == door.uses


async def test_a_slot_given_back_by_anybody_goes_to_the_first_who_waits(autojump_clock):
    door = Door(1, recall_wait_s=WAIT_S, answer_s=10.0)
    await door.fill()
    async with trio.open_nursery() as nursery:
        await queue_up(nursery, door, ["first", "second"])
        await door.admission.release(1)
        await queue_up(nursery, door, ["late"])  # and nobody overtakes

    expected = {"first": 2, "second": None, "late": None}
    assert expected == {user: door.admitted[user] for user in expected}
    assert 1 == door.uses


async def test_the_wait_is_bounded_for_each_however_long_the_holders_take(autojump_clock):
    door, began = Door(1, recall_wait_s=WAIT_S, answer_s=1e6), trio.current_time()
    await door.fill()
    async with trio.open_nursery() as nursery:
        await queue_up(nursery, door, ["first", "second"], every_s=0.5)

    assert [("first", began + WAIT_S), ("second", began + 0.5 + WAIT_S)] == door.answers
    assert (None, None) == (door.admitted["first"], door.admitted["second"])


async def test_a_slot_that_came_in_time_is_kept_though_the_holders_never_answer(autojump_clock):
    door = Door(1, recall_wait_s=WAIT_S, answer_s=1e6)
    await door.fill()
    async with trio.open_nursery() as nursery:
        await queue_up(nursery, door, ["zoe"], every_s=1.0)
        await door.admission.release(1)

    assert (2, 1) == (door.admitted["zoe"], door.uses)


# --- those who leave --------------------------------------------------------------------------


async def test_who_leaves_while_it_waits_leaves_its_place(autojump_clock):
    door = Door(1, recall_wait_s=WAIT_S, answer_s=10.0)
    await door.fill()
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            async with trio.open_nursery() as leaving:
                await queue_up(leaving, door, ["gone"])
                await queue_up(nursery, door, ["stays"])
        await door.admission.release(1)

    assert {"holder0": 1, "stays": 2} == door.admitted
    assert 1 == door.uses


async def test_who_leaves_with_a_slot_in_hand_gives_it_to_the_next(autojump_clock):
    door = Door(1, recall_wait_s=WAIT_S, answer_s=10.0)
    await door.fill()
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            async with trio.open_nursery() as leaving:
                await queue_up(leaving, door, ["gone"])
                await queue_up(nursery, door, ["stays"])
                await door.admission.release(1)  # to the one that leaves before it knows

    assert {"holder0": 1, "stays": 3} == door.admitted
    assert 1 == door.uses


@pytest.mark.parametrize("leave_after_s", [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 1.0])
async def test_whenever_a_crowd_leaves_every_slot_comes_back(autojump_clock, leave_after_s):
    door = Door(2, recall_wait_s=WAIT_S, gives={1: [1], 2: [2, 3]})
    await door.fill()
    with trio.move_on_after(leave_after_s):
        async with trio.open_nursery() as nursery:
            await queue_up(nursery, door, [f"user{number}" for number in range(6)], 0.03)

    known = {number for number in door.admitted.values() if number is not None}
    assert {use.number for use in door.ledger.all()} <= known
    for use in door.ledger.all():
        await door.admission.release(use.number)
    await door.fill()  # as if nobody had ever been there
    assert 2 == door.uses


async def test_a_free_slot_is_given_while_an_answer_is_still_under_way(autojump_clock):
    door = Door(2, recall_wait_s=WAIT_S, answer_s=1.0)
    await door.fill()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(door.apply, "third")
        await trio.sleep(0.1)
        await door.admission.release(1)
        await door.admission.release(2)
        await trio.sleep(0.4)
        nursery.start_soon(door.apply, "fourth")

    assert {"third": 3, "fourth": 4} == {u: door.admitted[u] for u in ("third", "fourth")}


async def test_who_leaves_late_does_not_take_the_queue_of_who_came_after(autojump_clock):
    door = Door(1, recall_wait_s=WAIT_S, answer_s=1.5)
    await door.fill()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(door.apply, "served")
        await trio.sleep(0.1)
        await door.admission.release(1)
        with trio.move_on_after(0.1):
            await door.apply("impatient")
        nursery.start_soon(door.apply, "late")
        await trio.sleep(1.4)  # "served" has left; "late" waits
        await door.admission.release(door.admitted["served"] or 0)

    assert door.admitted["late"] is not None
