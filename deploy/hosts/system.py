"""A host that is a whole machine: QEMU boots a kernel whose only program runs one command.

The kernel unpacks two archives as its file system: the host's own, and one made for the run
with the command and what it needs. Nothing here listens: the machine's ports are sockets
that QEMU is born with, and its network reaches out, never in.
"""

import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import trio

from deploy.hosts import cpio
from deploy.hosts.bringing import brought
from deploy.hosts.commands import arguments, script
from deploy.hosts.guarding import guarded
from deploy.hosts.host import Host, HostError
from deploy.hosts.machine import PORTS, Machine
from deploy.hosts.site import site
from deploy.hosts.user import SETTINGS

THIS_MACHINE = "10.0.2.2"  # this machine's loopback, on QEMU's network
GUEST = Path(__file__).parent / "guest"
PYTHON = "/usr/bin/python3.11"
SITE = "/redird/site"
PATHS = "/usr/bin:/bin:/usr/sbin:/sbin:/redird/bin"
KERNEL_BYTES = 56 << 20  # what a kernel and its first programs take
SITE_BYTES = 24 << 20  # our packages, there
PASSWD = b"root:x:0:0:root:/root:/bin/sh\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """What QEMU and the kernel are told of a machine of one architecture."""

    program: str
    package: str
    options: tuple[str, ...]
    kernel: str


KINDS = {
    # What `max` can do more, and guards against a processor that guesses ahead, which this one
    # does not: a third of the time to boot. And what is set aside for devices (`cma`) is missed
    # where the first files are unpacked.
    "arm64": Kind(
        "qemu-system-aarch64",
        "qemu-system-arm",
        ("-M", "virt", "-cpu", "cortex-a76"),
        "console=ttyAMA0 cma=0 mitigations=off kpti=off cryptomgr.notests",
    ),
    "armhf": Kind(
        "qemu-system-arm",
        "qemu-system-arm",
        ("-M", "virt", "-cpu", "cortex-a15"),
        "console=ttyAMA0 cma=0 cryptomgr.notests",
    ),
    # Without an epoch its clock is 20 years late, and files and certificates are of the future.
    "alpha": Kind(
        "qemu-system-alpha", "qemu-system-misc", ("-M", "clipper"), "console=ttyS0 epoch=2000"
    ),
}


@dataclass(frozen=True, slots=True)
class Job:
    """What a machine is booted for."""

    command: Sequence[str]
    files: Mapping[str, Path]  # path there (from the working folder): path here
    env: Mapping[str, str]
    memory_mb: int


@asynccontextmanager
async def booted(
    host: Host, job: Job, limit_s: float, stderr: IO[bytes] | None
) -> AsyncIterator[Machine]:
    """Boot a machine for `job`; it is off when the context is left."""
    with ExitStack() as our_ends, ExitStack() as theirs:
        first_files = theirs.enter_context(os.fdopen(os.memfd_create("initramfs"), "wb"))
        await trio.to_thread.run_sync(_write_first_files, first_files, host, job)
        ours = {}
        ports = {}
        for name in PORTS:
            one, other = socket.socketpair()
            ours[name] = our_ends.enter_context(one)
            ports[name] = theirs.enter_context(other).fileno()
        command = emulator(host, job.memory_mb, first_files.fileno(), ports)
        async with guarded(
            command,
            env=os.environ,
            limit_s=limit_s,
            pass_fds=[first_files.fileno(), *ports.values()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as qemu:
            theirs.close()
            async with Machine(qemu, ours, stderr).running() as machine:
                yield machine


def emulator(
    host: Host, memory_mb: int, first_files: int, ports: Mapping[str, int]
) -> list[str]:
    """The command that is the machine; its console is the command's standard output."""
    kind = KINDS[host.arch]
    program = shutil.which(kind.program)
    if program is None:
        raise HostError(f"no {kind.program}: install {kind.package}")
    return [
        program,
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *kind.options,
        *("-smp", "1", "-m", str(memory_mb)),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *(one for name, number in ports.items() for one in _port(name, number)),
        *("-kernel", str(host.kernel), "-initrd", f"/proc/self/fd/{first_files}"),
        *("-append", f"{kind.kernel} quiet panic=-1 rootfstype=ramfs rdinit=/init"),
    ]


def _port(name: str, descriptor: int) -> Iterator[str]:
    yield from ("-chardev", f"socket,id={name},fd={descriptor}")
    yield from ("-device", f"virtserialport,chardev={name},name={name}")


def _write_first_files(out: BinaryIO, host: Host, job: Job) -> None:
    assert host.initramfs is not None
    with host.initramfs.open("rb") as base:
        shutil.copyfileobj(base, out, 1 << 20)
    cpio.write(out, _entries(host, job))
    out.flush()


def _entries(host: Host, job: Job) -> Iterator[cpio.Entry]:
    here = working_folder()
    yield cpio.folder("etc")
    yield cpio.file("etc/passwd", PASSWD)
    yield cpio.file("etc/hosts", f"127.0.0.1 localhost {host.name}\n".encode())
    yield cpio.file("etc/hostname", f"{host.name}\n".encode())
    yield cpio.file("init", (GUEST / "init").read_bytes(), 0o755)
    yield cpio.folder("redird")
    yield cpio.file("redird/agent.py", (GUEST / "agent.py").read_bytes())
    yield cpio.file("redird/command", os.fsencode(_script(job, here)))
    yield from cpio.tree(site(), SITE.lstrip("/"))
    files = dict(job.files)
    if (name := script(job.command)) is not None:
        files.setdefault(name, Path(name))
    yield from brought(files, here, _room(host, job))


def working_folder() -> Path:
    """It, if it is not gone; raises HostError."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise HostError("the working folder was removed: go to another") from None


def _room(host: Host, job: Job) -> int:
    """How many bytes fit: the kernel has all of them twice while it unpacks them."""
    assert host.initramfs is not None
    twice = job.memory_mb * 2**20 - KERNEL_BYTES
    return twice // 2 - host.initramfs.stat().st_size - SITE_BYTES


def _script(job: Job, here: Path) -> str:
    """The command in a shell's words: it begins in the folder of this machine's name."""
    settings = {"PATH": PATHS, "HOME": "/root", "PYTHONPATH": SITE, **SETTINGS, **job.env}
    exports = (f"export {name}={shlex.quote(text)}\n" for name, text in settings.items())
    command = shlex.join(arguments(PYTHON, job.command))
    return f"cd {shlex.quote(str(here))}\n{''.join(exports)}exec {command}\n"
