"""Every kind of fault on a field that only takes down what was done to it."""

import inspect
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import memory_stream_pair

import clients.faults.kinds
from clients.faults.applied import Toxics
from clients.faults.field import BANDS, NEEDS, FoundBroken, Identity
from clients.faults.kinds import ALL
from clients.faults.playing import play, possible
from clients.faults.schedule import Planned, plan

LENGTH_S = 4.0


class FakeWire:
    """Everything added touches something a moment later."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.toxics = Toxics(name, 1)
        self.cuts = 0

    def add(self, toxic):
        self.toxics.add(toxic, 0.0)
        for one in self.toxics:
            one.touched += one.toxic == toxic

    def remove(self, toxic):
        self.toxics.remove(toxic)

    def changed(self, toxic):
        return self.toxics.changed(toxic)

    def cut(self):
        self.cuts += 1
        return 2


class FakeProgram:
    """Knows whether it runs, and what limits it has."""

    def __init__(self, name: str) -> None:
        self.name, self.running, self.stopped = name, True, False
        self.files: int | None = None
        self.memory: int | None = None
        self.done: Counter[str] = Counter()

    async def kill(self):
        self.done["kill"] += 1
        self.running = False

    async def restart(self):
        await trio.lowlevel.checkpoint()
        self.done["restart"] += 1
        self.running = True

    async def stop(self):
        self.done["stop"] += 1
        self.stopped = True

    async def go_on(self):
        await trio.lowlevel.checkpoint()
        self.stopped = False

    async def limit_files(self, most):
        self.done["files"] += 1
        self.files = most

    async def limit_memory(self, most):
        self.done["memory"] += 1
        self.memory = most
        return False


class FakeDisk:
    def __init__(self) -> None:
        self.meets: tuple | None = None
        self.done: Counter[str] = Counter()

    async def begin(self, call, error, every):
        assert call in ("write", "fsync", "read")
        assert error in ("EIO", "ENOSPC", "short", "slow")
        self.done["begin"] += 1
        self.meets = (call, error, every)

    async def heal(self):
        await trio.lowlevel.checkpoint()
        self.meets = None
        return 3


class FakeField:
    """Two redirectors and a server; strangers find somebody who swallows all they say."""

    open_share, silence_max_s = "open", 6.0

    def __init__(self, missing: dict[str, str] | None = None) -> None:
        names = ("clients-host1", "host1-server", "host2-server")
        self.wires = {name: FakeWire(name) for name in names}
        self.programs = {name: FakeProgram(name) for name in ("server", "host1", "host2")}
        self.disks = {"server": FakeDisk()}
        self.clock, self.missing = self, missing or {}
        self.offsets: Counter[str] = Counter()
        self.steps = self.strangers = self.there = 0

    async def step(self, program, seconds):
        await trio.lowlevel.checkpoint()
        self.steps += 1
        self.offsets[program] += seconds

    @asynccontextmanager
    async def stranger(self, program) -> AsyncIterator[trio.abc.Stream]:
        self.strangers += 1
        self.there += 1
        ours, theirs = memory_stream_pair()
        try:
            yield ours
        finally:
            self.there -= 1
            await theirs.aclose()

    def identity(self, program):
        return Identity(program, "key")

    def acts(self) -> int:
        """How much was done to it."""
        wires = sum(len(wire.toxics._ended) + wire.cuts for wire in self.wires.values())
        others: list[Any] = [*self.programs.values(), *self.disks.values()]
        done = sum(sum(one.done.values()) for one in others)
        return wires + done + self.steps + self.strangers

    def ill(self) -> list[object]:
        """What is not as it was."""
        wires = [list(wire.toxics) for wire in self.wires.values() if len(wire.toxics)]
        programs = [
            one.name
            for one in self.programs.values()
            if not one.running or one.stopped or (one.files, one.memory) != (None, None)
        ]
        disks = [one.meets for one in self.disks.values() if one.meets]
        clocks = [name for name, offset in self.offsets.items() if offset]
        return [*wires, *programs, *disks, *clocks, *([self.there] if self.there else [])]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("seed", range(3))
async def test_a_kind_fires_and_heals(name, seed, autojump_clock):
    field = FakeField()
    fired = await ALL[name].inject(field, Random(seed), LENGTH_S)

    assert fired or field.strangers
    assert 0 < field.acts()
    assert [] == field.ill()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("after_s", [0.001, 0.3, 2.0])
async def test_a_kind_that_is_cancelled_is_healed_too(name, after_s, autojump_clock):
    field = FakeField()
    with trio.move_on_after(after_s):
        await ALL[name].inject(field, Random(1), LENGTH_S)

    assert [] == field.ill()


@pytest.mark.parametrize("name", ALL)
async def test_a_kind_does_the_same_by_the_same_seed(name, autojump_clock):
    first, second = FakeField(), FakeField()
    for field in (first, second):
        await ALL[name].inject(field, Random(7), LENGTH_S)

    assert [wire.toxics._ended for wire in first.wires.values()] == [
        wire.toxics._ended for wire in second.wires.values()
    ]
    assert [one.done for one in first.programs.values()] == [
        one.done for one in second.programs.values()
    ]


@pytest.mark.parametrize("name", ALL)
def test_a_kind_has_a_file_of_its_own_that_says_what_it_is(name):
    kind = ALL[name]
    module = inspect.getmodule(type(kind))
    assert module is not None
    said = module.__doc__ or ""

    assert (name, name) == (kind.name, Path(module.__file__ or "").stem)
    assert kind.band in BANDS
    assert set(NEEDS) >= set(kind.needs)
    assert len(said.split()) > 20, "what it is in life, and where it hurts"
    assert (type(kind).__doc__ or "").strip()


def test_there_are_many_kinds_of_every_band():
    folder = Path(clients.faults.kinds.__file__ or "").parent
    files = {path.stem for path in folder.glob("[!_]*.py")}

    assert files == set(ALL)
    assert 24 <= len(ALL)
    assert set(BANDS) == {kind.band for kind in ALL.values()}


# --- a schedule, played -----------------------------------------------------------------------


async def test_a_schedule_is_played_and_all_is_healed_when_it_ends(autojump_clock):
    field = FakeField()
    kinds = {name: ALL[name] for name in ("kill_server", "latency", "eio", "reset")}
    schedule = plan(Random(3), kinds.values(), 40, active=1.0)
    told: list[tuple] = []

    played = await play(schedule, kinds, field, lambda *said: told.append(said))

    times = Counter(one.kind for one in schedule)
    assert times == Counter({name: one.fired for name, one in played.counts.items()})
    assert times == Counter({name: one.healed for name, one in played.counts.items()})
    assert [] == field.ill() + played.broken
    assert {("kill_server", "server", "fired"), ("kill_server", "server", "healed")} == {
        (one.kind, target, event) for one, target, event in told if one.kind == "kill_server"
    }
    assert len([1 for *_, event in told if event == "fired"]) == len(told) / 2


async def test_what_a_fault_found_broken_is_kept_and_the_rest_is_played(autojump_clock):
    class Finds:
        name, band, needs = "finds", "protocol", ()

        async def inject(self, field, random, length_s):
            raise FoundBroken("handles [17]")

    field = FakeField()
    schedule = [Planned(0.0, "finds", 1.0, 1), Planned(2.0, "reset", 1.0, 2)]
    kinds: dict[str, Any] = {"finds": Finds(), "reset": ALL["reset"]}
    played = await play(schedule, kinds, field, lambda *said: None)

    assert ["finds: handles [17]"] == played.broken
    assert 1 == played.counts["reset"].fired


def test_what_cannot_be_done_somewhere_is_skipped_with_the_reason():
    field = FakeField({"disk": "needs strace (Debian: strace)"})
    there, skipped = possible(ALL, field)

    assert {name for name, kind in ALL.items() if "disk" in kind.needs} == set(skipped)
    assert {"needs strace (Debian: strace)"} == set(skipped.values())
    assert set(there) == set(ALL) - set(skipped)
