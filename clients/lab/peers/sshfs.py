"""Debian's sshfs over a private sshd on loopback, with keys and folders of its own."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import trio

from clients.lab.peers.processes import free_port, program, running, said, serving, tail
from deploy.local import StartFailed

MOUNTED_MAX_S = 20.0
KEY_MAX_S = 20.0
PRIVSEP = Path("/run/sshd")  # Debian's sshd wants it when it runs as root
SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""
SSH = """\
Host *
Port {port}
IdentityFile {folder}/user
IdentitiesOnly yes
UserKnownHostsFile {folder}/known
StrictHostKeyChecking accept-new
BatchMode yes
"""


@asynccontextmanager
async def sshfs(at: Path) -> AsyncIterator[None]:
    """Mount a folder of an sshd's at `at` until the end of the block; raises StartFailed.

    sshfs runs as it is delivered: no option beside those that say where the server is.
    """
    command = [program("sshfs", "sshfs"), "-f"]
    async with _sshd() as (folder, remote):
        command += ["-F", str(folder / "ssh_config"), f"{getpass.getuser()}@127.0.0.1:{remote}"]
        with (folder / "sshfs.log").open("w+") as log, detached(at):
            async with running([*command, str(at)], output=log.fileno()) as process:
                await _wait_mounted(process, at, folder / "sshfs.log")
                yield


@asynccontextmanager
async def _sshd() -> AsyncIterator[tuple[Path, Path]]:
    """Run sshd; gives its folder and one to be mounted."""
    path, keygen = program("sshd", "openssh-server"), program("ssh-keygen", "openssh-client")
    folder = Path(tempfile.mkdtemp(prefix="redlab-sshd-"))
    try:
        for key in ("host", "user"):
            made = [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            await said(made, KEY_MAX_S)
        port = free_port()
        for name, text in (("sshd_config", SSHD), ("ssh_config", SSH)):
            (folder / name).write_text(text.format(port=port, folder=folder))
        (folder / "remote").mkdir()
        command = [path, "-D", "-e", "-f", str(folder / "sshd_config")]
        with _privsep():
            async with serving(command, "sshd", port, folder / "sshd.log"):
                yield folder, folder / "remote"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _privsep() -> Iterator[None]:
    missing = os.geteuid() == 0 and not PRIVSEP.exists()
    if missing:
        PRIVSEP.mkdir(mode=0o755)
    try:
        yield
    finally:
        if missing:
            with suppress(OSError):  # somebody else's sshd may have begun to use it
                PRIVSEP.rmdir()


async def _wait_mounted(process: trio.Process, at: Path, log: Path) -> None:
    with trio.move_on_after(MOUNTED_MAX_S):
        while process.poll() is None:
            if is_mounted(at):
                return
            await trio.sleep(0.02)
    raise StartFailed(f"sshfs did not mount anything:\n{tail(log)}")


# --- mounts -----------------------------------------------------------------------------------


@contextmanager
def mount_point() -> Iterator[Path]:
    """Make an empty folder to mount at, gone at the end."""
    at = Path(tempfile.mkdtemp(prefix="redlab-mount-"))
    try:
        yield at
    finally:
        at.rmdir()  # never what is below it: it could still be somebody's files


def is_mounted(at: Path) -> bool:
    """Whether anything is mounted there."""
    return f" {at} fuse" in Path("/proc/self/mounts").read_text()


@contextmanager
def detached(at: Path) -> Iterator[None]:
    """See to it that nothing is mounted there at the end of the block."""
    try:
        yield
    finally:
        while is_mounted(at):
            lazily = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
            if subprocess.run([*lazily, str(at)], capture_output=True).returncode:
                break
