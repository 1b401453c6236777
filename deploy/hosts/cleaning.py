"""Give back what a cache takes: results that no host is made of any more, unfinished work.

What a running host uses stays.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from deploy.hosts import cache
from deploy.hosts.host import ARCHES
from deploy.hosts.keeping import removed

KINDS = ("hosts", "work", "logs", "apt", "python", "steps")


class Cleaning:
    """What was removed, with its bytes, and what could not be: paths in the cache."""

    def __init__(self) -> None:
        self.freed: dict[str, int] = {}
        self.in_use: list[str] = []

    def litter(self, arch: str) -> None:
        """Remove of an architecture what is not in use: outdated results, unfinished steps."""
        record = cache.read(arch)
        for result in _results(arch):
            part = result.parent.name.removeprefix(f"{arch}-")
            if result.name != record.keys.get(part):
                self._remove(result)
        self._remove_all(_of("work", arch))
        self._pythons(arch)

    def everything(self, arch: str) -> None:
        """Remove all there is of an architecture, its record first."""
        for kind in ("hosts", "work", "logs", "apt"):
            self._remove_all(_of(kind, arch))
        for result in _results(arch):
            self._remove(result)
            with suppress(OSError):  # others of this step are in use
                result.parent.rmdir()
        self._pythons(arch)

    def shared(self) -> None:
        """Remove what belongs to no architecture, or to none that is known any more."""
        folder = cache.folder()
        self._remove_all(list((folder / "site").glob("*")))
        self._remove(folder / "install.log")
        for kind in KINDS:
            for path in list((folder / kind).glob("*")):
                if path.name.replace(".", "-").partition("-")[0] not in ARCHES:
                    self._remove(path)

    def _pythons(self, arch: str) -> None:
        """Those that would start what is not there any more."""
        for path in _of("python", arch):
            key = path.name.removeprefix(f"{arch}-").partition("-")[0]
            if not cache.result(f"{arch}-{cache.ROOT}", key).exists():
                self._remove(path)

    def _remove_all(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        name = str(path.relative_to(cache.folder()))
        if path.is_dir():
            size = cache.size(path)
            if not removed(path):
                self.in_use.append(name)
                return
        elif path.exists():
            size = path.stat().st_size
            path.unlink()
        else:
            return
        self.freed[name] = size


def _results(arch: str) -> list[Path]:
    """All results of its steps, of any key."""
    steps = (cache.folder() / "steps").glob(f"{arch}-*")
    return [result for step in steps for result in step.iterdir()]


def _of(kind: str, arch: str) -> list[Path]:
    """What belongs to an architecture; hidden: what was in the making, or going, at an end."""
    folder = cache.folder() / kind
    patterns = (arch, f"{arch}-*", f"{arch}.*", f".*-{arch}-*")
    return [path for pattern in patterns for path in folder.glob(pattern)]
