"""Proxies by name, which come, go, and change where they lead while the program runs.

Addresses are written as Toxiproxy writes them, HOST:PORT, or as ours are, tcp:HOST:PORT and
unix:/PATH.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from clients.faults.applied import Note
from clients.faults.proxy.proxy import Proxy, dialler
from clients.faults.toxics import Toxic
from redird.wire.address import Address, bound_address, listen, parse

PROXIES_MAX = 1024


class NoSuchProxy(Exception):
    """No proxy has that name."""


class Taken(Exception):
    """Something of that name is there already."""


def address(text: str) -> Address:
    """Read an address; raises AddressError."""
    plain = ":" in text and not text.startswith(("tcp:", "unix:"))
    host, _, port = text.rpartition(":")
    return parse(f"tcp:{host or '0.0.0.0'}:{port}" if plain else text)


def written(where: Address, like: str) -> str:
    """An address as its user writes them."""
    ours = like.startswith(("tcp:", "unix:"))
    return str(where) if ours else str(where).removeprefix("tcp:")


@dataclass(slots=True, eq=False)
class Named:
    """A proxy, and whether it listens now."""

    name: str
    listen: str
    upstream: str
    proxy: Proxy
    scope: trio.CancelScope | None = None  # of its listener
    ended: trio.Event = field(default_factory=trio.Event)  # it listens no more
    toxics: dict[str, Toxic] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self.scope is not None


class Proxies:
    """All proxies of this program; `nursery` runs them."""

    def __init__(self, nursery: trio.Nursery, seed: int, note: Note) -> None:
        self._nursery, self._seed, self._note = nursery, seed, note
        self._named: dict[str, Named] = {}

    def __iter__(self) -> Iterator[Named]:
        return iter(self._named.values())

    def __len__(self) -> int:
        return len(self._named)

    def get(self, name: str) -> Named:
        """Find one; raises NoSuchProxy."""
        if name not in self._named:
            raise NoSuchProxy(name)
        return self._named[name]

    async def add(self, name: str, listen_at: str, upstream: str, enabled: bool) -> Named:
        """Make one; raises Taken, or AddressError if it cannot listen there."""
        if name in self._named or len(self._named) >= PROXIES_MAX:
            raise Taken(name)
        address(upstream)
        proxy = Proxy(name, dialler(lambda: address(made.upstream)), self._seed, self._note)
        made = Named(name, listen_at, upstream, proxy)
        self._named[name] = made
        try:
            if enabled:
                await self.enable(made)
        except BaseException:
            del self._named[name]
            raise
        return made

    async def enable(self, one: Named) -> None:
        """Listen, if it does not; raises AddressError."""
        if one.scope is None:
            listeners = await listen(address(one.listen))
            one.listen = written(bound_address(listeners[0]), one.listen)
            one.scope, one.ended = trio.CancelScope(), trio.Event()
            self._nursery.start_soon(self._serve, one, listeners, one.scope)

    async def _serve(
        self, one: Named, listeners: list[trio.SocketListener], scope: trio.CancelScope
    ) -> None:
        with scope:
            async with trio.open_nursery() as links:
                await trio.serve_listeners(one.proxy.serve, listeners, handler_nursery=links)
        one.ended.set()

    async def disable(self, one: Named) -> None:
        """Listen no more, and end all links."""
        if one.scope is not None:
            one.scope.cancel()
            one.scope = None
            await one.ended.wait()

    async def change(self, one: Named, listen_at: str, upstream: str, enabled: bool) -> None:
        """Lead elsewhere, or listen elsewhere; raises AddressError."""
        address(upstream)
        if listen_at != one.listen or upstream != one.upstream or not enabled:
            await self.disable(one)
        one.listen, one.upstream = listen_at, upstream
        if enabled:
            await self.enable(one)

    async def remove(self, one: Named) -> None:
        """End it for good."""
        await self.disable(one)
        self._named.pop(one.name, None)

    # --- toxics ---

    def put(self, one: Named, toxic: Toxic) -> None:
        """Let a toxic work, instead of the one of its name; raises TooMany."""
        one.proxy.add(toxic)
        one.toxics[toxic.name] = toxic

    def take(self, one: Named, name: str) -> None:
        """End a toxic."""
        one.proxy.remove(one.toxics.pop(name))

    async def reset(self) -> None:
        """Let all proxies listen, without a toxic; raises AddressError."""
        for one in list(self):
            for name in list(one.toxics):
                self.take(one, name)
            await self.enable(one)


@asynccontextmanager
async def proxies(seed: int, note: Note) -> AsyncIterator[Proxies]:
    """Have proxies until the block ends."""
    async with trio.open_nursery() as nursery:
        yield Proxies(nursery, seed, note)
        nursery.cancel_scope.cancel()
