"""Links to one daemon, each shared by a few sessions: a host of users, not a desk for each."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import trio

from clients.errors import LinkFailed, SessionError
from clients.session import Client

Dial = Callable[[], AbstractAsyncContextManager[Client]]


@dataclass(slots=True, eq=False)
class _Place:
    """One link, being dialled, in use or lost."""

    sessions: int = 0
    client: Client | None = None
    reason: str = "the link was not dialled"
    settled: trio.Event = field(default_factory=trio.Event)


class Links:
    """Dials a further link when all have the sessions they may; keeps them to the end."""

    def __init__(self, dial: Dial, sessions_per_link: int, nursery: trio.Nursery) -> None:
        self._dial = dial
        self._each_max = sessions_per_link
        self._nursery = nursery
        self._roomy: list[_Place] = []

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A link for one session; raises LinkFailed if it cannot be had."""
        place = self._roomy[-1] if self._roomy else self._new()
        place.sessions += 1
        if place.sessions == self._each_max:
            self._roomy.remove(place)
        try:
            await place.settled.wait()
            if place.client is None:
                raise LinkFailed(place.reason)
            yield place.client
        finally:
            if place.sessions == self._each_max and place.client is not None:
                self._roomy.append(place)
            place.sessions -= 1

    def _new(self) -> _Place:
        place = _Place()
        self._roomy.append(place)
        self._nursery.start_soon(self._hold, place)
        return place

    async def _hold(self, place: _Place) -> None:
        try:
            async with self._dial() as client:
                place.client = client
                place.settled.set()
                await client.link.wait_lost()
                place.reason = "the link was lost"
        except SessionError as error:
            place.reason = error.subject
        finally:
            place.client = None
            place.settled.set()
            if place in self._roomy:
                self._roomy.remove(place)
