"""A host that is another processor only: QEMU runs its programs on this machine's kernel.

A program there cannot start another of its kind, for this machine's kernel does not know it. So
its Python is a virtual environment whose `python3` is a script that starts QEMU: this is what
`sys.executable` says, and it can be run by anybody here.
"""

import hashlib
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.hosts import cache
from deploy.hosts.commands import arguments
from deploy.hosts.host import Host, HostError
from deploy.hosts.keeping import making
from deploy.hosts.site import site

EMULATORS = {"arm64": "qemu-aarch64", "armhf": "qemu-arm", "alpha": "qemu-alpha"}
SETTINGS = {
    "MSGPACK_PUREPYTHON": "1",
    "NO_COLOR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
}
# What would lead it to this machine's libraries and packages.
FORGOTTEN = ("LD_", "PYTHON", "QEMU_", "VIRTUAL_ENV")
PROGRAM_FOLDERS = ("bin", "usr/bin", "sbin", "usr/sbin")


def prepared(
    host: Host, command: Sequence[str], env: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command under QEMU, and its environment."""
    assert host.root is not None
    emulator = [find_emulator(host.arch), "-L", str(host.root)]
    found = arguments(str(_python(host, emulator)), command)
    if found[0] == command[0]:
        found = [*emulator, str(_program(host, found[0])), *found[1:]]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(FORGOTTEN)}
    return found, {**kept, **SETTINGS, "PYTHONPATH": str(site()), **env}


def find_emulator(arch: str) -> str:
    """Where QEMU for that processor is."""
    for name in (f"{EMULATORS[arch]}-static", EMULATORS[arch]):
        if found := shutil.which(name):
            return found
    raise HostError(f"no {EMULATORS[arch]}-static: install qemu-user-static")


def _program(host: Host, name: str) -> Path:
    """A program of the host's tree, by its name or its path there."""
    assert host.root is not None
    names = [name] if "/" in name else [f"{folder}/{name}" for folder in PROGRAM_FOLDERS]
    for path in (host.root / one.lstrip("/") for one in names):
        if path.is_file():
            return path
    raise HostError(f"{host.name} has no program {name}")


def _python(host: Host, emulator: list[str]) -> Path:
    """The interpreter's script in its environment, made when it is not there."""
    assert host.root is not None
    real = host.root / "usr/bin/python3.11"
    text = f'#!/bin/sh\nexec {shlex.join(emulator)} -0 "$0" {shlex.quote(str(real))} "$@"\n'
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    made = cache.python(host.arch, host.root.name, key)
    if not made.is_dir():
        with making(made) as part:
            (part / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
            (part / "bin").mkdir()
            (part / "bin" / "python3").write_text(text)
            (part / "bin" / "python3").chmod(0o755)
    return made / "bin" / "python3"
