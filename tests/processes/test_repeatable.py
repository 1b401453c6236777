"""A run in virtual time is the same run again: in another process, under another hash seed."""

import os
import subprocess
import sys

# Over memory streams and by calls: links are walked through, too.
PLAY = """
import sys
from pathlib import Path
from clients.lab.compare.side import in_turn
from clients.lab.compare.source import load
from clients.lab.compare.virtual import Setting

seed, folder = int(sys.argv[1]), Path(sys.argv[2])
changes = dict(users=6, think_s=1.0, length_s=6.0, duration_s=30.0, visits=4.0)
trace, _ = load(None, changes, seed)
settings = [Setting("sp5", 6), Setting("w2k", 6, wired=True), Setting("recall", 6, wired=True)]
in_turn(trace, settings, seed, folder, lambda preset, attempts: None)
"""
PRESETS = ("sp5", "w2k", "recall")


def events(folder, seed, hash_seed):
    """Play in a process of its own; returns the event logs."""
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-c", PLAY, str(seed), str(folder)],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        check=True,
        timeout=60,
    )
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
