"""`redlab plan` as its users run it."""

import json
import subprocess
import sys

import pytest

CASE = ("--limit", "3", "--length-s", "60")


def plan(*options):
    command = [sys.executable, "-m", "clients.lab", "plan", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert "Traceback" not in done.stderr
    return done


def test_a_plan_is_checked_by_simulation_and_by_the_daemons():
    done = plan(*CASE, "--rate", "0.05", "--check", "--json", "--processes", "2")
    found = json.loads(done.stdout)

    assert 0 == done.returncode
    assert found["agrees"]
    for one in found["checks"]:
        answer = found["presets"][one["preset"]]
        assert answer["refused"] == one["model"]
        assert one["daemons_low"] < one["daemons"] < one["daemons_high"]
        assert one["simulated_low"] - 0.01 < one["model"] < one["simulated_high"] + 0.01
        assert 0 == one["decided_differently"]
        assert one["logons"] > 500
    assert found["presets"]["sp6"]["any_age"] is False


def test_a_plan_says_its_model_and_what_that_assumes():
    done = plan(*CASE, "--rate", "0.01")

    assert 0 == done.returncode
    for said in ("refused at this limit", "limit needed for 1 %", "Erlang-B", "do not retry"):
        assert said in done.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --rate, or --users with --think-s"),
        (["--rate", "1", "--users", "3"], "give --rate, or --users with --think-s"),
        (["--users", "3"], "--users and --think-s go together"),
        (["--rate", "1000"], "a load of 90,000 slots: plans take at most 2,000"),
        (["--rate", "10", "--check"], "a load of 900 slots: --check takes at most 300"),
    ],
)
def test_a_load_that_cannot_be_planned_for_is_named(options, said):
    done = plan(*CASE, *options)

    assert done.returncode in (1, 2)
    assert said in done.stderr
