"""`redlab replay` with real daemons, on lines made up here and the first of Debian's file."""

import json
import subprocess
import sys

import pytest

from clients.lab.replaying.netbench import FILE

LINES = r"""NTCreateX "\clients" 0x1 0x3 1 NT_STATUS_OK
NTCreateX "\clients\client1" 0x1 0x2 2 NT_STATUS_OK
NTCreateX "\clients\client1\a" 0x40 0x2 3 NT_STATUS_OK
WriteX 3 0 1000 1000 NT_STATUS_OK
Close 3 NT_STATUS_OK
NTCreateX "\clients\client1\a" 0x40 0x1 4 NT_STATUS_OK
ReadX 4 0 1000 1000 NT_STATUS_OK
Close 4 NT_STATUS_OK
"""


def redlab_replay(*arguments):
    command = [sys.executable, "-m", "clients.lab", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=40)


@pytest.mark.parametrize("through", ["daemon", "library"])
def test_two_clients_play_a_file(tmp_path, through):
    file = tmp_path / "file"
    file.write_text(LINES)
    done = redlab_replay(file, "--clients", 2, "--through", through, "--json")
    assert 0 == done.returncode, done.stderr
    row = json.loads(done.stdout)
    assert (16, 16, []) == (row["lines"], row["matched"], row["mismatched"])
    assert 2 == row["reuse_hits"]
    assert (2, through) == (row["clients"], row["through"])


def test_a_status_that_differs_is_shown_and_is_a_failure(tmp_path):
    file = tmp_path / "file"
    file.write_text(LINES + 'QUERY_PATH_INFORMATION "\\gone" 1004 NT_STATUS_OK\n')
    done = redlab_replay(file)
    assert 1 == done.returncode
    assert "8 of 9 statuses as the file has them" in done.stdout
    assert "line 9 (client 1) QUERY_PATH_INFORMATION gone: expected NT_STATUS_OK" in done.stdout


def test_a_bad_line_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text(LINES + "Nonsense 7 NT_STATUS_OK\n")
    done = redlab_replay(file)
    assert 1 == done.returncode
    assert "line 9: there is no operation Nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_lines_of_debians_file_have_its_statuses(requires):
    requires("dbench")
    done = redlab_replay(FILE, "--lines", 1000, "--through", "library", "--json")
    assert 0 == done.returncode, done.stdout
    assert 1000 == json.loads(done.stdout)["matched"]


def test_what_is_left_is_what_smbd_has(tmp_path, requires):
    requires("smbd", "samba")
    requires("smbtorture", "samba-testsuite")
    requires("dbench")
    file = tmp_path / "file"
    lines = FILE.read_text().splitlines(keepends=True)[:2000]
    file.write_text("".join(lines) + 'Deltree "\\clients" NT_STATUS_OK\n')
    done = redlab_replay(file, "--through", "library", "--compare-tree", "--json")
    assert 0 == done.returncode, done.stdout + done.stderr
    row = json.loads(done.stdout)
    assert (2000, []) == (row["lines"], row["tree_differences"])
    assert 76 == row["tree_entries"]
