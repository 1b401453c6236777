"""The Python packages that emulated hosts import: ours, and the pure ones that ours need.

They are those of the interpreter that runs, without what is compiled for it: msgpack goes on in
pure Python by itself. Compiled by a Python 3.11 on this side, for there an import would take
seconds otherwise. A site is kept by what is in it, and made anew when any file changes.
"""

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import Distribution, distribution
from pathlib import Path

from deploy.hosts import cache
from deploy.hosts.host import HostError
from deploy.hosts.keeping import making, removed

OURS = ("clients", "deploy", "redird", "shareserver")
NEEDED = ("trio", "msgpack", "structlog", "click", "rich", "scramp")
# What rich needs to colour source text and Markdown, and more than all the rest together.
LEFT_OUT = {"pygments", "markdown-it-py"}
COMPILER = "3.11"  # the hosts' Python, whose compiled files these are
UNUSED_MAX_S = 3_600.0  # each change of the code makes another one
FORMAT = b"1"  # another number makes every site anew

Files = dict[str, Path]  # path in the site: where it is now


def site() -> Path:
    """A folder for PYTHONPATH on an emulated host; made if it is not there."""
    made = _site(cache.folder())
    if not made.is_dir():
        _site.cache_clear()
        made = _site(cache.folder())
    return made


@functools.cache
def _site(_: Path) -> Path:
    """Once in a process: all of it is read, and what this process runs does not change."""
    theirs = _kept("theirs", dict(_foreign()), None)
    return _kept("all", dict(_own()), theirs)


# --- what goes in -----------------------------------------------------------------------------


def _own() -> Iterator[tuple[str, Path]]:
    for name in OURS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise HostError(f"package {name} is not installed with this interpreter")
        top = Path(spec.origin).parent
        for path in sorted(top.rglob("*")):
            if path.is_file() and _wanted(path.relative_to(top)):
                yield f"{name}/{path.relative_to(top)}", path


def _foreign() -> Iterator[tuple[str, Path]]:
    for package in _with_requirements(NEEDED):
        for file in package.files or ():
            path = Path(str(package.locate_file(file)))
            if ".." not in file.parts and _wanted(Path(file)) and path.is_file():
                yield str(file), path


def _wanted(path: Path) -> bool:
    tops = {"__pycache__", "tests", "_tests"} & set(path.parts)
    return not tops and path.suffix not in {".so", ".pyc", ".pyi"} and ".libs" not in str(path)


def _with_requirements(names: Iterable[str]) -> list[Distribution]:
    waiting, found = list(names), dict[str, Distribution]()
    while waiting:
        name = _normal(waiting.pop())
        if name in found or name in LEFT_OUT:
            continue
        found[name] = distribution(name)
        for requirement in found[name].requires or ():
            # Extras, other systems and older Pythons: whatever has a condition is not needed.
            if ";" not in requirement:
                waiting.append(_name(requirement))
    return list(found.values())


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return match[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# --- keeping them -----------------------------------------------------------------------------


def _kept(kind: str, files: Files, base: Path | None) -> Path:
    """The folder with these files, and those of `base` beside them."""
    compiler = _compiler()
    key = hashlib.sha256(FORMAT + str((compiler, base and base.name)).encode())
    for name, path in sorted(files.items()):
        key.update(f"\0{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    sites = cache.folder() / "site"
    made = sites / f"{kind}-{key.hexdigest()[:16]}"
    if not made.is_dir():
        _make(made, files, base, compiler)
        _drop_unused(sites)
    with suppress(OSError):  # it is gone, or somebody else's
        os.utime(made)
    return made


def _make(made: Path, files: Files, base: Path | None, compiler: str | None) -> None:
    with making(made) as part:
        for name, path in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part / name)
        if compiler is not None:
            _compile(compiler, part)
        if base is not None:
            # After compiling: what is in there is compiled, and shared with other sites.
            shutil.copytree(base, part, copy_function=os.link, dirs_exist_ok=True)


def _compiler() -> str | None:
    """A Python whose compiled files are right for the hosts', if this machine has one."""
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    return shutil.which(f"python{COMPILER}", path="/usr/bin")


def _compile(compiler: str, top: Path) -> None:
    # Unchecked: the times of source files are not kept in an emulated machine.
    options = ("-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(top))
    command = [compiler, "-I", "-m", "compileall", *options, str(top)]
    # A file for another Python may not compile; it is not imported either. In a session of its
    # own, lest a Ctrl-C at the terminal end it and a site be kept with half of it compiled.
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )


def _drop_unused(sites: Path) -> None:
    """Those that nobody has asked for of late, nor uses, and what was left half made."""
    for old in list(sites.iterdir()):
        with suppress(OSError):  # somebody else's, or gone already
            if time.time() - old.stat().st_mtime > UNUSED_MAX_S:
                removed(old)
