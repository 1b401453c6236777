"""Debian's smbd on a loopback port, with a configuration and a folder of its own."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.lab.peers.processes import free_port, program, said, serving

CLEANING_MAX_S = 120.0  # a test deletes what it made after its time
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


@dataclass(frozen=True, slots=True)
class Samba:
    """A running smbd."""

    port: int
    configuration: Path

    @property
    def share(self) -> Path:
        """The folder that it shares."""
        return self.configuration.with_name("share")

    @property
    def names(self) -> Path:
        """A file with the names of its shares, as tests of smbtorture's want one."""
        return self.configuration.with_name("names")

    async def torture(
        self, test: str, seconds: int, clients: int, *more: str, status: int = 0
    ) -> str:
        """Run a test of smbtorture's and return what it printed.

        Raises StartFailed if its exit status is another than `status`.
        """
        command = [program("smbtorture", "samba-testsuite"), "//127.0.0.1/share"]
        command += ["-p", str(self.port), "-U", "nobody%", "-s", str(self.configuration)]
        command += ["-t", str(seconds), f"--num-progs={clients}", *more, test]
        return await said(command, seconds + CLEANING_MAX_S, status)


@asynccontextmanager
async def smbd(user: str) -> AsyncIterator[Samba]:
    """Run smbd, guests working as `user`, until the end of the block; raises StartFailed."""
    path = program("smbd", "samba")
    folder = Path(tempfile.mkdtemp(prefix="redlab-smbd-"))
    try:
        for name in FOLDERS:
            (folder / name).mkdir()
        port = free_port()
        configuration = folder / "smb.conf"
        text = CONFIGURATION.format(port=port, folder=folder, user=user)
        configuration.write_text(text)
        samba = Samba(port, configuration)
        samba.names.write_text("//127.0.0.1/share\n")
        # At its end smbd ends its whole process group.
        command = [path, "--foreground", "--no-process-group", "-s", str(configuration)]
        command += ["--debug-stdout"]
        async with serving(command, "smbd", port, folder / "output"):
            yield samba
    finally:
        shutil.rmtree(folder)
