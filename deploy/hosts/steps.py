"""The steps that make a host, and the key that says all that goes into one."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A script that makes one part of a host from packages, sources and other parts."""

    part: str
    script: str  # its file in `scripts`
    needs: tuple[str, ...] = ()  # the parts it is made from; they come before it
    packages: tuple[str, ...] = ()  # Debian packages that go in
    sources: tuple[str, ...] = ()  # Debian source packages that go in
    tools: tuple[str, ...] = ()  # packages of this machine whose versions make a difference
    texts: tuple[str, ...] = ()  # other files of ours that the script reads


@dataclass(frozen=True, slots=True)
class Architecture:
    """What an architecture's host is made from, and what this machine needs for it."""

    name: str
    debian: str  # whose packages go in, as apt says it; empty: this machine's
    emulators: tuple[str, ...]  # packages of this machine that run the host
    builders: tuple[str, ...]  # packages of this machine that build it
    steps: tuple[Step, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """The Debian packages that go in."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.packages))

    @property
    def sources(self) -> tuple[str, ...]:
        """The Debian source packages that go in."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.sources))

    @property
    def tools(self) -> tuple[str, ...]:
        """The packages of this machine whose versions make a difference."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.tools))


def keys(
    architecture: Architecture,
    text: Callable[[str], bytes],
    versions: Mapping[str, str],
    tools: Mapping[str, str],
) -> dict[str, str]:
    """The key of each part. `text` reads a file of ours; raises KeyError for no version."""
    found: dict[str, str] = {}
    for step in architecture.steps:
        contents = [text(name) for name in (step.script, *step.texts)]
        facts = [
            *(hashlib.sha256(content).hexdigest() for content in contents),
            *(versions[name] for name in step.packages),
            *(versions[f"src:{name}"] for name in step.sources),
            *(f"{name}={tools[name]}" for name in step.tools),
            *(found[part] for part in step.needs),
        ]
        name = f"{architecture.name}-{step.part}"
        found[step.part] = hashlib.sha256("\n".join([name, *facts]).encode()).hexdigest()[:16]
    return found
