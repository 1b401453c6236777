"""A plan is made by chance, can be cut down, and never writes one value twice."""

from collections import Counter
from random import Random

import pytest

from clients.lab.checking.history import OPERATIONS
from clients.lab.exercising.blocks import UNREADABLE, UNWRITTEN, block, value_of, values_of
from clients.lab.exercising.plans import KEYS, Knobs, Plan, plan
from clients.lab.exercising.probing import probe


def test_the_same_chances_give_the_same_plan_and_others_another():
    assert plan(Random(3), Knobs()) == plan(Random(3), Knobs())
    assert plan(Random(3), Knobs()) != plan(Random(4), Knobs())


def test_a_plan_has_all_that_its_mix_names_and_more_users_than_the_limit():
    knobs = Knobs(duration_s=600.0)
    made = plan(Random(1), knobs)

    done = {action.do for user in made.users for action in user.actions}
    expected = {do for do, _ in knobs.mix} - {"reopen"} | {"logon", "connect", "logoff"}
    assert expected == done
    assert knobs.limit is not None
    assert len(made.users) > knobs.limit
    assert {"host1", "host2"} == {user.host for user in made.users}


@pytest.mark.parametrize("seed", range(20))
def test_numbers_and_values_are_unique_and_what_is_used_is_open(seed):
    made = plan(Random(seed), Knobs())

    actions = [action for user in made.users for action in user.actions]
    values = Counter(action.value for action in actions if action.do == "write")
    assert len(actions) == len(set(made.numbers))
    assert values
    assert {1} == set(values.values())
    assert UNWRITTEN not in values
    for user in made.users:
        held: dict[int, tuple[str, str]] = {}
        for action in user.actions:
            if action.do in ("logoff", "disconnect"):
                held.clear()
            elif action.do == "open":
                assert action.key not in held
                held[action.key] = action.path, action.access
                assert len(held) <= KEYS
            elif action.do in ("close", "read", "write", "fsync", "lock", "unlock"):
                assert action.path == held[action.key][0]
                assert action.do != "write" or held[action.key][1] == "rw"
                if action.do == "close":
                    del held[action.key]


def test_who_is_impatient_waits_for_some_answers_only_so_long():
    calm, made = plan(Random(4), Knobs()), plan(Random(4), Knobs(impatient_share=0.3))

    waits = [action.patience_s for user in made.users for action in user.actions]
    assert {0.0} == {action.patience_s for user in calm.users for action in user.actions}
    assert 0.0 <= min(waits) < max(waits) <= Knobs().patience_s
    assert 0.2 < sum(map(bool, waits)) / len(waits) < 0.4


def test_a_plan_is_cut_down_and_read_again():
    made = plan(Random(5), Knobs(users=3, impatient_share=0.3))
    some = made.numbers[::3]

    kept = made.only(some)

    assert some == kept.numbers
    assert set(made.numbers) - set(some) == set(made.without(some).numbers)
    assert kept == Plan.of_json(kept.to_json())
    first = [one.number for one in made.users[0].actions]
    assert made.users[1:] == made.without(first).users


def test_a_block_tells_who_wrote_it():
    assert [7, 8, UNWRITTEN] == values_of(block(7) + block(8) + b"\0" * 64)
    assert UNREADABLE == value_of(block(7)[:-1])
    assert UNREADABLE == value_of(block(7)[:32] + block(8)[32:])
    assert UNREADABLE == value_of(block(7)[:32] + b"\0" * 32)
    assert UNREADABLE == value_of(b"x" * 64)
    assert UNWRITTEN == value_of(b"")


def test_a_probe_does_one_of_everything():
    assert set(OPERATIONS) == {action.do for action in probe("host1", 1000).actions}
    assert [1000, 1001] == [action.number for action in probe("host1", 1000).actions][:2]
