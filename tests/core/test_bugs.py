"""The planted bugs: each changes one line that is there, and leaves a module that compiles."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from clients.lab.bugs import patch, shelf
from clients.lab.bugs.patch import PatchError

ROOT = Path(__file__).parents[2]
NAMES = shelf.names()
PATCH = """It does wrong.

--- a/m.py
+++ b/m.py
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
"""


def test_there_are_at_least_twenty_bugs():
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_a_bug_changes_one_line_of_the_present_tree(name):
    bug = shelf.load(name)
    source = (ROOT / bug.path).read_text()

    changed = patch.applied(bug, source)

    before, after = source.splitlines(), changed.splitlines()
    assert len(after) in (len(before), len(before) - 1)
    assert changed != source
    assert bug.words
    ast.parse(changed)


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_git_takes_every_patch():
    paths = [str(path) for path in sorted((ROOT / "clients/lab/bugs").glob("*.patch"))]
    for path in paths:
        command = ["git", "apply", "--check", path]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert (0, "") == (done.returncode, done.stderr)
    assert len(NAMES) == len(paths)


def test_a_patch_is_applied_wherever_its_lines_are():
    bug = patch.parse(PATCH, "x")

    assert "It does wrong." == bug.words
    assert "zero\none\nTWO\nthree\n" == patch.applied(bug, "zero\none\ntwo\nthree\n")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("one\nthree\n", "is not there"),
        ("one\ntwo\nthree\n" * 2, "is there 2 times"),
        ("xone\ntwo\nthree\n", "is not there"),
    ],
)
def test_a_patch_without_its_one_place_is_refused(source, says):
    with pytest.raises(PatchError, match=says):
        patch.applied(patch.parse(PATCH, "x"), source)


@pytest.mark.parametrize(
    "text",
    [
        PATCH.replace("It does wrong.\n\n", "\n"),
        PATCH.replace("-two\n", "-two\n-three\n"),
        PATCH.replace("-two\n", " two\n"),
        "no diff at all\n",
        PATCH + "@@ -9,1 +9,1 @@\n-a\n+b\n",
    ],
)
def test_what_is_no_change_of_one_line_is_refused(text):
    with pytest.raises(PatchError, match="x: "):
        patch.parse(text, "x")


def test_a_bug_is_planted_in_a_copy_and_nowhere_else(tmp_path):
    bug = shelf.load("limit-off-by-one")

    shelf.plant(bug, tmp_path)

    source = (ROOT / bug.path).read_text()
    assert bug.after in (tmp_path / bug.path).read_text()
    assert bug.before in source
    same = (tmp_path / "redird/dormant.py").read_text()
    assert (ROOT / "redird/dormant.py").read_text() == same
