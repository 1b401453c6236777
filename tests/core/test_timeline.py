"""The step series of a redirector's facts: counts, ghosts, and that no connection is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.lab.timeline import HELD_STATES, Step, Timeline

START_NS = 1_700_000_000_000_000_000


def fact(at_s, connection, state, kind="connection_state"):
    at_ns = START_NS + round(at_s * 1e9)
    return {"number": 1, "at_ns": at_ns, "kind": kind, "connection": connection, "state": state}


def timeline(*facts, end_s=None):
    end_ns = None if end_s is None else START_NS + round(end_s * 1e9)
    return Timeline(facts, START_NS, end_ns)


def test_nothing_happened():
    empty = timeline()

    assert [Step(0.0)] == empty.steps
    assert empty.peak() == 0
    assert empty.ghost_slot_seconds() == 0


def test_an_orphan_is_a_ghost_until_released():
    sp5 = timeline(
        fact(1, 7, "live"),
        fact(2, 7, "orphan"),
        fact(4, 7, "closing"),
        fact(5, 7, "released"),
    )

    assert sp5.steps == [
        Step(0.0),
        Step(1.0, live=1),
        Step(2.0, orphan=1, ghosts=1),
        Step(4.0, closing=1, ghosts=1),
        Step(5.0),
    ]
    assert sp5.ghost_slot_seconds() == 3.0
    assert sp5.ghost_slot_seconds(time_scale=0.5) == 6.0


def test_closing_during_a_logoff_is_no_ghost():
    sp6 = timeline(
        fact(1, 7, "live"),
        fact(2, 7, "dormant_only"),
        fact(3, 7, "closing"),
        fact(4, 7, "released"),
    )

    assert sp6.ghost_slot_seconds() == 0
    assert sp6.peak() == 1


def test_what_is_left_at_the_end_counts_up_to_the_end():
    never = timeline(fact(1, 7, "orphan"), end_s=11)

    assert never.ghost_slot_seconds() == 10
    assert never.end_s == 11


def test_other_kinds_are_ignored():
    assert [Step(0.0)] == timeline(fact(1, 7, "parked", kind="handle_state")).steps


def test_a_clock_set_back_does_not_turn_the_series_back():
    jumped = timeline(fact(5, 1, "orphan"), fact(3, 2, "live"), fact(6, 1, "released"))

    assert [step.at_s for step in jumped.steps] == [0.0, 5.0, 6.0]
    assert jumped.peak() == 2
    assert jumped.ghost_slot_seconds() == 1


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ([fact(1, 7, "released")], "connection 7 is released but was never held"),
        (
            [fact(1, 7, "live"), fact(2, 7, "released"), fact(3, 7, "released")],
            "connection 7 is released after its release",
        ),
        ([fact(1, 7, "lost")], "connection 7 is in no known state: 'lost'"),
    ],
)
def test_facts_that_do_not_add_up_are_refused(facts, complaint):
    with pytest.raises(ValueError, match=complaint):
        timeline(*facts)


lives = st.lists(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(HELD_STATES)), min_size=1, max_size=5
    ),
    max_size=8,
)


@given(lives, st.integers(21, 25))
def test_every_connection_is_counted_once_at_every_instant(lives, end_s):
    """Each connection lives through its states in turn and is released at `end_s`."""
    facts = []
    for connection, states in enumerate(lives):
        facts += [fact(at, connection, state) for at, state in sorted(states)]
        facts.append(fact(end_s, connection, "released"))
    facts.sort(key=lambda fact: fact["at_ns"])

    series = timeline(*facts)

    for step in series.steps:
        begun = sum(min(states)[0] <= step.at_s < end_s for states in lives)
        assert begun == step.held
        assert step.orphan <= step.ghosts <= step.orphan + step.closing
    assert series.steps[-1].held == 0
    assert series.ghost_slot_seconds(0.5) == 2 * series.ghost_slot_seconds()
