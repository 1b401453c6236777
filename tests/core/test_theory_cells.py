"""Cells are loaded for their target, controls expect what comes, and each level can fail."""

from dataclasses import replace
from random import Random

import pytest

from clients.lab.theory import controls, eventsim
from clients.lab.theory.cells import ERLANG, TICK, USERS, Cell, cells
from clients.lab.theory.formulas import erlang_b
from clients.lab.theory.judging import diagnosis, judge, measured
from clients.lab.theory.replications import REPLICATIONS, Pilot, Replication, pilot
from clients.lab.theory.statistics import interval

LIMITS, TARGETS, PRESETS = (2, 5, 10, 20), (0.05, 0.2, 0.5), ("sp5", "sp6")
EXACT = Pilot(100, (0.0,), (1.0,), 0.2, 0.2, 0.2, 30.0)


def test_the_issues_cells_are_24():
    found = list(cells(ERLANG, LIMITS, TARGETS, PRESETS))

    assert 24 == len(set(found))
    for cell in found:
        assert cell.target == pytest.approx(erlang_b(cell.limit, cell.offered))
        assert cell.hold_s == {"sp5": 90.0, "sp6": 60.0}[cell.preset]


def test_users_think_as_long_as_the_chain_needs_for_the_target():
    for cell in cells(USERS, (2, 10), (0.05, 0.5), PRESETS):
        assert cell.target == pytest.approx(cell.textbook(), rel=1e-6)
        assert cell.users > cell.limit


def test_under_a_tick_a_slot_is_held_for_half_a_tick_more():
    (cell,) = cells(TICK, (10,), (0.05,), ("sp5",), tick_s=30.0)

    assert (105.0, 30.0) == (cell.hold_s, cell.tick_s)
    assert 0.05 == pytest.approx(cell.textbook())


@pytest.mark.parametrize("preset", PRESETS)
def test_controls_have_the_mean_that_is_expected_of_them(preset):
    (cell,) = cells(ERLANG, (5,), (0.2,), (preset,))
    end_s = cell.end_s(1500)
    found = []
    for seed in range(30):
        sessions = eventsim.arrivals(Random(seed), cell.rate_per_s, cell.length_s, end_s)
        more_s = cell.hold_s - cell.length_s
        counts = controls.unlimited(sessions, more_s, cell.start_s, cell.limit)
        found.append([count / 1500 for count in counts])

    known = controls.expected(cell.offered, cell.limit)
    for column, mean in zip(zip(*found, strict=True), known, strict=True):
        one = interval(column)
        assert abs(one.mean - mean) < 4 * one.error + 1e-4


def test_a_pilot_asks_for_more_logons_where_few_are_refused():
    seldom, often = (
        pilot(cell, 0.02, "1") for cell in cells(ERLANG, (5,), (0.05, 0.5), ("sp5",))
    )

    assert seldom.logons > 5 * often.logons
    assert 0.5 == pytest.approx(often.theory)
    assert often.theory_low == often.theory == often.theory_high


# --- what fails -------------------------------------------------------------------------------


def seen(number, refused=0.2, full=0.2, hold_s=90.0, lingered_s=30.0):
    """A replication of 1,000 logons that are refused in about such a part."""
    noise = (number % 5 - 2) * 0.001
    count = round(1000 * (refused + noise))
    admitted = 1000 - count
    return Replication(
        logons=1000,
        refused=count,
        expected=1000.0,
        full=full + noise + (number % 3 - 1) * 0.001,
        controls=(1.0,),
        admitted=admitted,
        slot_s=admitted * hold_s,
        stayed_s=admitted * 60.0,
        lingered_s=admitted * lingered_s,
        differing=0,
        took_s=1.0,
    )


def verdicts(*cases, theory=EXACT):
    cell = Cell(ERLANG, "sp5", 10, 0.2, 0.1, theory.residue_s)
    return judge(
        [
            measured(cell, theory, [seen(number, **case) for number in range(REPLICATIONS)])
            for case in cases
        ]
    )


def failed(**case):
    (verdict,) = verdicts(case)
    return verdict.failed, verdict.outcome


def test_what_is_as_theory_says_passes():
    (verdict,) = verdicts({})

    assert verdict.ok
    assert not diagnosis(verdict)
    row = verdict.row()
    assert row["equivalent"]
    assert row["low"] < 0.2 < row["high"]
    assert [0.0, 30.0] == pytest.approx([row["little_residual"], row["leak_s"]])


def test_each_level_fails_by_itself():
    assert (("Little",), "equivalent") == failed(lingered_s=28.0)
    assert (("leak",), "equivalent") == failed(hold_s=92.0, lingered_s=32.0)
    assert (("PASTA",), "equivalent") == failed(full=0.21)
    assert (("model",), "differs") == failed(refused=0.215, full=0.215)
    assert (("PASTA", "model"), "differs") == failed(refused=0.3, full=0.0)


def test_a_slot_given_back_at_logoff_may_linger_a_tenth_of_a_second_only():
    at_once = replace(EXACT, residue_s=0.0)
    good, bad = (
        verdicts({"hold_s": 60 + more_s, "lingered_s": more_s}, theory=at_once)[0]
        for more_s in (0.05, 0.15)
    )

    assert good.ok
    assert ("leak",) == bad.failed
    assert "lingers for 0.1 s" in diagnosis(bad) or "lingers for 0.2 s" in diagnosis(bad)


def test_theorys_own_error_narrows_what_is_equivalent():
    rough = replace(EXACT, theory_low=0.192, theory_high=0.208)

    assert verdicts({"refused": 0.206, "full": 0.206})[0].ok
    assert not verdicts({"refused": 0.206, "full": 0.206}, theory=rough)[0].ok


def test_an_interval_that_is_too_wide_decides_nothing():
    cell = Cell(ERLANG, "sp5", 10, 0.2, 0.1, 30.0)
    values = [0.2 + (number % 4 - 1.5) * 0.05 for number in range(REPLICATIONS)]
    runs = [seen(number, refused=one, full=one) for number, one in enumerate(values)]
    (verdict,) = judge([measured(cell, EXACT, runs)])

    assert (("model",), "undecided") == (verdict.failed, verdict.outcome)
    assert "measure longer" in diagnosis(verdict)
