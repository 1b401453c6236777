"""`redlab oracle` as its users run it: its object, its status, what it says of bad input."""

import json
import signal
import subprocess
import sys

import pytest

from tests.processes.alive import runs, started_by, wait_for

COLUMNS = {
    "limit", "offered", "preset", "measured", "low", "high", "theory", "model", "equivalent",
    "little_residual", "leak_s",
}  # fmt: skip


def oracle(*options):
    command = [sys.executable, "-m", "clients.lab", "oracle", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert "Traceback" not in done.stderr
    return done


def test_a_small_table_is_as_theory_says(tmp_path):
    done = oracle(
        *("--limits", "2", "--refusals", "50", "--presets", "sp5", "--precision", "0.04"),
        *("--processes", "2", "--json", "--out", str(tmp_path)),
    )
    found = json.loads(done.stdout)
    (cell,) = found["cells"]

    assert (0, True, True) == (done.returncode, found["equivalent"], cell["equivalent"])
    assert found == json.loads((tmp_path / "results.json").read_text())
    assert COLUMNS <= set(cell)
    assert 0.475 < cell["low"] < cell["measured"] < cell["high"] < 0.525
    assert [0.0, 30.0] == pytest.approx([cell["little_residual"], cell["leak_s"]], abs=1e-6)
    assert 0 == cell["decided_differently"]
    assert (tmp_path / "oracle.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limits", "0"], "'0': limits from 1 to 60"),
        (["--presets", "sp3"], "'sp3': presets whose logoff leaves or purges"),
        (["--plant", "age=3"], "'age=3': limit, dormant_age_s, scavenger_tick_s"),
        (["--model", "tick", "--presets", "sp6"], "0 cells: choose between 1 and"),
        (["--out", "/dev/null/x"], "Not a directory"),
    ],
)
def test_bad_input_is_named_in_a_line(options, said):
    done = oracle(*options)

    assert done.returncode in (1, 2)
    assert said in done.stderr


def test_a_signal_ends_its_workers_too(tmp_path):
    command = [sys.executable, "-m", "clients.lab", "oracle", "--processes", "2"]
    command += ["--out", str(tmp_path)]
    workers: dict[tuple[int, str], str] = {}

    def working():
        found = started_by(process.pid)
        workers.update((one, text) for one, text in found.items() if "spawn_main" in text)
        return len(workers) == 2

    with subprocess.Popen(
        [*command, "--out", str(tmp_path)], stderr=subprocess.PIPE
    ) as process:
        try:
            wait_for(working, "no workers")
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert 128 + signal.SIGTERM == process.returncode
    assert b"Traceback" not in said
    assert [] == [one for one in workers if runs(one)]
