"""A process of clients that play a load file: told what to do by its argument, a JSON object.

Standard output gets one object a line: {"ready": true} when all of its clients are logged on,
then, after a line on standard input, how many lines are done about once a second, and at last
{"result": ...} or {"failed": why}.
"""

import gc
import json
import math
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import trio

from clients.errors import SessionError
from clients.lab.daemons import GUEST, SERVER, SHARE
from clients.lab.replaying.loadfile import Line, LoadfileError, parse
from clients.lab.replaying.player import Player
from clients.lab.replaying.tally import Tally, total
from clients.lab.staging.inprocess import redirector
from clients.session import Client, Session, dial
from redird.config import Config
from redird.wire.errors import LinkLost
from redird.wire.process import configure_logging

DAEMON, LIBRARY = "daemon", "library"
TOLD_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one process plays: `clients` by their numbers, `at` a redirector's address or,
    through the library, a share server's.

    With `seconds` the file is begun again and again for so long, after `warm_up_s` that do not
    count, and the end is just the end; without, it is played once, up to the logoff.
    """

    file: str
    clients: tuple[int, ...]
    at: str
    through: str = DAEMON
    preset: str = "win10"
    lines_max: int | None = None
    seconds: float | None = None
    warm_up_s: float = 0.0

    def as_argument(self) -> str:
        """Return the argument of the process."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Playing:
    """The clients of this process, and how far they are."""

    part: Part
    lines: list[Line]
    players: list[tuple[Player, Session]] = field(default_factory=list)
    done: int = 0
    spent_s: float = 0.0
    tallies: list[Tally] = field(default_factory=list)

    async def play(self) -> None:
        """Let every client play; with a time limit until it is over."""
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for player, session in self.players:
                nursery.start_soon(self._play_one, player, session, began)
        self.spent_s = perf_counter() - began - self.part.warm_up_s

    async def _play_one(self, player: Player, session: Session, began: float) -> None:
        tally = Tally()
        self.tallies.append(tally)
        part = self.part
        if part.seconds is None:
            await self._once(player, tally, math.inf)
            await session.logoff()
            return
        warm = began + part.warm_up_s
        position = await self._until(player, tally, warm)
        tally.restart()
        await self._until(player, tally, warm + part.seconds, position)

    async def _until(self, player: Player, tally: Tally, end: float, position: int = 0) -> int:
        """Play the file again and again until a moment; returns where to go on."""
        while perf_counter() < end:
            position = await self._once(player, tally, end, position)
        return position

    async def _once(self, player: Player, tally: Tally, end: float, start: int = 0) -> int:
        """Play the file from one of its lines on; returns where to go on, 0 at its end."""
        began = perf_counter()
        for position in range(start, len(self.lines)):
            if began >= end:
                return position
            line = self.lines[position]
            outcome = await player.play(line.operation)
            ended = perf_counter()
            tally.note(line, outcome, player.number, ended - began)
            began = ended
            self.done += 1
        return 0

    async def tell(self) -> None:
        """Say about once a second how many lines are done."""
        while True:
            await trio.sleep(TOLD_EVERY_S)
            _say({"done": self.done})


async def play(part: Part, ready: Callable[[], Any]) -> dict[str, Any]:
    """Log the clients on, wait for `ready`, play, and return the result."""
    playing = Playing(part, _loaded(part))
    async with _entry(part) as (client_of, statistics):
        for number in part.clients:
            client = await client_of()
            session = await client.logon(GUEST)
            tree = await session.connect(SERVER, SHARE)
            playing.players.append((Player(client, tree, number), session))
        await ready()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(playing.tell)
            await playing.play()
            nursery.cancel_scope.cancel()
        return _result(playing, statistics())


def _loaded(part: Part) -> list[Line]:
    with Path(part.file).open(encoding="utf-8", errors="replace") as text:
        lines = parse(text, part.lines_max)
    gc.collect()
    gc.freeze()  # the lines stay: collecting among them again and again is no client's work
    return lines


def _result(playing: Playing, statistics: dict[str, int]) -> dict[str, Any]:
    return {
        "tally": total(playing.tallies).as_object(),
        "spent_s": playing.spent_s,
        "statistics": statistics,
    }


Entry = tuple[Callable[[], Any], Callable[[], dict[str, int]]]


@asynccontextmanager
async def _entry(part: Part) -> AsyncIterator[Entry]:
    """Give a way to clients, and to the statistics of a redirector in this process."""
    if part.through == LIBRARY:
        async with redirector(Config(preset=part.preset, servers={SERVER: part.at})) as here:

            async def local() -> Client:
                return here.client()

            yield local, here.state.statistics
        return
    async with AsyncExitStack() as links:

        async def dialled() -> Client:
            return await links.enter_async_context(dial(part.at))

        yield dialled, dict


def _say(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


async def _ready() -> None:
    _say({"ready": True})
    await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)


def main() -> None:
    """Play the part that the argument tells of."""
    told = json.loads(sys.argv[1])
    configure_logging()  # standard output is spoken for
    part = Part(**{**told, "clients": tuple(told["clients"])})
    try:
        _say({"result": trio.run(play, part, _ready)})
    except (OSError, LoadfileError, SessionError, LinkLost) as error:
        _say({"failed": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
