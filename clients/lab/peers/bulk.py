"""One large file copied by a command of ours and by smbclient, in turns."""

import getpass
import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from clients.lab.bench.yardstick import Result
from clients.lab.daemons import GUEST, SERVER, SHARE, running
from clients.lab.peers.processes import program, said
from clients.lab.peers.samba import Samba, smbd
from clients.lab.peers.turns import Turns
from deploy.local import StartFailed, python_module

MIB = 1024 * 1024
MIB_PER_S = 25  # how large a file stands for a second of a round
COPYING_MAX_S = 600.0
SOURCE, FETCHED, SENT = "source", "fetched", "sent"
Copy = Callable[[str, Path], Sequence[str]]  # the command for "get" or "put", in a folder


async def bulk(turns: Turns) -> list[Result]:
    """Get and put one file of 25 MiB for each second; whole commands, from start to end.

    Alike: the file, folders of one disk, guests, no encryption and no signatures, nothing
    brought to the disk before the end. Not alike: redclient goes through the redirector to the
    share server, smbclient straight to smbd; starting Python counts.
    """
    smbclient = program("smbclient", "smbclient")
    size = turns.seconds * MIB_PER_S * MIB
    async with smbd(getpass.getuser()) as samba, running() as daemons:

        def ours(verb: str, local: Path) -> Sequence[str]:
            names = [f"//{SERVER}/{SHARE}/{SOURCE}", str(local / FETCHED)]
            if verb == "put":
                names = [str(local / FETCHED), f"//{SERVER}/{SHARE}/{SENT}"]
            at = ["--at", daemons.redirector_unix, "--user", GUEST]
            return python_module("clients", *at, verb, *names)

        def theirs(verb: str, local: Path) -> Sequence[str]:
            return _smbclient(smbclient, samba, verb, local)

        both: list[tuple[Copy, Path]] = [(ours, daemons.folder), (theirs, samba.share)]
        for _, share in both:
            _fill(share / SOURCE, size)
        local = daemons.folder.parent
        return [await _beside(verb, both, local, size, turns.rounds) for verb in ("get", "put")]


async def _beside(
    verb: str, both: list[tuple[Copy, Path]], local: Path, size: int, rounds: int
) -> Result:
    spent: list[list[float]] = [[], []]
    for _ in range(rounds):
        for (copy, share), one in zip(both, spent, strict=True):
            began = perf_counter()
            await said(copy(verb, local), COPYING_MAX_S)
            one.append(perf_counter() - began)
            _check(local / FETCHED if verb == "get" else share / SENT, size)
    ours, theirs = (size / 1e6 / statistics.median(one) for one in spent)
    more = {"mib": size // MIB, "rounds": rounds}
    return Result(f"bulk-{verb}", ours, "MB/s", theirs, "smbd by smbclient", more)


def _smbclient(smbclient: str, samba: Samba, verb: str, local: Path) -> list[str]:
    names = (SOURCE, local / FETCHED) if verb == "get" else (local / FETCHED, SENT)
    command = [smbclient, "//127.0.0.1/share", "-p", str(samba.port), "-U", "nobody%"]
    command += ["-s", str(samba.configuration)]
    return [*command, "-c", f'{verb} "{names[0]}" "{names[1]}"']


def _fill(path: Path, size: int) -> None:
    part = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(part)


def _check(path: Path, size: int) -> None:
    copied = path.stat().st_size
    if copied != size:
        raise StartFailed(f"{path.name}: {copied} of {size} bytes were copied")
