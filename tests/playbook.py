r"""What the stories share: who plays on which stage, and how to say what is expected.

A story opens a stage with `play`, lets users come with `enter`, and says of each step what it
sends upstream (`sends`) or how it is refused (`refused`). Everybody's files are on one share,
`\\server\docs`. Leaving the stage holds every table to itself and lets nothing be left over.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import trio

from clients.errors import SessionError
from clients.lab.staging.programs import Redirector
from clients.lab.staging.stage import SERVER, Stage, stage
from clients.session import Client, Session
from redird.config import Config as RedirectorConfig
from redird.presets import PRESETS
from redird.wire.errors import Refused
from redird.wire.messages import LoggedOff
from redird.wire.status import Status
from shareserver.config import AccountConfig, ShareConfig
from shareserver.config import Config as ServerConfig

SHARE = "docs"
USERS = tuple(f"u{number}" for number in range(1, 61))
ALL_PRESETS = tuple(PRESETS)
WHO = pytest.mark.parametrize("who", ["self", "same redirector", "neighbour", "direct"])


def at(name: str = "") -> str:
    """The full name of a file on the share."""
    return rf"\\{SERVER}\{SHARE}\{name}"


def server(uses_max: int | None = None, **options: Any) -> ServerConfig:
    """A server with the share, and with guests; `options` are its configuration's."""
    shares = {SHARE: ShareConfig("/", uses_max)} | options.pop("shares", {})
    guests = {user: AccountConfig(guest=True) for user in options.pop("users", USERS)}
    accounts = guests | options.pop("accounts", {})
    return ServerConfig(shares=shares, accounts=accounts, **options)


def redirector(preset: str = "sp6", *, policy: Any = None, **options: Any) -> RedirectorConfig:
    """A redirector under a preset; `policy` overrides, `options` are its configuration's."""
    return RedirectorConfig(preset=preset, policy=policy or {}, **options)


@asynccontextmanager
async def play(
    preset: str = "sp6",
    uses_max: int | None = None,
    *,
    policy: Any = None,
    seed: int = 0,
    server_options: Any = None,
    **redirector_options: Any,
) -> AsyncIterator[Stage]:
    """Open a stage with a limit on the share and a redirector under a preset."""
    upstream = server(uses_max, **(server_options or {}))
    between = redirector(preset, policy=policy, **redirector_options)
    async with stage(upstream, between, seed=seed) as s:
        yield s


async def enter(s: Stage, user: str, through: Redirector | None = None) -> Session:
    """Dial a redirector, log on and connect."""
    return await admitted(await s.client(through), user)


async def enter_directly(s: Stage, user: str) -> Session:
    """Dial the server, log on and connect."""
    return await admitted(await s.direct_client(), user)


async def admitted(client: Client, user: str) -> Session:
    """Log on and connect, or log off again and raise what refused it."""
    session = await client.logon(user)
    try:
        await session.connect(SERVER, SHARE)
    except SessionError:
        await session.logoff()
        raise
    return session


async def somebody(s: Stage, who: str, session: Session) -> Session:
    """Whoever changes names: the first user itself, or another by some way."""
    if who == "self":
        return session
    if who == "direct":
        return await enter_directly(s, "u2")
    through = await s.add_redirector(s.redirector.state.config) if who == "neighbour" else None
    return await enter(s, "u2", through)


async def touch(session: Session, *names: str, mode: str = "w") -> None:
    """Open, write and close files: what may become dormant does."""
    for name in names:
        async with session.open(at(name), mode) as file:
            await file.write(f"of {session.user}")


async def visit(s: Stage, user: str, name: str = "", through: Any = None) -> LoggedOff:
    """Log on, use a file of one's own, log off; returns the proof."""
    session = await enter(s, user, through)
    await touch(session, name or user)
    return await session.logoff()


async def read(session: Session, name: str) -> str:
    """Open, read and close a file."""
    async with session.open(at(name)) as file:
        text: str = await file.read()
        return text


async def at_once(act: Any, s: Stage, users: Iterable[str]) -> list[Any]:
    """Let all users do `act(stage, user)` at the same time; returns what came of it."""
    results = {}

    async def one(user: str) -> None:
        results[user] = await act(s, user)

    async with trio.open_nursery() as nursery:
        for user in users:
            nursery.start_soon(one, user)
    return list(results.values())


def uses(s: Stage) -> int:
    """How many slots of the share are taken."""
    return s.server.ledger.uses(SHARE)


def freed(s: Stage) -> int:
    """How many slots were ever given back."""
    return s.server.ledger.statistics()["uses_released"]


@contextmanager
def sends(s: Stage, **expected: int) -> Iterator[None]:
    """What happens in this block sends the server exactly these messages, echoes apart."""
    before = s.requests
    yield
    sent = s.requests - before
    assert expected == {name: n for name, n in sent.items() if name not in ("Echo", "Echoed")}


@contextmanager
def refused(status: Status, **detail: Any) -> Iterator[Any]:
    """What happens in this block is refused with a status, and with at least this detail."""
    with pytest.raises((Refused, SessionError)) as caught:
        yield caught
    no: Any = caught.value
    assert status.name == no.status.name
    assert detail == {key: no.detail.get(key) for key in detail}


def states(receipt: dict[str, Any]) -> Counter[str]:
    """How many holders of a receipt are in each state."""
    return Counter(holder["state"] for holder in receipt["holders"])
