"""A proxy: everybody who dials it is carried to one place, through the toxics of one wire.

It is a `Wire` of the real field. Toxics come and go while it runs; what it does to which frame
of which link is handed to `note`, one entry each.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from clients.faults.applied import Note, Toxics
from clients.faults.link import CarriedLink
from clients.faults.proxy.carrying import Carrier, reset
from clients.faults.toxics import Toxic
from redird.wire.address import Address, dial
from redird.wire.errors import LinkLost

LINKS_MAX = 8192  # at once; more are reset
Dial = Callable[[], Awaitable[trio.abc.HalfCloseableStream]]


class Proxy:
    """One wire by the name of `name`; `dial` opens a stream to where it leads."""

    def __init__(
        self, name: str, dial: Dial, seed: int = 0, note: Note = lambda entry: None
    ) -> None:
        self._dial = dial
        self.toxics = Toxics(name, seed, note)
        self.toxics.on_change = self._changed
        self._carriers: set[Carrier] = set()
        self._links = 0  # so many there were

    # --- as a wire ---

    @property
    def name(self) -> str:
        """From where to where."""
        return self.toxics.wire

    @property
    def links(self) -> int:
        """How many there are now."""
        return len(self._carriers)

    def add(self, toxic: Toxic) -> None:
        """Let it work from now on; raises TooMany."""
        self.toxics.add(toxic, trio.current_time())

    def remove(self, toxic: Toxic) -> None:
        """End it, if it is there."""
        self.toxics.remove(toxic)

    def changed(self, toxic: Toxic) -> int:
        """How many frames or links it has touched."""
        return self.toxics.changed(toxic)

    def cut(self) -> int:
        """Reset all links; returns how many there were."""
        for carrier in self._carriers:
            carrier.link.cut()
            carrier.wake()
        return len(self._carriers)

    def _changed(self) -> None:
        for carrier in self._carriers:
            carrier.changed()

    # --- as a server ---

    async def serve(self, near: trio.abc.HalfCloseableStream) -> None:
        """Carry one link until it ends."""
        link = CarriedLink(self.toxics, self._links, trio.current_time())
        self._links += 1
        if self.links >= LINKS_MAX or link.ending(trio.current_time()) == "reset":
            reset(near)
            return
        try:
            far = await self._dial()
        except LinkLost:
            reset(near)
            return
        carrier = Carrier(link, near, far)
        self._carriers.add(carrier)
        try:
            await carrier.run()
        finally:
            self._carriers.discard(carrier)
            for stream in (near, far):
                await trio.aclose_forcefully(stream)


def dialler(where: Callable[[], Address], dial_max_s: float = 5.0) -> Dial:
    """Dial whatever address `where` says at the time."""

    async def dial_there() -> Any:
        return await dial(where(), dial_max_s)

    return dial_there
