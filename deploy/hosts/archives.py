"""The machine's sources of Debian packages, told to an apt of our own.

Only those of the release that hosts are built from: what else a machine takes packages from may
not have them for another architecture. Source packages come from the release itself, for not
every mirror has those of its updates.
"""

import shlex
from collections.abc import Iterator, Mapping

from deploy.hosts.versions import stanzas

# What comes after the release's name in the suites that belong to it.
PARTS = ("", "-updates", "-security", "/updates")
# Those that are about other architectures and languages than we ask for.
DROPPED = {"architectures", "arch", "languages", "lang", "targets", "target", "enabled"}

Source = dict[str, str]  # field of a deb822 stanza: value


def private(files: Mapping[str, str], release: str, with_sources: bool) -> str:
    """One deb822 file with the release's sources from `files` of /etc/apt: name to text."""
    found: list[Source] = []
    for name, text in sorted(files.items()):
        read = _stanzas if name.endswith(".sources") else _lines
        found += (one for one in read(text) if _enabled(one) and _of(one, release))
    wanted: list[Source] = []
    for source in found:
        suites = _suites(source, release)
        wanted.append(source | {"types": "deb", "suites": " ".join(suites)})
        if with_sources and release in suites:
            wanted.append(source | {"types": "deb-src", "suites": release})
    return "\n".join(_written(one) for one in wanted)


def _stanzas(text: str) -> Iterator[Source]:
    yield from stanzas(text)


def _lines(text: str) -> Iterator[Source]:
    """`deb [signed-by=KEY] URI SUITE COMPONENT...`"""
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        kind, _, rest = line.partition(" ")
        options: Source = {}
        if rest.strip().startswith("["):
            inside, _, rest = rest.strip()[1:].partition("]")
            options = dict(option.split("=", 1) for option in inside.split() if "=" in option)
        fields = shlex.split(rest)
        if len(fields) >= 2:
            uri, suite, *components = fields
            where = {"uris": uri, "suites": suite, "components": " ".join(components)}
            yield (
                {name.lower(): value for name, value in options.items()}
                | where
                | {"types": kind}
            )


def _enabled(source: Source) -> bool:
    return source.get("enabled", "yes").lower() not in {"no", "false", "0", "off", "without"}


def _of(source: Source, release: str) -> bool:
    return (
        "deb" in source.get("types", "").split()
        and "main" in source.get("components", "").split()
        and not source.get("uris", "").startswith("cdrom:")
        and bool(_suites(source, release))
    )


def _suites(source: Source, release: str) -> list[str]:
    theirs = {release + part for part in PARTS}
    return [suite for suite in source.get("suites", "").split() if suite in theirs]


def _written(source: Source) -> str:
    fields = {name: value for name, value in source.items() if name not in DROPPED}
    fields["components"] = "main"
    return "".join(f"{name.title()}: {value}\n" for name, value in fields.items())


def other_indexes(dumped: str) -> list[str]:
    """The kinds of index, beside those of packages, that this machine's apt fetches too.

    From `apt-config dump Acquire::IndexTargets`.
    """
    names = [line.split(" ", 1)[0].split("::") for line in dumped.splitlines()]
    kinds = dict.fromkeys("::".join(name[2:4]) for name in names if len(name) > 4)
    return [kind for kind in kinds if kind not in {"deb::Packages", "deb-src::Sources"}]
