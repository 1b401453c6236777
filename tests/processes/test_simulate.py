"""`redlab simulate`: trials by seed, judged, each the same again by its seed."""

import json
import os
import subprocess
import sys

FEW = "0..9"


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
    done = simulate("--seeds", FEW, "--processes", "1", "--json")

    said = json.loads(done.stdout)
    assert 10 == said["seeds"]
    assert said["simulated_s"] > 100
    assert {"seeds", "failed", "sometimes", "simulated_s", "wall_s"} <= said.keys()
