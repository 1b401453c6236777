"""Shrinking: what is left fails as well, and nothing of it can be left out."""

import json
from dataclasses import replace
from random import Random

from clients.faults import kinds
from clients.faults.schedule import Planned
from clients.lab.exercising import plans
from clients.lab.exercising.actions import Action, Plan, UserPlan
from clients.lab.simulating import knobs as knob
from clients.lab.simulating.knobs import Knobs
from clients.lab.simulating.shrinking import Shrinker, in_time
from clients.lab.simulating.trial import LOSSES, Trial, of_seed, parse, plan_knobs

KNOBS = Knobs(preset="sp5", hosts=2, users=4, delay_s=0.2, jitter_s=0.3)
FAULTS = (Planned(1.0, "reset", 1.0, 7), Planned(2.0, "drop", 1.0, 8))


def trial():
    plan = plans.plan(Random(3), plan_knobs(KNOBS))
    return Trial(3, KNOBS, plan, FAULTS)


def starts(plan):
    """When each action is begun if none takes time."""
    at = {}
    for user in plan.users:
        now = 0.0
        for action in user.actions:
            now += action.pause_s
            at[action.number] = round(now, 4)
    return at


def test_what_is_left_out_leaves_its_time_behind():
    plan = trial().plan
    kept = set(Random(1).sample(plan.numbers, len(plan.numbers) // 3))

    fewer = in_time(plan, kept)

    assert kept == set(fewer.numbers)
    before = starts(plan)
    assert all(abs(before[number] - at) < 1e-3 for number, at in starts(fewer).items())


def test_only_what_it_takes_is_left():
    first = trial()
    numbers = first.plan.numbers
    needed = {numbers[4], numbers[len(numbers) // 2], numbers[-3]}

    def fails(candidate):
        there = set(candidate.plan.numbers)
        return needed <= there and FAULTS[1] in candidate.faults and candidate.knobs.hosts == 2

    shrinker = Shrinker(first, fails, 2000)
    smallest = shrinker.shrink()

    assert needed == set(smallest.plan.numbers)
    assert (FAULTS[1],) == smallest.faults
    assert replace(Knobs(), preset="sp5", hosts=2) == smallest.knobs
    assert shrinker.replays <= 2000


def test_replays_are_bounded():
    shrinker = Shrinker(trial(), lambda candidate: False, 17)

    assert trial() == shrinker.shrink()
    assert 17 == shrinker.replays


def test_knobs_are_drawn_alike_and_each_is_one_of_its_choices():
    drawn = [knob.of_seed(seed, Random(seed)) for seed in range(200)]

    assert drawn == [knob.of_seed(seed, Random(seed)) for seed in range(200)]
    assert set(knob.PRESETS) == {one.preset for one in drawn}
    assert all(1 <= one.uses_max <= one.users + 1 for one in drawn)


def test_every_tenth_trial_is_in_a_hurry_and_its_links_are_lost():
    hurried = [of_seed(seed, kinds.ALL) for seed in range(9, 100, 10)]

    found = {fault.kind for one in hurried for fault in one.faults}
    assert set() < found <= set(LOSSES)


def test_every_tenth_trial_is_in_a_storm_of_a_few_kinds_of_faults():
    stormy = [of_seed(seed, kinds.ALL) for seed in range(4, 200, 10)]

    found = [{fault.kind for fault in one.faults} for one in stormy]
    assert all(0 < len(kinds) <= 4 for kinds in found)
    assert len(set().union(*found)) > len(LOSSES)


def test_plainer_settings_differ_in_one_knob_each_down_to_the_plain_one():
    plain = replace(Knobs(), preset=KNOBS.preset)

    found = list(knob.plainer(KNOBS))

    assert 4 == len(found)
    assert [] == list(knob.plainer(plain))


def test_a_trial_is_read_as_it_was_saved():
    first = trial()
    assert first == parse(json.dumps(first.to_json()), "x")


def test_nobody_without_actions_is_left():
    plan = Plan((UserPlan("host1", "user1", (Action(1, "logon"),)),))

    assert () == in_time(plan, set()).users
