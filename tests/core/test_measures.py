"""Latencies within the error that is stated, and measures that add up."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.swarm.measures import ERROR, SECONDS_MAX, SECONDS_MIN, Counts, Latencies, Measures

samples = st.lists(st.floats(SECONDS_MIN, SECONDS_MAX), min_size=1, max_size=200)
fractions = st.sampled_from([0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0]) | st.floats(0, 1)


def recorded(seconds):
    latencies = Latencies()
    for one in seconds:
        latencies.record(one)
    return latencies


@given(samples, fractions)
def test_a_quantile_is_within_the_stated_error_of_the_exact_one(seconds, fraction):
    exact = sorted(seconds)[max(1, math.ceil(fraction * len(seconds))) - 1]

    assert exact == pytest.approx(recorded(seconds).quantile(fraction), rel=ERROR * 1.01)


@given(samples, samples)
def test_two_workers_latencies_add_up_to_exactly_ones(first, second):
    both = recorded(first)
    both.add(recorded(second))

    assert recorded(first + second).plain() == both.plain()


@given(samples)
def test_latencies_pass_through_json_unchanged(seconds):
    plain = recorded(seconds).plain()

    assert plain == Latencies.of(json.loads(json.dumps(plain))).plain()


@given(samples)
def test_the_spectrum_ends_with_the_slowest_of_all(seconds):
    spectrum = recorded(seconds).spectrum()

    assert (1.0, recorded(seconds).quantile(1.0)) == spectrum[-1]
    assert sorted(spectrum) == spectrum


def test_there_are_never_more_buckets_than_the_bound():
    latencies = recorded(10 ** (exponent / 500) for exponent in range(-6_000, 6_000))

    assert 1_268 == len(latencies.plain())
    assert 12_000 == latencies.count


def test_nothing_measured_is_no_time_and_no_error():
    assert (0.0, []) == (Latencies().quantile(0.99), Latencies().spectrum())


def test_measures_add_up_and_pass_through_json_unchanged():
    first, second = Measures(), Measures()
    first.logon.record(0.5)
    first.counts.admit()
    first.counts.admit()
    second.counts.not_started += 3
    second.counts.admit()
    second.counts.sessions -= 1
    first.add(Measures.of(json.loads(json.dumps(second.plain()))))

    assert Counts(admitted=3, not_started=3, sessions=2, sessions_peak=3) == first.counts
    assert first.plain() == Measures.of(first.plain()).plain()
