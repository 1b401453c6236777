"""Give back what a cache takes: results that no host is made of any more, unfinished work."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from deploy.hosts import cache
from deploy.hosts.host import ARCHES


def litter(arch: str) -> Iterator[Path]:
    """What of an architecture is not in use: outdated results, steps that are not finished."""
    record = cache.read(arch)
    for step in (cache.folder() / "steps").glob(f"{arch}-*"):
        part = step.name.removeprefix(f"{arch}-")
        yield from (path for path in step.iterdir() if path.name != record.keys.get(part))
    yield from (cache.folder() / "work").glob(f"{arch}-*")


def everything(arch: str) -> Iterator[Path]:
    """All there is of an architecture."""
    for folder in ("steps", "work", "logs", "hosts", "apt"):
        yield from (cache.folder() / folder).glob(f"{arch}-*")
        yield from (cache.folder() / folder).glob(f"{arch}.*")
        yield from (cache.folder() / folder).glob(arch)


def shared() -> Iterator[Path]:
    """What belongs to no architecture, or to none that is known any more."""
    folder = cache.folder()
    yield folder / "site"
    yield folder / "install.log"
    for kind in ("steps", "work", "logs", "hosts", "apt"):
        for path in (folder / kind).glob("*"):
            if path.name.replace(".", "-").partition("-")[0] not in ARCHES:
                yield path


def remove(path: Path) -> int:
    """Remove a file or a folder; how many bytes that gives back."""
    if not path.is_dir():
        freed = path.stat().st_size if path.exists() else 0
        path.unlink(missing_ok=True)
        return freed
    freed = cache.size(path)
    shutil.rmtree(path, ignore_errors=True)
    return freed
