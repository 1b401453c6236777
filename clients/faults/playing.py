"""A schedule, played on a field: each fault at its time, told when it begins and is healed.

A fault that hangs is cancelled, which heals it. What a fault found broken is kept, and the run
goes on: there may be more to find.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import trio

from clients.faults.field import Field, FoundBroken, Kind
from clients.faults.injecting import HEAL_MAX_S
from clients.faults.schedule import Planned

T = TypeVar("T")
Tell = Callable[[Planned, str, str], object]  # what, its target, "fired" or "healed"


@dataclass(slots=True)
class Counts:
    """How often a kind came about and was healed again."""

    fired: int = 0
    healed: int = 0
    touched: int = 0  # frames, links, calls


@dataclass(slots=True)
class Played:
    """What became of a schedule."""

    counts: dict[str, Counts] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)  # "KIND: what it found"


def possible(kinds: Mapping[str, Kind], place: Field) -> tuple[dict[str, Kind], dict[str, str]]:
    """Which kinds can be played there, and why the others cannot."""
    skipped = {
        name: reason
        for name, kind in kinds.items()
        if (reason := next((place.missing[n] for n in kind.needs if n in place.missing), ""))
    }
    return {name: kind for name, kind in kinds.items() if name not in skipped}, skipped


async def play(
    schedule: Iterable[Planned],
    kinds: Mapping[str, Kind],
    place: Field,
    tell: Tell,
    played: Played | None = None,
) -> Played:
    """Play all of it, into `played`; what is under way when this is cancelled is healed."""
    played = played or Played()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for planned in schedule:
            await trio.sleep_until(began + planned.at_s)
            kind = kinds[planned.kind]
            nursery.start_soon(_inject, kind, planned, place, tell, played)
    return played


async def _inject(
    kind: Kind, planned: Planned, place: Field, tell: Tell, played: Played
) -> None:
    counts = played.counts.setdefault(kind.name, Counts())
    seen = _Seen(place, lambda target: tell(planned, target, "fired"))
    try:
        with trio.move_on_after(planned.length_s + HEAL_MAX_S):
            touched = await kind.inject(seen, Random(planned.seed), planned.length_s)
            counts.touched += touched
            counts.fired += touched > 0
            counts.healed += touched > 0
    except FoundBroken as found:
        counts.fired += 1
        counts.healed += 1
        played.broken.append(f"{kind.name}: {found}")
    finally:
        for target in seen.targets:
            tell(planned, target, "healed")


class _Seen:
    """A field that notes what one fault touches of it."""

    def __init__(self, place: Field, touched: Callable[[str], object]) -> None:
        self._place, self._touched = place, touched
        self.targets: list[str] = []

    def _touch(self, target: str) -> None:
        if target not in self.targets:
            self.targets.append(target)
            self._touched(target)

    @property
    def wires(self) -> Mapping[str, Any]:
        return _Noting(self._place.wires, self._touch)

    @property
    def programs(self) -> Mapping[str, Any]:
        return _Noting(self._place.programs, self._touch)

    @property
    def disks(self) -> Mapping[str, Any]:
        return _Noting(self._place.disks, self._touch)

    @property
    def clock(self) -> "_Seen":
        return self

    async def step(self, program: str, seconds: float) -> None:
        self._touch(program)
        await self._place.clock.step(program, seconds)

    def stranger(self, program: str) -> Any:
        self._touch(program)
        return self._place.stranger(program)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)


class _Noting(Mapping[str, T]):
    """A table that tells which of its entries are taken."""

    def __init__(self, table: Mapping[str, T], touch: Callable[[str], None]) -> None:
        self._table, self._touch = table, touch

    def __getitem__(self, key: str) -> T:
        found = self._table[key]
        self._touch(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)
