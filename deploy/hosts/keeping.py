"""Folders that are kept: whole whenever they can be seen, and there as long as they are used.

One is made beside its place and moved there; one that goes is moved away first. Whoever uses
one holds a shared lock on the folder itself, which also works where nothing may be written.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from deploy.hosts.host import HostError


@contextmanager
def making(made: Path) -> Iterator[Path]:
    """A folder to fill, which is `made` after the block; raises HostError if it cannot be.

    Whoever makes it at the same time makes the same.
    """
    made.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(made, "making")
    try:
        with _locked(part, fcntl.LOCK_SH):
            part.chmod(0o755)
            yield part
            with suppress(OSError):  # somebody else was faster
                part.rename(made)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if not made.is_dir():
        raise HostError(f"cannot keep {made.name} in {made.parent}")


@contextmanager
def using(folders: Iterable[Path]) -> Iterator[None]:
    """Let nobody remove these during the block; raises HostError for one that is gone."""
    with ExitStack() as held:
        for folder in folders:
            try:
                descriptor = held.enter_context(_locked(folder, fcntl.LOCK_SH))
                there = os.path.samestat(os.fstat(descriptor), folder.stat())
            except (FileNotFoundError, BlockingIOError):
                there = False
            if not there:
                raise HostError(f"{folder} is being removed: redlab hosts build makes it anew")
        yield


def removed(folder: Path) -> bool:
    """Remove a folder; False if somebody uses it."""
    with suppress(FileNotFoundError):  # somebody else did
        try:
            with _locked(folder, fcntl.LOCK_EX):
                going = _beside(folder, "removing")
                folder.rename(going)
        except BlockingIOError:
            return False
        shutil.rmtree(going)
    return True


def _beside(folder: Path, why: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{why}-{folder.name}-", dir=folder.parent))


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[int]:
    """Hold a lock on a folder; raises BlockingIOError instead of waiting for it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)
