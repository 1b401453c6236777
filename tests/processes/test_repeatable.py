"""A run in virtual time is the same run again: in another process, under another hash seed."""

import os
import subprocess
import sys

PRESETS = ("sp5", "w2k", "recall")
COMPARE = [
    *(sys.executable, "-m", "clients.lab", "compare", "--processes", "1", "--json"),
    *(argument for preset in PRESETS for argument in ("--preset", preset)),
    *("--users", "6", "--limit", "6", "--think-s", "1", "--length-s", "6"),
    *("--duration-s", "40", "--visits", "4"),
]


def events(folder, seed, hash_seed):
    """Compare in a process of its own; returns the event logs."""
    command = [*COMPARE, "--seed", str(seed), "--events", str(folder), "--out", str(folder)]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stderr)
    return {preset: (folder / f"{preset}.jsonl").read_bytes() for preset in PRESETS}


def test_one_seed_gives_the_same_events_byte_for_byte_and_another_gives_others(tmp_path):
    first = events(tmp_path / "first", 1, 0)
    again = events(tmp_path / "again", 1, 1)
    other = events(tmp_path / "other", 2, 0)

    for preset in PRESETS:
        assert first[preset] == again[preset]
        assert first[preset] != other[preset]
        assert first[preset].count(b"\n") > 200
    assert b'"refused"' in first["sp5"]
