"""`redlab cards` and `redlab card` as a user runs them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clients.lab.cards import shelf, writing

REDLAB = (sys.executable, "-m", "clients.lab")


def redlab(*arguments):
    command = [*REDLAB, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A card of the user's, begun with one of ours."""
    path = tmp_path_factory.mktemp("cards") / "own.toml"
    path.write_text(writing.render(shelf.load("Q248371")))
    return path


def test_a_card_is_printed_to_begin_ones_own_with(own):
    assert own.read_text() == redlab("card", "Q248371", "--toml").stdout


def test_all_cards_as_an_object():
    done = redlab("cards", "--preset", "sp5", "--json")

    found = json.loads(done.stdout)
    assert (0, True) == (done.returncode, found["ok"])
    row = next(row for row in found["cards"] if row["name"] == "Q258837")
    assert ({"sp5": True}, "", True) == (row["presets"], row["cannot"], row["ok"])
    assert 40 <= len(found["cards"])


def test_one_card_as_an_object_found_whatever_its_case(own):
    found = json.loads(redlab("card", "q248371", "--json").stdout)

    assert {"name", "title", "sources", "story", "cannot", "nearest", "presets", "ok"} == set(
        found
    )
    told = found["presets"]["sp5"]
    assert ([], True) == (told["differences"], told["ok"])
    assert told["expected"] == told["measured"]
    assert {
        "step": "bob connects docs -> later",
        "at_s": 36.0,
        "ended_s": 36.0,
        "outcome": "STATUS_SUCCESS",
        "detail": "",
    } in told["steps"]


def test_what_a_draft_gives_can_be_expected_of_it(own, tmp_path):
    draft = tmp_path / "draft.toml"
    text = own.read_text()
    draft.write_text(text.partition("[expected.default]")[0])

    done = redlab("card", draft)
    assert (1, "") == (done.returncode, done.stdout)
    assert "nothing is said of 'leaves' under sp3" in done.stderr
    done = redlab("card", draft, "--measured")
    assert (0, text) == (done.returncode, done.stdout)


def test_another_outcome_than_expected_is_exit_status_1(own, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(own.read_text().replace("spurious", "genuine"))

    done = redlab("card", other)

    assert 1 == done.returncode
    wrong = "FAIL: STATUS_REQUEST_NOT_ACCEPTED spurious, expected"
    assert 1 == done.stdout.count(wrong)  # sp4 and sp5 are told as one
    assert 1 == done.stdout.count("recall: as expected")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Q1", "redlab: there is no card 'Q1'; see `redlab cards`"),
        ("no/such.toml", "redlab: no/such.toml: no such file or directory"),
    ],
)
def test_a_card_that_is_not_there_is_said_in_one_line(name, says):
    done = redlab("card", name)

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(says)
    assert 1 == done.stderr.count("\n")


def test_a_bad_step_is_said_in_one_line(own, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(own.read_text().replace("alice logs on", "alice logs in", 1))

    done = redlab("card", bad)

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(
        f"redlab: {bad}: step 1, 'alice logs in': no such step; did you"
    )
    assert 1 == done.stderr.count("\n")


def test_a_signal_ends_the_playing_in_order():
    with subprocess.Popen([*REDLAB, "cards"], stdout=subprocess.PIPE, text=True) as playing:
        while not catches(playing.pid, signal.SIGTERM):
            assert playing.poll() is None
            time.sleep(0.05)
        playing.send_signal(signal.SIGTERM)
        out, _ = playing.communicate(timeout=20)

    assert (128 + signal.SIGTERM, "") == (playing.returncode, out)


def catches(pid, number):
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)
