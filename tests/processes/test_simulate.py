"""`redlab simulate`: trials by seed, judged, each the same again by its seed."""

import json
import os
import subprocess
import sys

SEEDS = 2000 if os.environ.get("CI") else 30
SIGHTS_MIN = 15  # sometimes-invariants, all of which many seeds reach


def simulate(*options, hash_seed=0):
    # It only computes: whatever runs beside it comes first.
    command = ["nice", sys.executable, "-m", "clients.lab", "simulate", *options]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=3600,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
    )


def test_nothing_fails_in_many_trials_and_they_reach_what_they_must():
    done = simulate("--seeds", f"0..{SEEDS - 1}", "--processes", "2", "--json")

    said = json.loads(done.stdout)
    assert [] == said["failed"]
    assert (0, SEEDS) == (done.returncode, said["seeds"])
    assert said["simulated_s"] > 10 * SEEDS
    reached = [name for name, count in said["sometimes"].items() if count]
    assert len(reached) >= SIGHTS_MIN
    assert SEEDS < 2000 or sorted(said["sometimes"]) == reached


def test_each_trial_played_twice_gives_the_same_history():
    done = simulate("--seeds", "6..8", "--processes", "1", "--check-determinism", "--json")

    assert [] == json.loads(done.stdout)["differ"]


def test_the_same_seeds_give_the_same_histories_whatever_hashes_are():
    options = ("--seeds", "0..5", "--processes", "1", "--json")
    first, again = (
        json.loads(simulate(*options, hash_seed=seed).stdout)["digest"] for seed in (0, 1)
    )
    other = json.loads(simulate("--seeds", "1..6", *options[2:]).stdout)["digest"]

    assert first == again
    assert first != other


def test_a_planted_bug_is_found_shrunk_and_saved_to_be_played_again(tmp_path):
    bug, out = "limit-off-by-one", tmp_path / "out"
    done = simulate(
        "--scoreboard", "--bug", bug, "--out", str(out), "--processes", "1", "--json"
    )

    said = json.loads(done.stdout)
    assert (1, 1) == (said["planted"], said["found"])
    assert 1 <= said["bugs"][bug] <= 10
    assert said["details"][0]["operations"] <= 10
    (trial,) = (out / bug).glob("*.json")
    again = simulate("--trace", str(trial), "--json")  # in a house without the bug
    assert (0, None) == (again.returncode, json.loads(again.stdout)["failure"])
    for card in (out / bug).glob("*.toml"):  # what faults or delays it needs no card can say
        command = [sys.executable, "-m", "clients.lab", "card", str(card), "--json"]
        played = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (0, "") == (played.returncode, played.stderr)


def test_what_is_no_trial_is_refused_in_one_line(tmp_path):
    path = tmp_path / "trial.json"
    path.write_text('{"format": "something else"}')
    done = simulate("--trace", str(path))

    assert (1, "") == (done.returncode, done.stdout)
    assert "this is no trial" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_a_bug_that_is_not_there_is_refused_in_one_line():
    done = simulate("--scoreboard", "--bug", "nothing")

    assert 1 == done.returncode
    assert "there is no bug 'nothing'" in done.stderr
