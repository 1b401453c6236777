"""Our figures beside a peer's: measured in turns in one run, and their medians compared."""

import getpass
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from clients.lab.bench.figures import create_request, reopen
from clients.lab.bench.yardstick import Bench, Result, benching
from clients.lab.daemons import GUEST, SERVER, SHARE
from clients.lab.peers import torture
from clients.lab.peers.bulk import bulk
from clients.lab.peers.cycling import cycle
from clients.lab.peers.mounting import mount
from clients.lab.peers.processes import program, understood
from clients.lab.peers.samba import Samba, smbd
from clients.lab.peers.torture import Throughput
from clients.lab.peers.turns import Turns
from clients.lab.replaying.netbench import FILE, LABELS, Options, replay
from clients.lab.staging import inprocess
from deploy.local import StartFailed
from redird.config import Config
from redird.wire import messages as m

CLIENTS = (1, 4)
LINES_PER_S_MAX = 20_000  # of one client: what it cannot come to is not read
SECONDS_MIN = 2  # of a shorter load file smbtorture tells nothing
WARM_UP = 20  # smbtorture warms up for a whole twentieth of its time


async def netbench(turns: Turns) -> list[Result]:
    """A load file for some seconds, from its first line on, by one client and by four.

    Alike: the file, the statuses compared, the warm-up, bytes counted when read or written, a
    file system of the same kind, fsync for each Flush. Not alike: smbtorture speaks SMB1 and
    compares nothing that it read; our redirector may answer from what it keeps.
    """
    file = _loadfile()
    turns = replace(turns, seconds=max(turns.seconds, SECONDS_MIN))
    async with smbd(getpass.getuser()) as samba:
        return [await _netbench(samba, file, turns, clients) for clients in CLIENTS]


async def _netbench(samba: Samba, file: Path, turns: Turns, clients: int) -> Result:
    ours: list[Throughput] = []
    theirs: list[Throughput] = []
    differing = 0
    for _ in range(turns.rounds):
        text = await samba.torture("bench.nbench", turns.seconds, clients, f"--loadfile={file}")
        theirs.append(understood("smbtorture", torture.nbench, text))
        throughput, mismatches = await _ours(file, turns, clients)
        ours.append(throughput)
        differing += mismatches
    operations = _median(ours, lambda one: one.operations_per_s)
    their_operations = _median(theirs, lambda one: one.operations_per_s)
    return Result(
        f"netbench-{clients}",
        _median(ours, lambda one: one.mb_per_s),
        "MB/s",
        _median(theirs, lambda one: one.mb_per_s),
        "smbd by smbtorture bench.nbench",
        {
            "clients": clients,
            "through": LABELS[turns.through],
            "operations_per_s": round(operations, 1),
            "reference_operations_per_s": round(their_operations, 1),
            "statuses_differing": differing,
            "seconds": turns.seconds,
            "rounds": turns.rounds,
        },
    )


async def _ours(file: Path, turns: Turns, clients: int) -> tuple[Throughput, int]:
    seconds = turns.seconds
    done = await replay(
        Options(
            file,
            clients,
            turns.through,
            lines_max=LINES_PER_S_MAX * (seconds + seconds // WARM_UP),
            seconds=float(seconds),
            warm_up_s=float(seconds // WARM_UP),
        )
    )
    row = done.row()
    return Throughput(row["mb_per_s"], row["operations_per_s"]), len(row["mismatched"])


async def reopening(turns: Turns) -> list[Result]:
    """Open and close of one file by one client: ours is dormant, smbd's is opened anew."""
    async with smbd(getpass.getuser()) as samba, benching(turns.seconds / 10) as bench:
        ours, theirs = [], []  # ours is itself five rounds and their yardstick's
        for _ in range(turns.rounds):
            text = await samba.torture("smb2.bench.path-contention-shared", turns.seconds, 1)
            theirs.append(understood("smbtorture", torture.opens_per_s, text))
            here = turns.through == "library"
            ours.append(await _reopened_here(bench) if here else (await reopen(bench)).ours)
    name = "smbd by smbtorture smb2.bench.path-contention-shared"
    median = statistics.median(theirs)
    more = {"through": LABELS[turns.through]}
    return [Result("reopen", statistics.median(ours), "reopens/s", median, name, more)]


async def _reopened_here(bench: Bench) -> float:
    """Reopen a dormant file with the redirector's tables in this process."""
    config = Config(preset="win10", servers={SERVER: bench.daemons.server_tcp})
    async with inprocess.redirector(config) as here:
        client = here.client()
        session = await client.logon(GUEST)
        request = create_request(await session.connect(SERVER, SHARE))

        async def once() -> None:
            created = await client.ask(request, m.Created)
            await client.ask(m.Close(request.tree, created.handle), m.Closed)

        await once()
        rate = await bench.count_for(once)
        await session.logoff()
        return rate


def _loadfile() -> Path:
    program("smbtorture", "samba-testsuite")
    if not FILE.exists():
        raise StartFailed(f"{FILE} is not there (Debian: apt-get install dbench)")
    return FILE


def _median(them: list[Throughput], figure: Callable[[Throughput], float]) -> float:
    return statistics.median(map(figure, them))


Beside = Callable[[Turns], Awaitable[list[Result]]]
AGAINST: dict[str, dict[str, Beside]] = {
    "samba": {"netbench": netbench, "reopen": reopening, "bulk": bulk, "cycle": cycle},
    "sshfs": {"mount": mount},
}
