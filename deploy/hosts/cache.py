"""Where built hosts are kept: `$REDIRD_HOSTS`, else `redird/hosts` in the user's cache.

    hosts/alpha.json        which results make up the host, from which versions, built when
    steps/alpha-root/KEY/   the result of one step; its key says all that went into it
    work/alpha-root-KEY/    a step that is not finished, with its log
    logs/alpha-root.log     what the script said that made the newest result
    apt/alpha/              the state of apt for its packages; the machine's own is not touched
    python/alpha-KEY-.../   what starts the Python of a root in user mode
    site/                   Python packages for emulated hosts
    locks/alpha             whoever builds or cleans holds it

Folders are moved into place when they are whole, so whatever is under `steps` can be used.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.hosts.host import ARCHES, NATIVE, Host, HostError, split_name

ROOT, KERNEL, INITRAMFS = "root", "kernel", "initramfs"  # the steps whose results make a host


@dataclass(slots=True)
class Record:
    """What is known of an architecture: the versions of what goes in, and what was built."""

    arch: str
    resolved_at: float = 0.0  # seconds since 1970
    versions: dict[str, str] = field(default_factory=dict)  # (src:)package: name=version
    tools: dict[str, str] = field(default_factory=dict)  # package of this machine: version
    keys: dict[str, str] = field(default_factory=dict)  # part: the key of its newest result
    seconds: dict[str, float] = field(default_factory=dict)  # part: how long it took
    built_at: float = 0.0

    def path(self, part: str) -> Path:
        """The newest result of one of its steps."""
        return result(f"{self.arch}-{part}", self.keys.get(part, "none"))


def folder() -> Path:
    """The cache's folder, which may not exist yet."""
    if chosen := os.environ.get("REDIRD_HOSTS"):
        return Path(chosen).absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches).absolute() / "redird" / "hosts"


def result(step: str, key: str) -> Path:
    """Where the result of a step (`alpha-root`) is once it is whole."""
    return folder() / "steps" / step / key


def work(step: str, key: str) -> Path:
    """Where a step is under way."""
    return folder() / "work" / f"{step}-{key}"


def log(step: str) -> Path:
    """Where the log of a finished step is."""
    return folder() / "logs" / f"{step}.log"


def python(arch: str, root: str, key: str) -> Path:
    """Where the environment is that starts the Python of a root, by the root's key."""
    return folder() / "python" / f"{arch}-{root}-{key}"


def find(name: str) -> Host:
    """A host that is ready to run; raises HostError, which says what to do."""
    arch, mode = split_name(name)
    if arch == NATIVE:
        return Host(arch, mode)
    host = _host(read(arch), mode)
    if not all(path.exists() for path in _parts(host)):
        raise HostError(f"host {name} is not built: redlab hosts build {arch}")
    return host


def ready() -> Iterator[tuple[str, str, bool]]:
    """Each architecture and mode that can be emulated, and whether it is built."""
    for arch in ARCHES:
        record = read(arch)
        for mode in ("user", "system"):
            yield arch, mode, all(path.exists() for path in _parts(_host(record, mode)))


def _host(record: Record, mode: str) -> Host:
    root = record.path(ROOT)
    if mode == "user":
        return Host(record.arch, mode, root)
    kernel = record.path(KERNEL) / "kernel"
    return Host(record.arch, mode, root, kernel, record.path(INITRAMFS) / "base.cpio")


def _parts(host: Host) -> list[Path]:
    return [path for path in (host.root, host.kernel, host.initramfs) if path is not None]


def read(arch: str) -> Record:
    """What is known of an architecture; nothing, if its record cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        found = Record(**json.loads(_record(arch).read_text()))
        if found.arch == arch and isinstance(found.keys, dict):
            return found
    return Record(arch)


def write(record: Record) -> None:
    """Keep what is known."""
    path = _record(record.arch)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(asdict(record), indent=1) + "\n")
    part.replace(path)


def _record(arch: str) -> Path:
    return folder() / "hosts" / f"{arch}.json"


def size(path: Path) -> int:
    """How many bytes a folder takes, each file once."""
    sizes: dict[int, int] = {}
    with suppress(FileNotFoundError):  # on its way out
        for one in path.rglob("*"):
            stat = one.lstat()
            sizes[stat.st_ino] = stat.st_blocks * 512
    return sum(sizes.values())
