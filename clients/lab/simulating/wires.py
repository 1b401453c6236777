"""A wire of a simulated field: the cables from one place to another, and the toxics on them.

What becomes of a frame the core of `clients.faults` decides; here it becomes of it. A frame
that is late makes those behind it late, as TCP does.
"""

import functools
from collections.abc import Callable, Iterator

import trio

from clients.faults.applied import Applied, Toxics
from clients.faults.toxics import (
    DOWNSTREAM,
    UPSTREAM,
    Place,
    Toxic,
    affects,
    corrupted,
    latency_s,
    slices,
)
from clients.lab.staging.cable import Cable, Lane
from redird.wire.framing import PREFIX_BYTES

SLICES_MAX = 64  # of one frame
Spawn = Callable[..., None]


class CableWire:
    """All cables between two places, those to come too; `spawn` starts what takes time."""

    def __init__(self, name: str, seed: int, spawn: Spawn) -> None:
        self.name = name
        self.toxics = Toxics(name, seed)
        self.held = False  # as behind a program that was stopped
        self._spawn = spawn
        self._cables: dict[Cable, tuple[_Way, _Way]] = {}
        self._last = 0

    def attach(self, cable: Cable) -> None:
        """One more cable runs here."""
        self._last += 1
        self._forget_ended()
        ways = (
            _Way(self, cable, cable.up, cable.down, Place(self.name, self._last, UPSTREAM)),
            _Way(self, cable, cable.down, cable.up, Place(self.name, self._last, DOWNSTREAM)),
        )
        self._cables[cable] = ways
        for way in ways:
            way.change()

    def _forget_ended(self) -> None:
        for cable in [one for one in self._cables if one.ended]:
            del self._cables[cable]

    def add(self, toxic: Toxic) -> None:
        """Let it work on what passes from now on; one of the same name is replaced."""
        self.toxics.add(toxic, trio.current_time())
        self._change()

    def remove(self, toxic: Toxic) -> None:
        """End it: what it held back goes on."""
        self.toxics.remove(toxic)
        self._change()

    def hold(self, held: bool) -> None:
        """Let nothing pass, or everything again, as when a program is stopped."""
        self.held = held
        self._change()

    def _change(self) -> None:
        for ways in list(self._cables.values()):
            for way in ways:
                way.change()

    def cut(self) -> int:
        """Reset every stream; returns how many there were."""
        self._forget_ended()
        for cable in self._cables:
            cable.cut()
        return len(self._cables)

    def changed(self, toxic: Toxic) -> int:
        """How many frames or streams it has touched, also after its removal."""
        return self.toxics.changed(toxic)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after a while."""
        self._spawn(_after, seconds, act)


async def _after(seconds: float, act: Callable[[], None]) -> None:
    await trio.sleep(seconds)
    act()


class _Way:
    """One direction of one cable, and what the toxics of its wire make of it."""

    def __init__(
        self, wire: CableWire, cable: Cable, lane: Lane, back: Lane, place: Place
    ) -> None:
        self.wire, self.cable, self.lane, self.back, self.place = wire, cable, lane, back, place
        self._frames = 0
        self._passed_bytes = 0
        self._free_at = 0.0  # when what a bandwidth lets through has passed
        self._aside: list[tuple[str, str, bytes]] = []  # held: by which toxic, the frame
        self._overtaken: tuple[str, bytes] | None = None
        self._begun: set[str] = set()  # toxics of streams that have worked on this one

    # --- toxics come and go ---

    def change(self) -> None:
        """Do to the stream as a whole what those that are there now do."""
        toxics = [one for one in self.wire.toxics if self._affects(one)]
        idle = not toxics and not self._aside and self._overtaken is None
        self.lane.toxic = None if idle else self._frame
        stopped = any(one.toxic.type == "timeout" for one in toxics)
        self.lane.set_held(self.wire.held or stopped)
        self.lane.close_delay_s = max(
            (self._number(one, "delay", "slow_close") for one in toxics), default=0.0
        )
        for one in toxics:
            if one.toxic.name not in self._begun and one.toxic.type in _BEGIN:
                self._begun.add(one.toxic.name)
                self.wire.toxics.touch(one, self.place, trio.current_time())
                _BEGIN[one.toxic.type](self, one)
        self._begun &= {one.toxic.name for one in toxics}
        self._release({one.toxic.name for one in self.wire.toxics})

    def _affects(self, one: Applied) -> bool:
        if one.toxic.stream != self.place.direction:
            return False
        return one.toxic.of_frames or affects(self.wire.toxics.seed, self.place, one.toxic)

    @staticmethod
    def _number(one: Applied, attribute: str, kind: str) -> float:
        return one.toxic.number(attribute) / 1000 if one.toxic.type == kind else 0.0

    def _release(self, working: set[str]) -> None:
        """What a toxic that is gone had put aside goes on."""
        aside, self._aside = self._aside, []
        for holder, name, data in aside:
            if holder in working:
                self._aside.append((holder, name, data))
            else:
                self._put_back(name, data)
        if not self.wire.toxics.of_type("reorder"):
            self._put_overtaken(0.0)

    def begin_timeout(self, one: Applied) -> None:
        """Nothing passes; after a while both ends see it broken."""
        if one.toxic.number("timeout"):
            self._cut_after(one)

    def _cut_after(self, one: Applied) -> None:
        def cut() -> None:
            if self.wire.toxics.works(one.toxic):
                self.cable.cut()

        self.wire.later(one.toxic.number("timeout") / 1000, cut)

    def begin_reset(self, one: Applied) -> None:
        """Both ends see it broken, at once or after a while."""
        if one.toxic.number("timeout"):
            self._cut_after(one)
        else:
            self.cable.cut()

    def begin_down(self, one: Applied) -> None:
        """Nobody gets through."""
        self.cable.cut()

    def begin_half_open(self, one: Applied) -> None:
        """Where it flows to is gone, and where it comes from is not told."""
        self.lane.lose_receiver()
        self.back.hold()

    # --- frames ---

    def _frame(self, name: str, data: bytes) -> None:
        """Let one frame pass, late, changed, twice, or not at all."""
        self._frames += 1
        place = Place(self.place.wire, self.place.link, self.place.direction, self._frames)
        late_s = 0.0
        for one in self.wire.toxics:
            if self._affects(one):
                late_s += self._late_s(one, place, len(data))
        for data_now in self._changed(name, data, place):
            self._pass(name, data_now, late_s, place)

    def _late_s(self, one: Applied, place: Place, length: int) -> float:
        toxics, toxic = self.wire.toxics, one.toxic
        now = trio.current_time()
        if toxic.type == "latency":
            self._touch_once(one)
            return latency_s(toxics.seed, place, toxic)
        if toxic.type == "bandwidth":
            self._touch_once(one)
            rate = max(1, toxic.number("rate")) * 1000
            self._free_at = max(self._free_at, now) + length / rate
            return self._free_at - now
        if toxic.type == "limit_data":
            self._passed_bytes += length
            if self._passed_bytes > toxic.number("bytes"):
                self._touch_once(one)
                self.wire.later(0, self.cable.cut)
        return 0.0

    def _touch_once(self, one: Applied) -> None:
        if one.toxic.name not in self._begun:
            self._begun.add(one.toxic.name)
            self.wire.toxics.touch(one, self.place, trio.current_time())

    def _changed(self, name: str, data: bytes, place: Place) -> list[bytes]:
        """What toxics of frames make of it: each that touches it, in order."""
        out = [data]
        toxics, now = self.wire.toxics, trio.current_time()
        for one in toxics.touching(place, name):
            toxics.touch(one, place, now, name or "?")
            kind = one.toxic.type
            if kind == "drop":
                self.lane.missing += len(out)
                return []
            if kind == "duplicate":
                out = out * 2
            elif kind == "corrupt":
                out = [
                    corrupted(toxics.seed, place, one.toxic, part, PREFIX_BYTES) for part in out
                ]
            elif kind == "hold":
                self._aside += [(one.toxic.name, name, part) for part in out]
                self.lane.missing += len(out)
                return []
            elif kind == "delay":
                self._put_late(one, name, out)
                return []
            elif kind == "reorder" and self._overtaken is None:
                self._overtaken = name, out[0]
                self.lane.missing += 1
                return out[1:]
        return out

    def _put_late(self, one: Applied, name: str, parts: list[bytes]) -> None:
        """This one is late, and others overtake it."""
        self.lane.missing += len(parts)
        for part in parts:
            put = functools.partial(self._put_back, name, part)
            self.wire.later(one.toxic.number("delay") / 1000, put)

    def _put_overtaken(self, late_s: float) -> None:
        if self._overtaken is not None:
            frame, self._overtaken = self._overtaken, None
            self._put_back(*frame, late_s)

    def _put_back(self, name: str, data: bytes, late_s: float = 0.0) -> None:
        self.lane.missing -= 1
        self.lane.put(name, data, late_s)

    def _pass(self, name: str, data: bytes, late_s: float, place: Place) -> None:
        pieces = list(self._slices(data, place)) or [(data, 0.0)]
        for number, (piece, more_s) in enumerate(pieces):
            self.lane.put(name if not number else "", piece, late_s + more_s)
        self._put_overtaken(late_s)

    def _slices(self, data: bytes, place: Place) -> Iterator[tuple[bytes, float]]:
        toxics = self.wire.toxics
        for one in toxics.of_type("slicer"):
            if not self._affects(one):
                continue
            self._touch_once(one)
            pause_s = one.toxic.number("delay") / 1e6
            at = 0
            sizes = slices(toxics.seed, place, one.toxic, len(data))
            for number, size in enumerate(sizes[:SLICES_MAX]):
                last = number == SLICES_MAX - 1
                yield data[at:] if last else data[at : at + size], number * pause_s
                at += size
            return


_BEGIN: dict[str, Callable[[_Way, Applied], None]] = {
    "timeout": _Way.begin_timeout,
    "reset_peer": _Way.begin_reset,
    "down": _Way.begin_down,
    "half_open": _Way.begin_half_open,
}
