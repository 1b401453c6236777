"""What apt and dpkg print, read."""

import re
from collections.abc import Iterable, Iterator

# A package that stands for the newest kernel is followed to that kernel's own.
KERNEL = "linux-image-"


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The paragraphs of a Debian control file: field (in lower case) to value."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields[name] = f"{fields.get(name, '')}\n{line}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields:
            yield fields


def candidates(shown: str, asked: Iterable[str]) -> dict[str, str]:
    """Package asked for: `name=version` as apt takes it, from `apt-cache show`.

    Those that apt does not know are not in it.
    """
    known: dict[str, dict[str, str]] = {}
    for stanza in stanzas(shown):
        known.setdefault(stanza.get("package", ""), stanza)
    return {name: _followed(name, known[name]) for name in asked if name in known}


def _followed(name: str, stanza: dict[str, str]) -> str:
    kernel = re.match(rf"({KERNEL}\d\S*) \(= (\S+)\)", stanza.get("depends", ""))
    if kernel and name.startswith(KERNEL):
        return f"{kernel[1]}={kernel[2]}"
    return f"{name}={stanza['version']}"


def source_candidates(shown: str, asked: Iterable[str]) -> dict[str, str]:
    """The same for sources, from `apt-cache showsrc`: `src:name` to `name=version`."""
    known: dict[str, str] = {}
    for stanza in stanzas(shown):
        known.setdefault(stanza.get("package", ""), stanza.get("version", ""))
    return {f"src:{name}": f"{name}={known[name]}" for name in asked if name in known}


# What `installed` reads.
QUERY = "${db:Status-Status} ${Package} ${Version}\\n"


def installed(listed: str) -> dict[str, str]:
    """Package: version, from `dpkg-query -W -f QUERY`."""
    fields = [line.split(" ", 2) for line in listed.splitlines()]
    return {one[1]: one[2] for one in fields if len(one) == 3 and one[0] == "installed"}


def operating_system(text: str) -> tuple[str, str]:
    """What /etc/os-release says: `debian bookworm`, and its name for people."""
    pairs = (line.partition("=") for line in text.splitlines())
    said = {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}
    kind = f"{said.get('ID', '')} {said.get('VERSION_CODENAME', '')}".strip()
    return kind, said.get("PRETTY_NAME") or kind or "of an unknown kind"
