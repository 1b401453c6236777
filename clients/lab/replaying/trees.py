"""What is in a folder and below it: names, kinds, sizes; and how two of them differ."""

import os
from collections.abc import Iterator
from pathlib import Path

FOLDER = -1  # instead of a size
Tree = dict[str, int]  # each path below the folder, and how large the file there is


def read_tree(folder: Path) -> Tree:
    """Return all that is below a folder; what is no folder counts as a file."""
    return dict(_below(str(folder), ""))


def _below(folder: str, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield path, FOLDER
                yield from _below(entry.path, f"{path}/")
            else:
                yield path, entry.stat(follow_symlinks=False).st_size


def differences(ours: Tree, theirs: Tree) -> list[str]:
    """Say for each path at which they differ what is there."""
    return [
        f"{path}: {_words(ours.get(path))} here, {_words(theirs.get(path))} there"
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    ]


def _words(size: int | None) -> str:
    if size is None:
        return "nothing"
    return "a folder" if size == FOLDER else f"{size} bytes"
