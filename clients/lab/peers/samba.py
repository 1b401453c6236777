"""Debian's smbd on a loopback port, with a configuration and a folder of its own."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from deploy.local import StartFailed

READY_MAX_S = 20.0
FOLDERS = ("share", "private", "lock", "state", "cache", "pid", "ncalrpc", "log")
CONFIGURATION = """\
[global]
server role = standalone server
netbios name = PEER
disable netbios = yes
interfaces = 127.0.0.1
bind interfaces only = yes
smb ports = {port}
private dir = {folder}/private
lock directory = {folder}/lock
state directory = {folder}/state
cache directory = {folder}/cache
pid directory = {folder}/pid
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log/smbd.log
map to guest = Bad User
guest account = {user}
load printers = no
printing = bsd
printcap name = /dev/null
disable spoolss = yes
server min protocol = NT1
client min protocol = NT1
[share]
path = {folder}/share
read only = no
guest ok = yes
guest only = yes
"""


def program(name: str, package: str) -> str:
    """Return a peer's program; raises StartFailed naming the Debian package it is in."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise StartFailed(f"{name} is not installed (Debian: apt-get install {package})")
    return path


@dataclass(frozen=True, slots=True)
class Samba:
    """A running smbd."""

    port: int
    configuration: Path

    async def torture(self, test: str, seconds: int, clients: int, *more: str) -> str:
        """Run a test of smbtorture's and return what it printed; raises StartFailed."""
        command = [program("smbtorture", "samba-testsuite"), "//127.0.0.1/share"]
        command += ["-p", str(self.port), "-U", "nobody%", "-s", str(self.configuration)]
        command += ["-t", str(seconds), f"--num-progs={clients}", *more, test]
        done = await trio.run_process(
            command, capture_stdout=True, stderr=subprocess.STDOUT, check=False
        )
        text = done.stdout.decode(errors="replace")
        if done.returncode:
            raise StartFailed(f"smbtorture {test} failed:\n{text[-1000:]}")
        return text


@asynccontextmanager
async def smbd(user: str) -> AsyncIterator[Samba]:
    """Run smbd, guests working as `user`, until the end of the block; raises StartFailed."""
    path = program("smbd", "samba")
    folder = Path(tempfile.mkdtemp(prefix="redlab-smbd-"))
    try:
        for name in FOLDERS:
            (folder / name).mkdir()
        port = _free_port()
        configuration = folder / "smb.conf"
        text = CONFIGURATION.format(port=port, folder=folder, user=user)
        await trio.Path(configuration).write_text(text)
        command = [path, "--foreground", "--no-process-group", "-s", str(configuration)]
        command += ["-l", str(folder / "log")]
        async with _running(command) as process:
            await _wait_listening(process, port)
            yield Samba(port, configuration)
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _running(command: list[str]) -> AsyncIterator[trio.Process]:
    # At its end smbd ends its whole process group: it gets one of its own.
    process = await trio.lowlevel.open_process(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            process.terminate()
            await process.wait()


async def _wait_listening(process: trio.Process, port: int) -> None:
    with trio.move_on_after(READY_MAX_S):
        while process.poll() is None:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return
        raise StartFailed(f"smbd ended with status {process.returncode}")
    raise StartFailed(f"smbd did not listen on port {port} within {READY_MAX_S:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
