"""Intervals, tests and control variates: known tables, and that they cover what they claim."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.lab.theory.statistics import (
    Interval,
    controlled,
    difference,
    equivalence,
    holm,
    interval,
    slopes,
    t_below,
    t_quantile,
)

finite = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (5, 2.5706), (19, 2.0930), (60, 2.0003), (1000, 1.9623)],
)
def test_students_table(freedom, quantile):
    assert quantile == pytest.approx(t_quantile(0.975, freedom), abs=0.00006)
    assert -quantile == pytest.approx(t_quantile(0.025, freedom), abs=0.00006)


@given(st.floats(-20, 20), st.integers(1, 200))
def test_a_quantile_is_where_so_much_lies_below(t, freedom):
    below = t_below(t, freedom)

    assert 1.0 == pytest.approx(below + t_below(-t, freedom))
    if 1e-6 < below < 1 - 1e-6:
        assert t == pytest.approx(t_quantile(below, freedom), rel=1e-5, abs=1e-5)


def test_an_interval_covers_as_often_as_it_says():
    random = Random(3)
    samples = [[random.gauss(7, 2) for _ in range(6)] for _ in range(4000)]

    covered = sum(interval(sample).holds(7.0) for sample in samples) / len(samples)
    assert 0.95 == pytest.approx(covered, abs=0.012)


def test_one_value_says_nothing():
    alone = interval([3.0])

    assert (3.0, -math.inf, math.inf) == (alone.mean, alone.low, alone.high)
    assert equivalence(alone, 0, 10) == 1
    assert difference(alone, 9) == 1


@given(st.lists(finite, min_size=3, max_size=20), finite, st.floats(0.01, 1e6))
def test_equivalence_at_half_a_level_is_the_interval_within_the_bounds(values, middle, width):
    found = interval(values)
    low, high = middle - width, middle + width

    p_value = equivalence(found, low, high)
    if found.error and abs(p_value - 0.025) > 1e-4:
        assert found.within(low, high) == (p_value < 0.025)


@given(st.lists(finite, min_size=3, max_size=20), finite)
def test_a_difference_is_significant_where_the_interval_misses(values, value):
    found = interval(values)
    p_value = difference(found, value)

    if found.error and abs(p_value - 0.05) > 1e-4:
        assert found.holds(value) == (p_value > 0.05)


def test_equal_values_decide_at_once():
    exact = interval([0.5] * 4)

    assert equivalence(exact, 0.4, 0.6) == 0
    assert equivalence(exact, 0.6, 0.7) == 1
    assert difference(exact, 0.6) == 0
    assert difference(exact, 0.5) == 1
    assert Interval(0.5, 0.5, 0.5, 0.0, 3) == exact


def test_holm_stops_at_the_first_that_is_not_small_enough():
    assert [True, False, True, False] == holm([0.010, 0.040, 0.012, 0.030], 0.05)
    assert [True] * 3 == holm([0.05, 0.02, 0.01], 0.05)
    assert [False] * 2 == holm([0.04, 0.03], 0.05)
    assert [] == holm([], 0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.2))
def test_holm_rejects_at_least_what_bonferroni_does(p_values, level):
    rejected = holm(p_values, level)

    for p_value, one in zip(p_values, rejected, strict=True):
        assert one or p_value > level / len(p_values)
        assert not one or p_value <= level


def test_controls_take_away_what_they_explain():
    random = Random(11)
    noise = [(random.gauss(0, 1), random.gauss(5, 1)) for _ in range(400)]
    values = [3 + 2 * one - 0.5 * (two - 5) + random.gauss(0, 0.01) for one, two in noise]
    weights = slopes(values, noise)
    steadied = interval(controlled(values, noise, (0.0, 5.0), weights))

    assert [2, -0.5] == pytest.approx(weights, abs=0.01)
    assert 3 == pytest.approx(steadied.mean, abs=0.003)
    assert steadied.error < interval(values).error / 50


def test_controls_that_never_differ_explain_nothing():
    values = [1.0, 2.0, 4.0, 8.0]

    assert [0.0] == slopes(values, [(3.0,)] * 4)
    assert values == controlled(values, [(3.0,)] * 4, (3.0,), (0.0,))
    assert [1.0] == pytest.approx([sum(slopes(values, [(one, one) for one in values]))])
