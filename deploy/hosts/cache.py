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
# The file without which such a result is none.
MAIN_FILES = {ROOT: "usr/bin/python3.11", KERNEL: "kernel", INITRAMFS: "base.cpio"}


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
    """The cache's folder, which may not exist yet; raises HostError if there is no place."""
    if chosen := os.environ.get("REDIRD_HOSTS"):
        return Path(chosen).absolute()
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        raise HostError("no home folder to keep hosts in: set REDIRD_HOSTS") from None
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
    record = read(arch)
    if not _is_ready(record, mode):
        raise HostError(f"host {name} is not built: redlab hosts build {arch}")
    return _host(record, mode)


def ready() -> Iterator[tuple[str, str, bool]]:
    """Each architecture and mode that can be emulated, and whether it is built."""
    for arch in ARCHES:
        record = read(arch)
        for mode in ("user", "system"):
            yield arch, mode, _is_ready(record, mode)


def _is_ready(record: Record, mode: str) -> bool:
    parts = [ROOT] if mode == "user" else [ROOT, KERNEL, INITRAMFS]
    return all(is_whole(part, record.path(part)) for part in parts)


def _host(record: Record, mode: str) -> Host:
    root = record.path(ROOT)
    if mode == "user":
        return Host(record.arch, mode, root)
    kernel = record.path(KERNEL) / "kernel"
    return Host(record.arch, mode, root, kernel, record.path(INITRAMFS) / "base.cpio")


def is_whole(part: str, result: Path) -> bool:
    """Whether the result of a step is there, with what is needed of it."""
    try:
        found = (result / MAIN_FILES.get(part, "")).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return found.st_size > 0 or part not in MAIN_FILES


def read(arch: str) -> Record:
    """What is known of an architecture; nothing, if its record cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        found = Record(**json.loads(_record(arch).read_text()))
        if found.arch == arch and _makes_sense(found):
            return found
    return Record(arch)


def _makes_sense(record: Record) -> bool:
    tables = (record.versions, record.tools, record.keys)
    numbers = (record.resolved_at, record.built_at)
    return (
        all(isinstance(table, dict) for table in (*tables, record.seconds))
        and all(isinstance(text, str) for table in tables for text in table.values())
        and all(isinstance(number, int | float) for number in numbers)
    )


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
    for top, folders, files in os.walk(path):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):  # somebody builds or cleans
                stat = os.lstat(Path(top, name))
                sizes[stat.st_ino] = stat.st_blocks * 512
    return sum(sizes.values())
