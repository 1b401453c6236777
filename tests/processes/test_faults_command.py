"""`redlab faults`: real daemons, broken on purpose, and what is left of it all."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import python_module
from tests.processes.alive import runs, started_by, wait_for
from tests.processes.daemons import command

RUN_MAX_S = 120
DOZEN = (
    "latency,slicer,reset,duplicate,lost_reply,kill_server,kill_redirector,stop_redirector,"
    "out_of_files,takeover,garbage,break_ignorer"
)


def faults(out: Path, *args: str) -> subprocess.Popen[str]:
    words = python_module("clients.lab", "faults", "--out", str(out), "--json", *args)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def events(out: Path) -> list[dict]:
    lines = (out / "history.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def happened(out: Path, **wanted: object) -> Callable[[], bool]:
    """Whether the history has such an event by now."""

    def look() -> bool:
        path = out / "history.jsonl"
        lines = path.read_text().splitlines()[1:-1] if path.exists() else []
        return any(wanted.items() <= json.loads(line).items() for line in lines)

    return look


def test_a_dozen_kinds_come_and_go_and_everything_holds(tmp_path):
    run = faults(tmp_path, "--kinds", DOZEN, "--duration-s", "12", "--seed", "3")
    said, told = run.communicate(timeout=RUN_MAX_S)
    found = json.loads(said)
    fired = {one["kind"] for one in events(tmp_path) if one.get("event") == "fired"}

    assert ({}, [], 0, True) == (
        found["failed"], found["found"], found["lost_bytes"], found["ok"],
    ), told  # fmt: skip
    assert 0 == run.returncode
    assert set(DOZEN.split(",")) == fired == set(found["faults"])
    assert all(one["fired"] == one["healed"] >= 1 for one in found["faults"].values())
    assert {"pass"} == {
        found["checkers"][name]
        for name in ("nothing_left", "disk_holds_writes", "faults_healed", "old_numbers_fenced")
    }
    assert "reset" in (tmp_path / "report.html").read_text()
    assert b"\x89PNG" == (tmp_path / "timeline.png").read_bytes()[:4]
    assert not any("Traceback" in log.read_text() for log in (tmp_path / "logs").iterdir())


def test_a_daemon_that_dies_by_itself_fails_the_run(tmp_path):
    args = ("--kinds", "latency", "--duration-s", "3", "--users", "4", "--hosts", "1")
    run = faults(tmp_path, *args)
    wait_for(happened(tmp_path, type="fault", kind="latency", event="fired"), "no fault")
    started = started_by(run.pid)
    server = next(pid for (pid, _), text in started.items() if "shareserver" in text)
    os.kill(server, signal.SIGKILL)
    said, told = run.communicate(timeout=RUN_MAX_S)
    found = json.loads(said)

    assert ["server ended by itself, with status -9"] == found["found"]
    assert (1, False) == (run.returncode, found["ok"])
    assert "FOUND: server ended by itself" in told
    assert happened(tmp_path, type="server", event="started", epoch=2)()


def test_a_run_that_is_cut_short_leaves_what_it_saw_and_nothing_else(tmp_path):
    args = ("--kinds", "stop_server,stop_redirector", "--duration-s", "15", "--users", "4")
    run = faults(tmp_path, *args)
    wait_for(happened(tmp_path, type="fault", event="fired"), "no fault")
    there = started_by(run.pid)
    assert 3 <= len(there)
    run.terminate()
    run.communicate(timeout=RUN_MAX_S)
    found = json.loads((tmp_path / "results.json").read_text())

    assert 128 + signal.SIGTERM == run.returncode
    assert (True, False) == (found["partial"], found["ok"])
    assert [] == [text for one, text in there.items() if runs(one)]
    assert happened(tmp_path, type="fault", event="healed")()
    assert "cut short" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--kinds", "latecny"), "redlab: --kinds: 'latecny' is none of all, bandwidth"),
        (("--kinds", "all", "--duration-s", "1"), "give --duration-s"),
        (("--out", "/dev/null/x"), "redlab: /dev/null/x: not a directory"),
    ],
)
def test_what_cannot_be_run_is_told_in_a_line(tmp_path, args, said):
    ended = command("clients.lab", "faults", "--out", str(tmp_path), *args)

    assert (1, b"") == (ended.status, ended.stdout)
    assert said in ended.err
    assert 1 == len([line for line in ended.err.splitlines() if "redlab:" in line])


def test_all_kinds_are_listed_with_their_bands():
    listed = command("clients.lab", "faults", "--list", "--json").json["kinds"]
    shown = command("clients.lab", "faults", "--list").out

    assert 24 <= len(listed)
    assert all(one["kind"] in shown and one["is"] for one in listed)
    assert {"network", "process", "disk", "time", "protocol"} == {one["band"] for one in listed}
