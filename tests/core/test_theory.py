"""Formulas, the event simulation and the chain agree with each other, and with known figures.

Known figures: reliability studies of a limit of 10, sessions of 60 s, files dormant for 30 s.
"""

import math
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.lab.theory import eventsim, formulas
from clients.lab.theory.eventsim import EXPONENTIAL, Slots, Users
from clients.lab.theory.formulas import erlang_b, users_again
from clients.lab.theory.statistics import interval

LENGTH_S, AGE_S = 60.0, 30.0
FIVE_PERCENT = formulas.offered_for(10, 0.05)
limits = st.integers(1, 40)
loads = st.floats(0.01, 100)


def simulated(run, replications=20, seed=1):
    """The t-interval of the refused part; `run` takes a Random."""
    return interval([run(Random(f"{seed} {one}")).blocked for one in range(replications)])


def open_run(slots, rate_per_s, logons, length=EXPONENTIAL):
    def run(random):
        start_s = 5 * (LENGTH_S + slots.residue_s + slots.tick_s)
        end_s = start_s + logons / rate_per_s
        sessions = eventsim.arrivals(random, rate_per_s, LENGTH_S, end_s, length)
        return eventsim.run_open(slots, sessions, start_s, end_s, random)

    return run


def closed_run(slots, users, end_s):
    return lambda random: eventsim.run_closed(slots, users, random, 500.0, end_s)


# --- Erlang -----------------------------------------------------------------------------------


@given(limits, st.fractions(Fraction(1, 50), 50, max_denominator=50))
def test_the_recursion_is_the_formula(limit, offered):
    terms = [offered**k / math.factorial(k) for k in range(limit + 1)]

    assert float(terms[-1] / sum(terms)) == pytest.approx(erlang_b(limit, float(offered)))


@given(limits, st.floats(1e-6, 0.999))
def test_the_load_for_a_target_is_refused_so_much(limit, target):
    assert target == pytest.approx(erlang_b(limit, formulas.offered_for(limit, target)))


def test_erlangs_tables():
    assert 6.22 == pytest.approx(FIVE_PERCENT, abs=0.005)
    assert 9.68 == pytest.approx(formulas.offered_for(10, 0.2), abs=0.005)
    assert 0.0066 == pytest.approx(erlang_b(10, FIVE_PERCENT * 60 / 90), abs=0.0001)
    assert [0.0890, 0.2310] == [
        pytest.approx(erlang_b(10, FIVE_PERCENT / 90 * (90 + tick_s / 2)), abs=0.00005)
        for tick_s in (30, 120)
    ]


# --- Engset and the chain ---------------------------------------------------------------------


@given(st.integers(1, 30), st.floats(0.05, 30))
def test_ever_more_users_are_poisson(limit, offered):
    refused = [formulas.engset(users, limit, offered / users) for users in (10**4, 10**6)]

    errors = [abs(one - erlang_b(limit, offered)) for one in refused]
    assert errors[1] <= max(errors[0], 1e-12)
    assert errors[1] == pytest.approx(0, abs=1e-3)


@given(st.integers(1, 8), st.integers(1, 8), st.fractions(Fraction(1, 20), 5))
def test_engset_is_the_formula(users, limit, load):
    terms = [math.comb(users - 1, k) * load**k for k in range(limit + 1)]

    exact = float(terms[-1] / sum(terms)) if users > limit else 0.0
    assert exact == pytest.approx(formulas.engset(users, limit, float(load)))


def test_as_many_users_as_slots_are_refused_only_for_what_lingers():
    assert formulas.engset(10, 10, 2.0) == 0
    assert users_again(10, 10, 60, 60, 0) == 0
    assert 0.05 < users_again(10, 10, 60, 60, 30)


def test_the_knowledge_bases_situation():
    assert 0.0267 == pytest.approx(formulas.engset(12, 10, 1.5), abs=0.00005)
    assert 0.1771 == pytest.approx(users_again(12, 10, 60, 60, 30), abs=0.00005)


@given(st.integers(1, 6), st.floats(5, 500), st.floats(5, 500), st.floats(1, 300))
def test_many_users_of_the_chain_are_poisson(limit, think_s, length_s, residue_s):
    users = 10**6
    offered = users / (think_s * users) * (length_s + residue_s)

    chain = users_again(users, limit, think_s * users, length_s, residue_s)
    assert erlang_b(limit, offered) == pytest.approx(chain, rel=1e-3)


@given(st.integers(1, 12), st.data())
def test_a_chains_weights_balance(states, data):
    rates = st.floats(1e-3, 1e3)
    rows = [
        {(i + 1) % states: data.draw(rates), data.draw(st.integers(0, states - 1)): 1.0}
        for i in range(states)
    ]
    for index, row in enumerate(rows):
        row.pop(index, None)
    weights = formulas.stationary(rows)

    assert 1.0 == pytest.approx(sum(weights))
    for state in range(states):
        came = sum(weights[i] * row.get(state, 0.0) for i, row in enumerate(rows))
        assert came == pytest.approx(weights[state] * sum(rows[state].values()))


def test_a_chain_that_is_too_large_says_so():
    with pytest.raises(formulas.NoAnswer, match="too many states"):
        users_again(200, 81, 60, 60, 30)


# --- the event simulation beside both ---------------------------------------------------------


@settings(max_examples=12)
@given(st.integers(1, 8), st.floats(0.5, 12), st.integers(0, 10**6))
def test_the_simulation_counts_what_erlang_says(limit, offered, seed):
    rate_per_s = offered / (LENGTH_S + AGE_S)
    found = simulated(open_run(Slots(limit, AGE_S), rate_per_s, 3000), 8, seed)

    assert abs(found.mean - erlang_b(limit, offered)) < 7 * found.error + 1e-3


@pytest.mark.parametrize("length", [EXPONENTIAL, eventsim.CONSTANT])
def test_only_the_mean_of_a_session_matters(length):
    found = simulated(open_run(Slots(10, AGE_S), FIVE_PERCENT / 90, 10_000, length))

    assert found.within(0.045, 0.055)
    assert abs(found.mean - 0.05) < 4 * found.error


@pytest.mark.parametrize(
    ("tick_s", "known", "known_error"),
    [(5, 0.0571, 0.0009), (30, 0.1014, 0.0009), (120, 0.2997, 0.0009)],
)
def test_one_tick_for_all_costs_more_than_erlang_says(tick_s, known, known_error):
    found = simulated(open_run(Slots(10, AGE_S, tick_s), FIVE_PERCENT / 90, 20_000))

    assert abs(found.mean - known) < 2 * (found.high - found.mean) + known_error


@settings(max_examples=8)
@given(st.integers(2, 6), st.integers(1, 6), st.floats(20, 200), st.integers(0, 10**6))
def test_the_chain_is_the_simulation_with_exponential_residues(users, limit, think_s, seed):
    slots = Slots(limit, AGE_S, residue=EXPONENTIAL)
    run = closed_run(slots, Users(users, think_s, LENGTH_S), 60_000.0)
    found = simulated(run, 8, seed)

    chain = users_again(users, limit, think_s, LENGTH_S, AGE_S)
    assert abs(found.mean - chain) < 7 * found.error + 1e-3


def test_constant_residues_are_not_the_textbooks():
    run = closed_run(Slots(10, AGE_S), Users(12, 60.0, LENGTH_S), 150_000.0)
    found = simulated(run)

    assert abs(found.mean - 0.1711) < found.high - found.mean + 0.0012
    assert found.high < users_again(12, 10, 60, LENGTH_S, AGE_S)


def test_users_who_wait_for_their_slot_are_engsets():
    run = closed_run(Slots(10, AGE_S), Users(12, 60.0, LENGTH_S, wait_for_slot=True), 150_000.0)
    found = simulated(run)

    assert abs(found.mean - 0.0267) < 4 * found.error


@given(st.integers(1, 5), st.sampled_from([0.0, AGE_S]), st.sampled_from([0.0, 7.0]))
def test_a_run_admits_what_each_decision_says(limit, residue_s, tick_s):
    sessions = list(eventsim.arrivals(Random(7), 0.05, LENGTH_S, 5_000.0))
    slots = Slots(limit, residue_s, tick_s)
    seen = eventsim.run_open(slots, sessions, 0.0, 1e9)

    decided = list(eventsim.decide(slots, sessions))
    assert (len(sessions), decided.count(False)) == (seen.logons, seen.refused)
    held_s = seen.residue_s + sum(
        length for (_, length), admitted in zip(sessions, decided, strict=True) if admitted
    )
    assert held_s == pytest.approx(seen.slot_s)  # from empty to empty


def test_a_slot_is_free_at_the_tick_after_its_age():
    sessions = [(1.0, 2.0), (32.9, 1.0), (34.9, 1.0), (35.0, 1.0)]

    assert [True, False, False, True] == list(eventsim.decide(Slots(1, AGE_S, 5.0), sessions))
    assert [True, False, True, False] == list(eventsim.decide(Slots(1, AGE_S), sessions))
    assert [True, True, True, False] == list(eventsim.decide(Slots(1), sessions))


def test_a_window_counts_only_what_is_in_it():
    seen = eventsim.run_open(Slots(1), [(0.0, 10.0), (12.0, 4.0), (14.0, 1.0)], 5.0, 15.0)

    assert (2, 1) == (seen.logons, seen.refused)
    assert (0.8, 0.8, 0.5) == (seen.occupied, seen.full, seen.blocked)


# --- how long a slot lingers ------------------------------------------------------------------


def test_a_slot_lingers_for_what_is_left_of_the_youngest_file():
    assert 30.0 == formulas.residue(30)
    assert 32.5 == formulas.residue(30, tick_s=5)
    assert 11.0 == pytest.approx(formulas.residue(30, 1 / 30), abs=0.05)
    assert formulas.residue(30, 0) == 0


@given(st.lists(st.floats(1e-4, 100), min_size=2, max_size=8), st.floats(0, 60))
def test_more_closes_keep_a_slot_longer(closes, tick_s):
    residues = [formulas.residue(AGE_S, rate, tick_s) for rate in sorted(closes)]

    assert all(one <= two + 1e-9 for one, two in pairwise(residues))
    assert residues[-1] <= AGE_S + tick_s / 2
