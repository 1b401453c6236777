"""A planted bug: a text, and the one line of one module that it changes.

The diff's line numbers are not looked at: the place is where its lines are, which must be
found once, so that a patch outlives changes elsewhere in the module.
"""

import re
from dataclasses import dataclass


class PatchError(Exception):
    """A patch that cannot be read or applied; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Bug:
    """`before` and `after` are whole lines: the changed one with its neighbours."""

    name: str
    words: str
    path: str
    before: str
    after: str


def parse(text: str, name: str) -> Bug:
    """Read a patch; raises PatchError."""
    words, mark, diff = text.partition("\n--- ")
    found = re.match(r"(?:a/)?\S+\n\+\+\+ (?:b/)?(\S+)\n@@ [^\n]* @@[^\n]*\n", diff)
    if not mark or found is None or not words.strip():
        raise PatchError(f"{name}: words, a blank line, and a unified diff of one place")
    lines = diff[found.end() :].splitlines(keepends=True)
    if any(line[0] not in " +-" for line in lines):
        raise PatchError(f"{name}: one place of one file is changed, no more")
    removed = sum(line[0] == "-" for line in lines)
    added = sum(line[0] == "+" for line in lines)
    if (removed, added) not in ((1, 1), (1, 0)):
        raise PatchError(f"{name}: one line changes or goes, not {removed} for {added}")
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    spoken = " ".join(re.sub(r"^(diff|index) .*$", "", words, flags=re.MULTILINE).split())
    return Bug(name, spoken, found[1], before, after)


def applied(bug: Bug, source: str) -> str:
    """Return a module's text with the bug in it; raises PatchError."""
    place = re.compile(f"^{re.escape(bug.before)}", re.MULTILINE)
    count = len(place.findall(source))
    if count != 1:
        where = "is not there" if not count else f"is there {count} times"
        raise PatchError(f"{bug.name}: what it changes in {bug.path} {where}")
    return place.sub(lambda _: bug.after, source)
