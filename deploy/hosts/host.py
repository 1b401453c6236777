"""What a host is: its processor, how much of the machine is emulated, where its parts are."""

from dataclasses import dataclass
from pathlib import Path

ARCHES = ("arm64", "armhf", "alpha")
NATIVE = "native"
SYSTEM_SUFFIX = "-system"


class HostError(Exception):
    """What is wrong with a host, and what to do."""


class LimitReached(HostError):
    """A run took longer than it may."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is ready to run programs."""

    arch: str  # "native" or one of ARCHES
    mode: str  # "native", "user", "system"
    root: Path | None = None  # user, system: the tree with usr/bin/python3.11 and its libraries
    kernel: Path | None = None  # system
    initramfs: Path | None = None  # system

    @property
    def name(self) -> str:
        """How it is asked for: `native`, `alpha`, `alpha-system`."""
        return self.arch + (SYSTEM_SUFFIX if self.mode == "system" else "")

    @property
    def folders(self) -> list[Path]:
        """The results of a build that it is made of."""
        files = (self.kernel, self.initramfs)
        return [
            *([self.root] if self.root else []),
            *(file.parent for file in files if file is not None),
        ]


def split_name(name: str) -> tuple[str, str]:
    """A host's architecture and mode; raises HostError."""
    if name == NATIVE:
        return NATIVE, NATIVE
    arch = name.removesuffix(SYSTEM_SUFFIX)
    if arch not in ARCHES:
        raise HostError(f"no host {name}: there are {', '.join(known())}")
    return arch, "user" if arch == name else "system"


def known() -> list[str]:
    """The names of all hosts, built or not."""
    return [NATIVE, *ARCHES, *(arch + SYSTEM_SUFFIX for arch in ARCHES)]
