"""`redlab simulate`: trials by seed, judged, each the same again by its seed."""

import json
import os
import subprocess
import sys


def simulate(*options, hash_seed=0):
    command = [sys.executable, "-m", "clients.lab", "simulate", *options]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
    )


def test_what_comes_of_some_seeds_is_said_as_one_object():
    done = simulate("--seeds", "6..9", "--processes", "1", "--json")

    said = json.loads(done.stdout)
    assert 4 == said["seeds"]
    assert said["simulated_s"] > 40
    assert {"seeds", "failed", "sometimes", "simulated_s", "wall_s"} <= said.keys()


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
