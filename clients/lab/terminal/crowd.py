"""Many sessions of one host at once, and how fast others come and go beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from clients.lab.daemons import GUEST, SERVER, SHARE, address, view
from clients.session import Client, dial
from deploy.local import LocalProcess
from redird.wire.dialling import unwrapped

PER_LINK = 10
FILE = rf"\\{SERVER}\{SHARE}\file.txt"
Told = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many sit with an open file each, while so many others come and go for so long."""

    sitting: int
    cycling: int
    seconds: float

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Crowd":
        """What `asdict` made of one."""
        return cls(**plain)


async def gather(crowd: Crowd, redirector: LocalProcess, on_sitting: Told) -> dict[str, Any]:
    """Let them all come; returns how many sat at once, and what each logon and logoff took."""
    with unwrapped():
        return await _gather(crowd, redirector, on_sitting)


async def _gather(crowd: Crowd, redirector: LocalProcess, on_sitting: Told) -> dict[str, Any]:
    at = address(redirector, "unix")
    async with trio.open_nursery() as nursery:
        for first in range(0, crowd.sitting, PER_LINK):
            await nursery.start(_sit, at, min(PER_LINK, crowd.sitting - first))
            on_sitting()
        at_once = (await view(redirector, "status"))[0]["sessions"]
        began = trio.current_time()
        logons, logoffs = await _come_and_go(crowd, at)
        took_s = trio.current_time() - began
        nursery.cancel_scope.cancel()
    return {"at_once": at_once, "took_s": took_s, "logons_s": logons, "logoffs_s": logoffs}


async def _sit(at: str, count: int, *, task_status: trio.TaskStatus[None]) -> None:
    """So many sit over one link, one after the other: a link nobody logs on over is closed."""
    async with dial(at) as client, trio.open_nursery() as nursery:
        for _ in range(count):
            await nursery.start(_sit_one, client)
        task_status.started()
        await trio.sleep_forever()


async def _sit_one(client: Client, *, task_status: trio.TaskStatus[None]) -> None:
    session = await client.logon(GUEST)
    async with session.open(FILE, "rb") as file:
        await file.read()
        task_status.started()
        await trio.sleep_forever()


async def _come_and_go(crowd: Crowd, at: str) -> tuple[list[float], list[float]]:
    logons: list[float] = []
    logoffs: list[float] = []
    async with dial(at) as client, trio.open_nursery() as nursery:
        until = trio.current_time() + crowd.seconds
        for _ in range(crowd.cycling):
            nursery.start_soon(_cycles, client, until, logons, logoffs)
    return logons, logoffs


async def _cycles(
    client: Client, until: float, logons: list[float], logoffs: list[float]
) -> None:
    """Until the time is over, and some have come and gone, however slow this host is."""
    while not logoffs or trio.current_time() < until:
        began = trio.current_time()
        session = await client.logon(GUEST)
        await session.connect(SERVER, SHARE)
        logons.append(trio.current_time() - began)
        async with session.open(FILE, "rb") as file:
            await file.read()
        began = trio.current_time()
        await session.logoff()
        logoffs.append(trio.current_time() - began)
