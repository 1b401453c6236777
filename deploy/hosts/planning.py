"""What a build has to do: the keys of an architecture's parts, and which are there already."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import trio

from deploy.hosts import cache, packages
from deploy.hosts.cache import Record
from deploy.hosts.host import HostError
from deploy.hosts.steps import Architecture, Step, keys

SCRIPTS = Path(__file__).parent / "scripts"
RESOLVED_MAX_S = 86_400.0  # how long versions are taken for the newest


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked of a build."""

    update: bool = False  # take the newest versions
    install: bool = False  # install what this machine lacks


@dataclass(frozen=True, slots=True)
class Plan:
    """One architecture's build."""

    architecture: Architecture
    record: Record
    keys: Mapping[str, str]

    def result(self, part: str) -> Path:
        """Where a part's result is, or will be."""
        return cache.result(self.name(part), self.keys[part])

    def name(self, part: str) -> str:
        """How a part's step is called beside those of other architectures."""
        return f"{self.architecture.name}-{part}"

    @property
    def left(self) -> list[Step]:
        """The steps that are to be done."""
        steps = self.architecture.steps
        return [one for one in steps if not cache.is_whole(one.part, self.result(one.part))]


def known(architecture: Architecture) -> Plan | None:
    """The plan with the versions that are on record; None if not all of them are."""
    record = cache.read(architecture.name)
    record.tools |= packages.installed(architecture.tools)
    return _plan(architecture, record)


def _plan(architecture: Architecture, record: Record) -> Plan | None:
    try:
        found = keys(architecture, _text, record.versions, record.tools)
    except KeyError:
        return None
    return Plan(architecture, record, found)


def _text(name: str) -> bytes:
    return (SCRIPTS / name).read_bytes()


def outdated(architecture: Architecture) -> bool:
    """Whether a build would make anything anew, with the versions on record."""
    plan = known(architecture)
    return plan is None or bool(plan.left) or dict(plan.keys) != plan.record.keys


async def equip(
    architectures: Iterable[Architecture], wish: Wish, note: Callable[[str], None]
) -> None:
    """Have on this machine what building and running these takes; raises HostError."""
    names: list[str] = []
    for architecture in architectures:
        names += architecture.emulators
        plan = known(architecture)
        if plan is None or plan.left or wish.update:
            packages.check_machine()
            _check_folder(architecture)
            names += architecture.builders
    lacking = packages.missing(names)
    if not lacking:
        return
    if not wish.install:
        line = packages.install_line(lacking)
        raise HostError(f"this machine lacks {', '.join(lacking)}: {line} (or --install)")
    log = cache.folder() / "install.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    note(f"installing {' '.join(lacking)}")
    await packages.install(lacking, log)


def _check_folder(architecture: Architecture) -> None:
    """Make, the kernel's above all, takes no such names; nothing is compiled without tools."""
    folder = str(cache.folder())
    if architecture.tools and re.search(r"[\s:]", folder):
        raise HostError(
            f"{folder!r}: {architecture.name} cannot be compiled in a folder with a blank or a "
            "colon in its name: set REDIRD_HOSTS to another"
        )


async def made(architecture: Architecture, wish: Wish) -> Plan:
    """The plan, with versions asked of Debian where that is needed; raises HostError."""
    plan = known(architecture)
    if plan is None or wish.update or _old(plan):
        plan = await _resolved(architecture, wish)
    return plan


def _old(plan: Plan) -> bool:
    """Versions that are fetched must still be in the archive."""
    fetches = any(step.packages or step.sources for step in plan.left)
    return fetches and time.time() - plan.record.resolved_at > RESOLVED_MAX_S


async def _resolved(architecture: Architecture, wish: Wish) -> Plan:
    record = cache.read(architecture.name)
    log = log_of_update(architecture)
    await trio.Path(log).unlink(missing_ok=True)
    record.versions = await packages.resolve(architecture, log, wish.update)
    record.tools = packages.installed(architecture.tools)
    record.resolved_at = time.time()
    cache.write(record)
    plan = _plan(architecture, record)
    if plan is None:
        raise HostError(f"{architecture.name}: not all of its packages have a version")
    return plan


def log_of_update(architecture: Architecture) -> Path:
    """What apt said when it was asked for the newest versions."""
    return cache.folder() / "apt" / f"{architecture.name}.log"
