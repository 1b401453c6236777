"""`redlab check` judges a file: a table or one object, and an exit status that says which."""

import json

from click.testing import CliRunner

from clients.lab.__main__ import main
from clients.lab.exercising.actors import Place
from clients.lab.exercising.plans import Knobs
from tests.core.checked import Story
from tests.stories.exercise import history


def _check(path, *options):
    return CliRunner().invoke(main, ["check", str(path), *options])


def _saved(tmp_path, lines):
    path = tmp_path / "history.jsonl"
    path.write_text("".join(f"{one}\n" for one in lines))
    return path


def test_a_run_in_order_ends_with_0_and_says_what_was_looked_at(tmp_path):
    lines = history(3, "sp6", Knobs(users=5, limit=2, think_s=0.1, duration_s=60.0), Place())
    done = _check(_saved(tmp_path, lines), "--json")

    told = json.loads(done.stdout)
    assert {"checkers", "sometimes", "operations", "lost_bytes", "ok"} == set(told)
    verdicts = {name: one["verdict"] for name, one in told["checkers"].items()}
    assert {"pass"} == set(verdicts.values()), verdicts
    assert told["ok"] is True
    assert told["sometimes"]["limit_reached"] > 0
    assert 0 == done.exit_code
    assert "" == done.stderr


def test_a_run_that_is_not_ends_with_1_and_names_the_checker_who_and_when(tmp_path):
    story = Story(uses_max=9).enter("ann").do("ann", "write", value=5).do("ann", "close")
    path = _saved(tmp_path, story.do("bob", "read", {"value": 0}).lines)

    done = _check(path)
    assert 1 == done.exit_code
    shown = " ".join(done.stdout.split())
    assert "bob at host1 read nothing (0) in block 0 of a" in shown
    assert "closed_writes_readable fail" in shown
    assert "64 bytes lost" in shown

    told = json.loads(_check(path, "--json").stdout)
    failed = told["checkers"]["closed_writes_readable"]
    assert ("fail", 1, False) == (failed["verdict"], failed["count"], told["ok"])
    assert "block 0 of a" in failed["subjects"]


def test_a_history_that_tells_too_little_is_unknown_and_ends_with_1(tmp_path):
    done = _check(_saved(tmp_path, Story().enter("ann").lines))

    assert 1 == done.exit_code
    assert "unknown: 3 operations; no checker failed, but some cannot say" in done.stdout


def test_what_is_no_history_ends_with_2_and_one_line(tmp_path):
    lines = Story().enter("ann").lines
    cases = {
        "nothing": "No such file or directory",
        _saved(tmp_path, []): "it is empty",
    }
    for path, says in cases.items():
        done = _check(path)

        assert (2, "") == (done.exit_code, done.stdout)
        assert says in done.stderr
        assert 1 == len(done.stderr.splitlines())

    done = _check(_saved(tmp_path, [*lines[:2], '{"type":"invoke"', *lines[2:]]))
    assert done.exit_code == 2
    assert "history.jsonl: line 3: not JSON" in done.stderr
    preset = _check(_saved(tmp_path, Story(preset="sp9").lines))
    assert (2, True) == (preset.exit_code, "preset 'sp9' is not one of sp3" in preset.stderr)
    wrong = _check(_saved(tmp_path, Story(grace_s="long").lines))
    assert "line 1: setting `grace_s` must be int or float, not 'long'" in wrong.stderr
