"""What most kinds do: choose where, put toxics on a wire for a while, take them off again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import trio

from clients.faults.field import Field, Program, Wire
from clients.faults.toxics import DOWNSTREAM, STREAMS, UPSTREAM, Toxic, make

SERVER = "server"
HEAL_MAX_S = 30.0  # that healing may take, cancelled or not
LOOK_S = 0.02  # between two looks whether something has come about


def chosen(random: Random, names: Sequence[str]) -> str:
    """One of the names, the same one in whatever order they come."""
    return random.choice(sorted(names))


def some_wire(field: Field, random: Random) -> Wire:
    """Any wire."""
    return field.wires[chosen(random, list(field.wires))]


def server_wire(field: Field, random: Random) -> Wire:
    """A wire between a redirector and the server."""
    names = [name for name in field.wires if name.endswith(f"-{SERVER}")]
    return field.wires[chosen(random, names)]


def server_wires(field: Field) -> list[Wire]:
    """All wires between redirectors and the server."""
    return [field.wires[name] for name in sorted(field.wires) if name.endswith(f"-{SERVER}")]


def some_redirector(field: Field, random: Random) -> Program:
    """Any redirector."""
    return field.programs[chosen(random, [name for name in field.programs if name != SERVER])]


def both(random: Random, type: str, **attributes: Any) -> tuple[Toxic, ...]:
    """The same toxic in both directions, by names that no other fault uses."""
    return tuple(one_way(random, type, stream, **attributes) for stream in STREAMS)


def one_way(random: Random, type: str, stream: str = DOWNSTREAM, **attributes: Any) -> Toxic:
    """A toxic by a name that no other fault uses."""
    name = f"{type}-{stream}-{random.getrandbits(40):010x}"
    return make(type, stream, name, **attributes)


@asynccontextmanager
async def healing(*heal: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run what heals when the block ends, also when it is cancelled; bounded."""
    try:
        yield
    finally:
        with trio.move_on_after(HEAL_MAX_S) as scope:
            scope.shield = True
            for one in heal:
                await one()


async def apply(wire: Wire, length_s: float, *toxics: Toxic) -> int:
    """Let toxics work on a wire for a while; returns how much they touched."""
    try:
        for toxic in toxics:
            wire.add(toxic)
        await trio.sleep(length_s)
    finally:
        for toxic in toxics:
            wire.remove(toxic)
    return sum(map(wire.changed, toxics))


async def apply_to_all(wires: Sequence[Wire], length_s: float, *toxics: Toxic) -> int:
    """The same on several wires at once."""
    counts: list[int] = []

    async def one(wire: Wire) -> None:
        counts.append(await apply(wire, length_s, *toxics))

    async with trio.open_nursery() as nursery:
        for wire in wires:
            nursery.start_soon(one, wire)
    return sum(counts)


async def spoil_disk(
    field: Field, length_s: float, call: str, error: str, every: int = 1
) -> int:
    """Let calls of the server's disk fail for a while; returns how many did."""
    disk = field.disks[SERVER]
    await disk.begin(call, error, every)
    try:
        await trio.sleep(length_s)
    finally:
        with trio.move_on_after(HEAL_MAX_S) as scope:
            scope.shield = True
            count = await disk.heal()
    return count


async def wait_touched(wire: Wire, toxics: Sequence[Toxic], wait_max_s: float) -> int:
    """Wait until one of them has touched something, or it is too late."""
    with trio.move_on_after(wait_max_s):
        while not sum(map(wire.changed, toxics)):  # noqa: ASYNC110 - a wire wakes nobody
            await trio.sleep(LOOK_S)
    return sum(map(wire.changed, toxics))


def partings(random: Random, type: str, nth: int, **attributes: Any) -> tuple[Toxic, ...]:
    """A toxic of frames for the messages by which a use comes to its end."""
    return tuple(
        one_way(random, type, UPSTREAM, message=message, nth=nth, **attributes)
        for message in ("CloseBatch", "TreeDisconnect", "Logoff")
    )
