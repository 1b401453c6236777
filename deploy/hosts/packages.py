"""Debian packages: their versions and files, through an apt that has its own state.

The machine's own sources and keys are read, its lists and its packages are not touched: foreign
packages are fetched and unpacked, never installed. What this machine itself lacks is named, and
installed only when asked.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import trio

from deploy.hosts import cache, versions
from deploy.hosts.archives import other_indexes, private
from deploy.hosts.guarding import guarded
from deploy.hosts.host import HostError
from deploy.hosts.steps import Architecture

RELEASE = "bookworm"  # with Python 3.11 and Linux 6.1
APT_MAX_S = 3600.0
SAID_MAX_S = 120.0
ETC = Path("/etc/apt")
TAIL_LINES = 20

CONFIG = """\
Dir::State "{state}";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{state}/sources.list.d";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "{debian}";
APT::Architectures {{ "{debian}"; }};
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
"""


# --- this machine's packages ------------------------------------------------------------------


def check_machine() -> None:
    """Raise HostError if this machine is another kind than hosts can be built on."""
    path = Path("/etc/os-release")
    kind, name = versions.operating_system(path.read_text() if path.exists() else "")
    if kind != f"debian {RELEASE}":
        raise HostError(f"hosts are built on Debian 12 ({RELEASE}); this machine is {name}")


def installed(names: Iterable[str]) -> dict[str, str]:
    """The versions of those of these packages that this machine has."""
    wanted = list(names)  # none would be all there are
    said = _said(["dpkg-query", "-W", "-f", versions.QUERY, *wanted]) if wanted else ""
    return versions.installed(said)


def missing(names: Iterable[str]) -> list[str]:
    """Those of these packages that this machine lacks; none where packages are not Debian's."""
    wanted = list(dict.fromkeys(names)) if shutil.which("dpkg-query") else []
    have = installed(wanted)
    return [name for name in wanted if name not in have]


async def install(names: Sequence[str], log: Path) -> None:
    """Install packages on this machine, to the end even if cancelled; raises HostError."""
    if os.geteuid() != 0:
        raise HostError(f"only root can install packages: {install_line(names)}")
    await run(["apt-get", "update", "-q"], log)
    options = ["-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    # Cut off in the middle, dpkg would have to be mended by hand.
    with trio.CancelScope(shield=True):
        await run(["apt-get", "install", *options, *names], log)


def install_line(names: Iterable[str]) -> str:
    """The command that installs packages."""
    return f"apt-get install --no-install-recommends {' '.join(names)}"


# --- what there is for an architecture --------------------------------------------------------


async def resolve(architecture: Architecture, log: Path, newest: bool) -> dict[str, str]:
    """The versions that go into a host, asked of Debian's archive; raises HostError.

    Where an archive cannot be reached, what was said there before will do unless `newest`.
    """
    config = _prepare(architecture)
    unreached = None
    try:
        await run(["apt-get", "-c", str(config), "-q", "update"], log)
    except HostError as error:
        if newest:
            raise
        unreached = error
    cached = ["apt-cache", "-c", str(config)]
    shown = _said([*cached, "show", "--no-all-versions", *architecture.packages])
    found = versions.candidates(shown, architecture.packages)
    if architecture.sources:
        shown = _said([*cached, "showsrc", "--only-source", *architecture.sources])
        found |= versions.source_candidates(shown, architecture.sources)
    wanted = [*architecture.packages, *(f"src:{name}" for name in architecture.sources)]
    if unknown := [name for name in wanted if name not in found]:
        where = f"no package {unknown[0]} for {architecture.name} in the archives of /etc/apt"
        raise unreached or HostError(f"{where}; the end of {log}:\n{tail(log)}")
    return found


async def fetch(
    architecture: Architecture, packages: Sequence[str], sources: Sequence[str], log: Path
) -> None:
    """Fetch packages (`name=version`) into `files` beside `log`; raises HostError."""
    folder = log.parent / "files"
    folder.mkdir(exist_ok=True)
    apt = ["apt-get", "-c", str(_prepare(architecture)), "-q"]
    if packages:
        await run([*apt, "download", *packages], log, folder)
    if sources:
        await run([*apt, "source", "--only-source", "--download-only", *sources], log, folder)


def _prepare(architecture: Architecture) -> Path:
    """The configuration of an apt of our own; made anew, as the machine's may have changed."""
    state = cache.folder() / "apt" / architecture.name
    for name in ("lists/partial", "cache/archives/partial", "sources.list.d"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    sources = private(_sources(), RELEASE, bool(architecture.sources))
    if not sources:
        raise HostError(f"no archive of Debian's {RELEASE} main in /etc/apt")
    (state / "sources.list.d" / "debian.sources").write_text(sources)
    debian = architecture.debian or _said(["dpkg", "--print-architecture"]).strip()
    text = CONFIG.format(state=state, debian=debian)
    for kind in other_indexes(_said(["apt-config", "dump", "Acquire::IndexTargets"])):
        text += f'Acquire::IndexTargets::{kind}::DefaultEnabled "false";\n'
    config = state / "apt.conf"
    config.write_text(text)
    return config


def _sources() -> dict[str, str]:
    parts = ETC / "sources.list.d"
    paths = [ETC / "sources.list", *parts.glob("*.list"), *parts.glob("*.sources")]
    return {str(path): path.read_text(errors="replace") for path in paths if path.exists()}


# --- programs ---------------------------------------------------------------------------------


async def run(command: Sequence[str], log: Path, folder: Path | None = None) -> None:
    """Run a program that writes to `log`, in `folder`; raises HostError if it fails."""
    env = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        async with guarded(
            command,
            env=env,
            limit_s=APT_MAX_S,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as running:
            status = await running.ended()
    if status:
        said = f"{' '.join(command[:1])} failed with status {status}"
        raise HostError(f"{said}; the end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        text = log.read_bytes()[-65_536:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _said(command: Sequence[str]) -> str:
    """What a program that is quickly done printed; what it could not find is not in it."""
    env = os.environ | {"LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=SAID_MAX_S
        )
    except FileNotFoundError:
        return ""
    except subprocess.TimeoutExpired:
        raise HostError(f"{command[0]} did not end within {SAID_MAX_S:g} s") from None
    return done.stdout
