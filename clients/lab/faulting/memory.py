"""A bound on a process's memory: by a cgroup of its own (v2) where one can be made, else by its
address space.

In a cgroup the kernel kills it when it needs more; without, its next allocations fail.
"""

import os
import resource
from contextlib import suppress
from pathlib import Path

ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))


def cgroup_root(roots: tuple[Path, ...] = ROOTS) -> Path | None:
    """A cgroup (v2) in which we may make others that limit memory."""
    for root in roots:
        with suppress(OSError):
            controllers = (root / "cgroup.subtree_control").read_text().split()
            if "memory" in controllers and os.access(root, os.W_OK):
                return root
    return None


class MemoryLimit:
    """From now on process `pid` may grow by `most` bytes, until `lift`."""

    def __init__(self, pid: int, most: int, roots: tuple[Path, ...] = ROOTS) -> None:
        self._pid = pid
        self._before: tuple[int, int] | None = None
        self._group: Path | None = None
        root = cgroup_root(roots)
        if root is None or not self._join(root, most):
            self._before = resource.prlimit(pid, resource.RLIMIT_AS)
            size = _pages(pid, 0) + most
            resource.prlimit(pid, resource.RLIMIT_AS, (size, self._before[1]))

    def _join(self, root: Path, most: int) -> bool:
        group = root / f"redlab-{os.getpid()}-{self._pid}"
        try:
            self._home = root / _group_of(self._pid)
            group.mkdir()
            (group / "memory.max").write_text(str(_pages(self._pid, 1) + most))
            (group / "cgroup.procs").write_text(str(self._pid))
        except OSError:
            with suppress(OSError):
                group.rmdir()
            return False
        self._group = group
        return True

    def lift(self) -> None:
        """Be without the bound again, if it still lives; leave no cgroup behind."""
        with suppress(OSError):
            if self._before is not None:
                resource.prlimit(self._pid, resource.RLIMIT_AS, self._before)
        if self._group is not None:
            with suppress(OSError):
                (self._home / "cgroup.procs").write_text(str(self._pid))
            with suppress(OSError):
                self._group.rmdir()


def _pages(pid: int, column: int) -> int:
    """Of a process, in bytes: 0 all it has mapped, 1 what is resident."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[column]
    return int(pages) * resource.getpagesize()


def _group_of(pid: int) -> str:
    """The cgroup (v2) of a process, below the root."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next((line[3:] for line in lines if line.startswith("0::")), "/").lstrip("/")
