"""The oracle says no when the daemons are otherwise than theory is told, and at which level."""

import pytest

from clients.lab.theory.cells import ERLANG, TICK, USERS, cells
from clients.lab.theory.judging import judge, measured
from clients.lab.theory.replications import pilot, replicate
from clients.lab.theory.running import Plan

RUNS = 4


def judged(model=ERLANG, preset="sp5", limit=3, planted=None):
    """Measure one cell a little, the daemons being told `planted`."""
    (cell,) = cells(model, (limit,), (0.5,), (preset,), tick_s=30.0)
    plan = Plan((cell,), 0.1, 1, planted or {})
    found = pilot(cell, 0.1, "1")
    jobs = [job for job, _ in zip(plan.jobs([found]), range(RUNS), strict=False)]
    (verdict,) = judge([measured(cell, found, [replicate(job) for job in jobs])])
    return verdict


def levels(**options):
    verdict = judged(**options)
    assert verdict.measured.little_residual < 0.01
    return set(verdict.failed) - {"model"}, verdict.outcome, verdict.measured.differing > 0


@pytest.mark.parametrize("preset", ["sp5", "sp6"])
@pytest.mark.parametrize("model", [ERLANG, USERS])
def test_each_logon_is_decided_as_the_event_simulation_does(model, preset):
    verdict = judged(model, preset)

    assert verdict.measured.logons > RUNS * 80
    assert 0 == verdict.measured.differing
    assert {"sp5": 30.0, "sp6": 0.0}[preset] == pytest.approx(
        verdict.measured.leak_s, abs=0.001
    )
    assert not set(verdict.failed) - {"model"}


def test_one_tick_for_all_is_simulated_too():
    verdict = judged(TICK)

    assert 0 == verdict.measured.differing
    assert 45 == pytest.approx(verdict.measured.leak_s, abs=1.5)


def test_a_limit_that_is_one_too_small_breaks_pasta():
    assert ({"PASTA"}, "differs", True) == levels(planted={"limit": -1})


def test_a_limit_that_is_one_too_large_breaks_pasta():
    assert ({"PASTA"}, "differs", True) == levels(preset="sp6", planted={"limit": 1})


def test_files_kept_for_less_than_claimed_are_a_leak_of_another_size():
    verdict = judged(planted={"dormant_age_s": 25.0})

    assert "leak" in verdict.failed
    assert 25 == pytest.approx(verdict.measured.leak_s, abs=0.001)
    assert verdict.measured.refused.mean < verdict.measured.pilot.theory


def test_a_tick_where_none_is_claimed_is_a_leak():
    assert ({"leak"}, "differs", True) == levels(planted={"tick_s": 30.0})
