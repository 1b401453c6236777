"""Logging on, connecting and leaving again, over a link of its own each time."""

import getpass
import statistics
from time import perf_counter

import trio

from clients.lab.bench.yardstick import Result
from clients.lab.daemons import GUEST, SERVER, SHARE, Daemons, running
from clients.lab.peers import torture
from clients.lab.peers.processes import understood
from clients.lab.peers.samba import Samba, smbd
from clients.lab.peers.turns import Turns
from clients.session import dial

CLIENTS = (1, 4)


async def cycle(turns: Turns) -> list[Result]:
    """How often a second a guest can come, connect to a share, and go.

    Theirs, by smbtorture raw.bench-tcon, a process for each client: TCP connection, Negotiate,
    two SessionSetups (NTLM, anonymous), TreeConnect, TreeDisconnect, the end of the TCP
    connection; smbd forks a process for it. Ours, all clients in one process: dial, Negotiate,
    guest's logon, connect, logoff, the end of the link; `direct` over TCP to the share server,
    `daemon` over a unix socket to the redirector, which asks the server over the link it has.
    """
    async with smbd(getpass.getuser()) as samba, running() as daemons:
        return [
            row for clients in CLIENTS for row in await _beside(samba, daemons, turns, clients)
        ]


async def _beside(samba: Samba, daemons: Daemons, turns: Turns, clients: int) -> list[Result]:
    addresses = {"direct": daemons.server_tcp, "daemon": daemons.redirector_unix}
    ours: dict[str, list[float]] = {way: [] for way in addresses}
    theirs, seconds = [], turns.seconds
    for _ in range(turns.rounds):
        text = await samba.torture(
            "raw.bench-tcon", seconds, clients, f"--unclist={samba.names}"
        )
        cycles = understood("smbtorture", torture.connections, text)
        theirs.append(cycles / seconds)
        for way, at in addresses.items():
            ours[way].append(await _per_s(at, seconds, clients))
    reference, name = statistics.median(theirs), "smbd by smbtorture raw.bench-tcon"
    more = {"clients": clients, "seconds": seconds, "rounds": turns.rounds}
    return [
        Result(f"cycle-{way}-{clients}", median, "cycles/s", reference, name, more)
        for way, median in ((way, statistics.median(them)) for way, them in ours.items())
    ]


async def _per_s(at: str, seconds: int, clients: int) -> float:
    count, began = 0, perf_counter()

    async def one() -> None:
        nonlocal count
        while perf_counter() - began < seconds:
            async with dial(at) as client:
                session = await client.logon(GUEST)
                await session.connect(SERVER, SHARE)
                await session.logoff()
            count += 1

    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(one)
    return count / (perf_counter() - began)
