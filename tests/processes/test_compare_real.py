"""`redlab compare --real`: the same trace by daemons as processes, the same table."""

import json
import subprocess
import sys


def test_by_real_processes_sp5_refuses_spuriously_and_sp6_does_not(tmp_path):
    command = [
        *(sys.executable, "-m", "clients.lab", "compare", "--real", "--time-scale", "0.05"),
        *("--preset", "sp5", "--preset", "sp6", "--users", "4", "--limit", "5"),
        *("--think-s", "2", "--length-s", "4", "--duration-s", "25", "--visits", "3"),
        *("--out", str(tmp_path), "--events", str(tmp_path), "--json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    sp5, sp6 = found["presets"]["sp5"], found["presets"]["sp6"]

    assert 0 == done.returncode
    assert sp5["logons"] == sp6["logons"] > 8
    assert sp5["spurious"] > 0 == sp6["refused"]
    assert (0, 0) == (sp5["disagreements"], sp6["disagreements"])
    assert sp5["ghost_slot_seconds"] > 30 > 1 > sp6["ghost_slot_seconds"]
    assert sp6["log_on_ms"]["mean"] > 0
    where = found["first_divergence"]
    assert {"sp5": "refused", "sp6": "admitted"} == where["fates"]
    assert any("ghost" in line for line in where["stories"]["sp5"]["words"])
    events = [json.loads(line) for line in (tmp_path / "sp5.jsonl").read_text().splitlines()]
    assert sp5["refused"] == sum(one["event"] == "refused" for one in events)
