"""Plans: the right model for the case, the smallest limit, the longest age."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.lab.theory import planning
from clients.lab.theory.formulas import engset, erlang_b
from clients.lab.theory.planning import Question, answers

MANY = Question(10, 60.0, 30.0, 0.0, 0.01, rate_per_s=0.069)
AGAIN = Question(10, 60.0, 30.0, 0.0, 0.01, users=12, think_s=60.0)


@pytest.fixture
def quick(monkeypatch):
    """Simulate less: what is asked here differs by more than that blurs."""
    monkeypatch.setattr(planning, "LOGONS", 2000)
    monkeypatch.setattr(planning, "SEARCH_LOGONS", 500)
    monkeypatch.setattr(planning, "REPLICATIONS", 6)


def test_many_users_on_exact_deadlines_are_erlangs():
    sp5, sp6 = answers(MANY)

    assert ("Erlang-B", "Erlang-B") == (sp5.model, sp6.model)
    assert erlang_b(10, 0.069 * 90) == sp5.refused == sp5.low == sp5.high
    assert erlang_b(10, 0.069 * 60) == sp6.refused
    assert (13, 10) == (sp5.limit_needed, sp6.limit_needed)
    assert math.inf == sp6.age_allowed_s
    assert 4.65 == pytest.approx(sp5.age_allowed_s, abs=0.1)


@given(st.integers(1, 30), st.floats(0.001, 0.5), st.floats(0.5, 40), st.floats(0.001, 0.3))
def test_what_is_needed_is_enough_and_no_more(limit, rate_per_s, age_s, target):
    question = Question(limit, 60.0, age_s, 0.0, target, rate_per_s=rate_per_s)
    sp5, _ = answers(question)

    assert sp5.limit_needed is not None
    offered = rate_per_s * (60 + age_s)
    assert erlang_b(sp5.limit_needed, offered) <= target
    assert sp5.limit_needed == 1 or erlang_b(sp5.limit_needed - 1, offered) > target
    if sp5.age_allowed_s is None:
        assert erlang_b(limit, rate_per_s * 60) > target
    else:
        assert erlang_b(limit, rate_per_s * (60 + sp5.age_allowed_s)) <= target
        longer_s = 1.01 * sp5.age_allowed_s + 0.1
        at_bound = sp5.age_allowed_s == planning.AGE_MAX_S
        assert at_bound or erlang_b(limit, rate_per_s * (60 + longer_s)) > target


def test_one_tick_for_all_is_simulated_and_erlang_stands_beside_it(quick):
    sp5, sp6 = answers(replace(MANY, tick_s=30.0))

    assert "one tick for all" in sp5.model
    assert sp5.low - 0.01 < 0.1014 < sp5.high + 0.01
    assert erlang_b(10, 0.069 * 105) == sp5.beside_refused
    assert sp5.limit_needed in (15, 16)
    assert erlang_b(10, 0.069 * 60) == sp6.refused


def test_users_who_come_back_are_simulated_and_engsets_where_slots_are_given_back(quick):
    sp5, sp6 = answers(AGAIN)

    assert "come back" in sp5.model
    assert sp5.low - 0.01 < 0.1711 < sp5.high + 0.01
    assert 0.1771 == pytest.approx(sp5.beside_refused, abs=0.0001)
    assert engset(12, 10, 1.0) == sp6.refused
    assert sp5.limit_needed in (14, 15)
    assert 0 < (sp5.age_allowed_s or 0) < 8


def test_as_many_slots_as_users_always_do_where_they_are_given_back(quick):
    _, sp6 = answers(replace(AGAIN, limit=12))

    assert sp6.refused == 0


def test_an_age_is_none_where_sessions_alone_are_too_many():
    sp5, sp6 = answers(replace(MANY, limit=5))

    assert sp5.age_allowed_s is None
    assert sp6.age_allowed_s is None


def test_a_chain_too_large_is_left_out(quick):
    sp5, _ = answers(replace(AGAIN, limit=90, users=60))

    assert sp5.beside_refused is None
    assert sp5.refused < 0.2
