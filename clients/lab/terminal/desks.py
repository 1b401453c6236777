"""Users at their desks, who log off and on in quick succession: the load of Q248371.

A user who is refused comes back after a pause. All times are of the host where they sit.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import trio

from clients.errors import ConnectRefused, SessionError
from clients.file import File
from clients.lab.daemons import GUEST, SERVER, SHARE, address, view
from clients.lab.history import Attempt
from clients.session import Client, Session, dial
from deploy.local import LocalProcess

FILES_EACH = 3
WORK_S = 5.0  # of the policy's time: how long a session works, and a refused user waits
DRAIN_MARGIN_S = 2.0
LOOK_S = 0.05
FACT_FIELDS = ("kind", "at_ns", "connection", "state")
Told = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Desks:
    """Who sits there, under which policy; `dormant_s` is before scaling."""

    preset: str
    limit: int
    users: int
    cycles: int
    dormant_s: float
    time_scale: float
    seed: int

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Desks":
        """What `asdict` made of some."""
        return cls(**plain)

    def redirector(self) -> dict[str, Any]:
        """The settings of the redirector that they log on to."""
        return {
            "preset": self.preset,
            "time_scale": self.time_scale,
            "policy": {"dormant_age_max_s": self.dormant_s},
        }

    def names(self) -> list[str]:
        """The users' names."""
        return [f"user{number}" for number in range(self.users)]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen from the desks.

    It began at `began` on the clock of the attempts, at `began_ns` on that of the facts.
    """

    began: float
    began_ns: int
    attempts: list[Attempt]
    round_trips_saved: int
    facts: list[dict[str, Any]]
    takes_others_handles: bool | None

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Seen":
        """What `plain` said."""
        attempts = [Attempt(**one) for one in plain["attempts"]]
        return cls(**{**plain, "attempts": attempts})


async def sit(desks: Desks, redirector: LocalProcess, on_attempt: Told) -> Seen:
    """Let all users come and go, and wait until their redirector holds nothing any more."""
    began_ns, began = time.time_ns(), trio.current_time()
    at = address(redirector, "unix")
    attempts: list[Attempt] = []
    async with trio.open_nursery() as nursery:
        for user in range(desks.users):
            nursery.start_soon(_user, desks, at, user, attempts, on_attempt)
    status = (await view(redirector, "status"))[0]
    await _wait_empty(desks, redirector)
    facts = await view(redirector, "facts")
    return Seen(
        began,
        began_ns,
        sorted(attempts, key=lambda one: one.connect_sent),
        status["round_trips_saved"],
        [
            {name: fact[name] for name in FACT_FIELDS}
            for fact in facts
            if fact["kind"] == "connection_state"
        ],
        await _takes_others_handles(at) if desks.limit > 1 else None,
    )


async def _user(
    desks: Desks, at: str, user: int, attempts: list[Attempt], on_attempt: Told
) -> None:
    """One user at one desk: every logon comes over a link of its own."""
    chance = random.Random(f"{desks.seed}/{user}")
    for _ in range(desks.cycles):
        attempt = Attempt(f"user{user}", trio.current_time())
        attempts.append(attempt)
        try:
            async with dial(at) as client:
                await _one_logon(desks, client, user, attempt, chance)
        except SessionError as error:
            attempt.outcome = "failed"
            attempt.reason = str(error)
        on_attempt()


async def _one_logon(
    desks: Desks, client: Client, user: int, attempt: Attempt, chance: random.Random
) -> None:
    session = await client.logon(attempt.user)
    attempt.connect_sent = trio.current_time()
    try:
        await session.connect(SERVER, SHARE)
    except ConnectRefused as refused:
        attempt.connect_answered = trio.current_time()
        attempt.outcome = "refused"
        attempt.receipt = await client.receipt(refused.receipt, SERVER)
        await session.logoff()
        await trio.sleep(WORK_S * desks.time_scale)
        return
    attempt.connect_answered = trio.current_time()
    attempt.outcome = "admitted"
    try:
        await _work(session, user, WORK_S * desks.time_scale, chance)
    except SessionError as error:  # under sp3 and w2k another's logoff takes files away
        attempt.reason = str(error)
    attempt.logoff_sent = trio.current_time()
    proof = await session.logoff()
    attempt.logoff_answered = trio.current_time()
    attempt.uses_read = sum(share.uses_after for share in proof.shares)


async def _work(session: Session, user: int, seconds: float, chance: random.Random) -> None:
    """Open, read, write and close files until the time is over, the last at its end."""
    done_at = trio.current_time() + seconds
    for turn in range(2):
        for number in range(FILES_EACH):
            name = rf"\\{SERVER}\{SHARE}\user{user}-{number}.txt"
            async with session.open(name, "r+b") as file:
                content = await file.read()
                await file.seek(chance.randrange(len(content)))
                await file.write(f"turn {turn}".encode())
        async with session.open(rf"\\{SERVER}\{SHARE}\all.txt", "rb") as shared:
            await shared.read()
        if turn == 0:
            await trio.sleep_until(done_at)


def drain_max_s(desks: Desks) -> float:
    """How long dormant files may take to be closed, and their slots to come back."""
    return desks.dormant_s * desks.time_scale * 1.5 + DRAIN_MARGIN_S


async def _wait_empty(desks: Desks, redirector: LocalProcess) -> None:
    """A redirector forgets a connection when the server has taken its slot back."""
    with trio.move_on_after(drain_max_s(desks)):
        while await view(redirector, "connections"):  # noqa: ASYNC110 - in another process
            await trio.sleep(LOOK_S)


async def _takes_others_handles(at: str) -> bool:
    """Two users read one file; the first logs off: does the second lose it?"""
    name = rf"\\{SERVER}\{SHARE}\all.txt"
    async with dial(at) as client:
        first, second = await client.logon(GUEST), await client.logon(GUEST)
        async with first.open(name, "rb"), second.open(name, "rb") as file:
            await first.logoff()
            taken = not await _is_readable(file)
            await second.logoff()
            return taken


async def _is_readable(file: File) -> bool:
    try:
        await file.read()
    except SessionError:
        return False
    return True
