"""Files of this machine for a whole one: at the same places there, as many as fit into it."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from deploy.hosts import cpio
from deploy.hosts.host import HostError


def brought(files: Mapping[str, Path], here: Path, bytes_max: int) -> Iterator[cpio.Entry]:
    """The working folder, and files in folders of theirs: path there (from it) to path here.

    Raises HostError for what cannot be read, or is over `bytes_max` with the others.
    """
    _weigh(files.values(), bytes_max)
    made = {Path("/")}
    wanted = [(here / "x", None), *((here / one, path) for one, path in files.items())]
    for there, path in wanted:
        there = Path(os.path.normpath(there))
        for above in reversed(there.parents):
            if above not in made:
                yield cpio.folder(str(above)[1:])
                made.add(above)
        if path is not None:
            yield from _read(str(there)[1:], path)


def _weigh(paths: Iterable[Path], bytes_max: int) -> None:
    """Look before anything is read: it may be endless."""
    total = 0
    for path in paths:
        try:
            for size in _sizes(path):
                total += size
                if total > bytes_max:
                    what = f"more than {max(bytes_max, 0) >> 20} MB altogether"
                    raise _refused(path, f"{what} need a larger machine (--memory-mb)")
        except OSError as error:
            raise _refused(path, _reason(error)) from None


def _sizes(path: Path) -> Iterator[int]:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        for top, _, files in os.walk(path):
            for name in files:
                with suppress(FileNotFoundError):  # it went meanwhile
                    yield os.lstat(Path(top, name)).st_size
    elif stat.S_ISREG(found.st_mode):
        yield found.st_size
    else:
        raise _refused(path, "it is neither a file nor a folder")


def _read(there: str, path: Path) -> Iterator[cpio.Entry]:
    try:
        if path.is_dir():
            yield from cpio.tree(path, there)
        else:
            permissions = path.stat().st_mode & 0o777
            yield cpio.file(there, path.read_bytes(), permissions)
    except OSError as error:
        raise _refused(path, _reason(error)) from None


def _refused(path: Path, why: str) -> HostError:
    return HostError(f"{path} cannot be brought along: {why}")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
