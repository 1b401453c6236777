"""A plan of faults: seeded, all healed before its end, never two of a track at once."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.faults.field import BANDS
from clients.faults.schedule import TRACKS, ScheduleError, plan


@dataclass(frozen=True)
class Kind:
    name: str
    band: str


KINDS = [Kind(f"{band}{number}", band) for band in BANDS for number in range(7)]
kinds = st.lists(st.sampled_from(KINDS), unique=True)
TRACK = {kind.name: TRACKS[kind.band] for kind in KINDS}


@given(st.integers(0, 2**32), kinds, st.floats(6, 600), st.floats(0, 1), st.floats(0, 1))
def test_all_is_healed_before_the_end_and_one_track_has_one_fault(
    seed, chosen, duration_s, active, again
):
    planned = plan(Random(seed), chosen, duration_s, active=active, again=again)

    assert planned == tuple(sorted(planned, key=lambda one: (one.at_s, one.kind)))
    assert all(0 <= one.at_s < one.end_s <= duration_s for one in planned)
    assert all(0 < one.length_s <= 5.0 for one in planned)
    for track in set(TRACKS.values()):
        turns = [one for one in planned if TRACK[one.kind] == track]
        assert all(one.end_s <= other.at_s for one, other in pairwise(turns))


@given(st.integers(0, 2**32), kinds)
def test_the_same_seed_is_the_same_plan_in_whatever_order_the_kinds_come(seed, chosen):
    forth, back = plan(Random(seed), chosen, 60), plan(Random(seed), chosen[::-1], 60)

    assert forth == back


@given(st.integers(0, 2**32), kinds)
def test_a_kind_that_is_asked_for_comes(seed, chosen):
    planned = plan(Random(seed), chosen, 60, active=1.0)

    assert {kind.name for kind in chosen} == {one.kind for one in planned}
    assert len(planned) == len({one.seed for one in planned})


def test_of_many_runs_a_kind_is_in_a_quarter():
    runs = [plan(Random(seed), KINDS, 60) for seed in range(200)]
    found = Counter(name for run in runs for name in {one.kind for one in run})

    assert all(20 < found[kind.name] < 85 for kind in KINDS)


def test_kinds_that_do_not_fit_are_told_with_what_would():
    with pytest.raises(ScheduleError) as no:
        plan(Random(1), KINDS, 2.0, active=1.0)

    assert "14 kinds do not fit into 2 s: give --duration-s 5.6 or more" in str(no.value)
