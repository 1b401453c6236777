"""The lab's judgement from the clients' history, against a plain quadratic model."""

import random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.lab.history import (
    Attempt,
    agree,
    slots_after_logoff,
    summary,
    verdict,
    verdicts,
)

# Few distinct instants, so that ties and windows without width come up all the time.
moments = st.integers(0, 12).map(float)


@st.composite
def attempt(draw):
    times = sorted(draw(st.lists(moments, min_size=4, max_size=4)))
    outcome = draw(st.sampled_from(["admitted", "unknown", "refused", "failed"]))
    made = Attempt("user", times[0], outcome=outcome)
    if outcome != "unknown" or draw(st.booleans()):
        made.connect_answered = times[1]
    if outcome == "admitted" and draw(st.booleans()):
        made.logoff_sent = times[2]
        if draw(st.booleans()):
            made.logoff_answered = times[3]
            made.uses_read = draw(st.none() | st.integers(0, 6))
    if outcome == "refused" and draw(st.booleans()):
        made.receipt = {"verdict": draw(st.sampled_from(["genuine", "spurious", "undecided"]))}
    return made


histories = st.lists(attempt(), max_size=14)


def possibly_live_at(attempts, instant):
    return sum(
        other.outcome in ("admitted", "unknown")
        and other.connect_sent <= instant
        and (other.logoff_answered is None or other.logoff_answered > instant)
        for other in attempts
    )


def model_verdict(attempts, refused, uses_max):
    opens, closes = refused.connect_sent, refused.connect_answered
    definite = sum(
        other.outcome == "admitted"
        and other.connect_answered <= opens
        and (other.logoff_sent is None or other.logoff_sent >= closes)
        for other in attempts
    )
    quarters = range(int(opens * 4), int(closes * 4))
    instants = [opens, *(quarter / 4 for quarter in quarters)]
    possible = max(possibly_live_at(attempts, instant) for instant in instants)
    if definite >= uses_max:
        return "genuine"
    return "spurious" if possible < uses_max else "undecided"


def model_slots_after_logoff(attempts):
    most = 0
    for logged_off in attempts:
        if logged_off.uses_read is None:
            continue
        others = sum(
            other is not logged_off
            and other.outcome in ("admitted", "unknown")
            and other.connect_sent <= logged_off.logoff_answered
            and (
                other.logoff_answered is None or other.logoff_answered > logged_off.logoff_sent
            )
            for other in attempts
        )
        most = max(most, logged_off.uses_read - others)
    return most


@given(histories, st.integers(1, 6))
def test_verdicts_are_the_models(attempts, uses_max):
    refusals = [one for one in attempts if one.outcome == "refused"]

    own = verdicts(attempts, refusals, uses_max)

    assert [model_verdict(attempts, one, uses_max) for one in refusals] == own
    assert [verdict(attempts, one, uses_max) for one in refusals] == own


@given(histories)
def test_slots_after_logoff_are_the_models(attempts):
    assert model_slots_after_logoff(attempts) == slots_after_logoff(attempts)


@given(histories, st.integers(1, 6))
def test_summary_counts_the_same_things(attempts, uses_max):
    refusals = [one for one in attempts if one.outcome == "refused"]
    own = [model_verdict(attempts, one, uses_max) for one in refusals]
    told = [one.receipt and one.receipt["verdict"] for one in refusals]

    counted = summary(attempts, uses_max)

    assert len(attempts) == counted.logons
    assert len(refusals) == counted.refused
    assert own.count("spurious") == counted.spurious
    assert own.count("undecided") == counted.undecided
    assert sum(one.outcome == "failed" for one in attempts) == counted.failed
    assert counted.disagreements == sum(
        {ours, theirs} == {"genuine", "spurious"}
        for ours, theirs in zip(own, told, strict=True)
    )


def admitted(begin, end=None, uses_read=None):
    made = Attempt("ann", begin, begin + 0.1, "admitted", uses_read=uses_read)
    if end is not None:
        made.logoff_sent, made.logoff_answered = end, end + 0.1
    return made


def refused(at):
    return Attempt("bob", at, at + 0.1, "refused")


def test_full_of_users_is_genuine():
    assert verdict([admitted(1), admitted(2, 9)], refused(5), 2) == "genuine"


def test_users_who_logged_off_do_not_count():
    assert verdict([admitted(1, 3), admitted(2, 4)], refused(5), 2) == "spurious"


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(admitted(5.05), id="admitted meanwhile"),
        pytest.param(admitted(1, 5.05), id="logging off meanwhile"),
        pytest.param(Attempt("eve", 4), id="never answered"),
    ],
)
def test_what_overlaps_the_refusal_leaves_it_undecided(holder):
    assert verdict([holder], refused(5), 1) == "undecided"


def test_two_who_cannot_have_met_are_not_added_up():
    leaving, coming = admitted(1, 4.9), admitted(5.06)

    assert leaving.logoff_answered < coming.connect_sent
    assert verdict([leaving, coming], refused(4.99), 2) == "spurious"


def test_a_refusal_without_an_answer_cannot_be_judged():
    with pytest.raises(ValueError, match="the refusal of bob has no answer"):
        verdict([], Attempt("bob", 1, outcome="refused"), 2)


def test_only_a_contradiction_disagrees():
    assert not agree("genuine", "spurious")
    assert agree("spurious", "spurious")
    assert agree("undecided", "genuine")
    assert agree("spurious", "undecided")


def test_a_slot_left_behind_is_seen_on_the_logoff():
    assert slots_after_logoff([admitted(1, 3, uses_read=2), admitted(2)]) == 1
    assert slots_after_logoff([admitted(1, 3, uses_read=1), admitted(2)]) == 0


def test_long_histories_are_not_judged_pair_by_pair():
    randomness = random.Random(1)
    attempts = []
    for _ in range(30_000):
        begin = randomness.uniform(0, 10_000)
        if randomness.random() < 0.3:
            attempts.append(refused(begin))
        else:
            attempts.append(admitted(begin, begin + randomness.expovariate(0.1), uses_read=70))
    began = perf_counter()

    counted = summary(attempts, 70)

    assert counted.spurious + counted.undecided > 0
    assert perf_counter() - began < 10
