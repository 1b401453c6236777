"""Where planted bugs are kept, and a copy of the house with one of them in it."""

import shutil
from importlib.resources import files
from pathlib import Path

from clients.lab.bugs import patch
from clients.lab.bugs.patch import Bug, PatchError

ENDING = ".patch"
ROOT = Path(__file__).parents[3]
PACKAGES = ("redird", "shareserver", "clients", "deploy")


def names() -> list[str]:
    """The names of the bugs that come with the program."""
    found = [entry.name for entry in files(__package__).iterdir()]
    return sorted(one.removesuffix(ENDING) for one in found if one.endswith(ENDING))


def load(name: str) -> Bug:
    """Return the bug of that name; raises PatchError."""
    if name not in names():
        raise PatchError(f"there is no bug {name!r}; there are {', '.join(names())}")
    return patch.parse((files(__package__) / f"{name}{ENDING}").read_text(), name)


def plant(bug: Bug, folder: Path) -> None:
    """Copy the packages to a folder, with the bug in its place; raises PatchError."""
    source = patch.applied(bug, (ROOT / bug.path).read_text())
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / bug.path).write_text(source)
