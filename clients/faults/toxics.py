"""What may happen to what passes a wire, decided by a hash and never by a sequence of dice.

A `Toxic` has the names that Toxiproxy's users know; beyond those, some work on messages of one
name (`message`, `nth`). What becomes of a frame is a function of (seed, wire, link, direction,
frame number, toxic) alone: adding a toxic, or a link, shifts nobody else's decisions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

UPSTREAM, DOWNSTREAM = "upstream", "downstream"  # from whoever dialled; to whoever dialled
STREAMS = (UPSTREAM, DOWNSTREAM)

# type: its attributes and their defaults. Milliseconds, but where the name says otherwise:
# `rate` is in KB/s, sizes and `bytes` in bytes, a slicer's `delay` in microseconds.
TOXIPROXYS: dict[str, dict[str, int]] = {
    "latency": {"latency": 0, "jitter": 0},
    "bandwidth": {"rate": 0},
    "slow_close": {"delay": 0},
    "timeout": {"timeout": 0},  # 0: nothing passes until it is removed
    "reset_peer": {"timeout": 0},
    "slicer": {"average_size": 0, "size_variation": 0, "delay": 0},
    "limit_data": {"bytes": 0},
}
OF_STREAMS: dict[str, dict[str, int]] = {
    **TOXIPROXYS,
    "down": {},  # nobody gets through, whoever was through is reset
    "half_open": {},  # where it flows to dies, and where it comes from is not told
}
# These touch whole frames. `message` is a name ("" for any), `nth` the first one touched of
# those that pass after it was added (0: each of them).
OF_FRAMES: dict[str, dict[str, int | str]] = {
    "drop": {"message": "", "nth": 1},
    "duplicate": {"message": "", "nth": 1},
    "delay": {"message": "", "nth": 1, "delay": 100},
    "reorder": {"message": "", "nth": 1},  # the frame after it overtakes it
    "corrupt": {"message": "", "nth": 1, "bit": 0},  # of the header; 0: any one, by chance
    "hold": {"message": "", "nth": 1},  # until it is removed; others overtake
}
TYPES: dict[str, Mapping[str, int | str]] = {**OF_STREAMS, **OF_FRAMES}
VALUE_MAX = 2**53  # of an attribute: what JSON carries everywhere


class ToxicError(Exception):
    """A toxic that cannot be; the text names the field and what to write."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """One thing that goes wrong on a wire. Made by `parse`, its attributes are whole."""

    name: str
    type: str
    stream: str = DOWNSTREAM
    toxicity: float = 1.0  # the part of the links, or of the frames, that it touches
    attributes: Mapping[str, int | str] = field(default_factory=dict, hash=False)

    def number(self, attribute: str) -> int:
        """One of its attributes that is a number."""
        value = self.attributes.get(attribute, TYPES[self.type].get(attribute, 0))
        assert isinstance(value, int)
        return value

    @property
    def message(self) -> str:
        """The name of the messages it touches; empty for all."""
        return str(self.attributes.get("message", ""))

    @property
    def of_frames(self) -> bool:
        """Whether it touches single frames rather than streams."""
        return self.type in OF_FRAMES


@dataclass(frozen=True, slots=True)
class Place:
    """Where something passes: frame `number` of one direction of one link of a wire."""

    wire: str
    link: int
    direction: str
    number: int = 0


# --- made from what somebody wrote ------------------------------------------------------------


def make(
    type: str,
    stream: str = DOWNSTREAM,
    name: str = "",
    toxicity: float = 1.0,
    **attributes: Any,
) -> Toxic:
    """Make a toxic of a type; raises ToxicError."""
    given = {"name": name, "type": type, "stream": stream, "toxicity": toxicity}
    return parse({**given, "attributes": attributes})


def parse(given: Any) -> Toxic:
    """Read a toxic as Toxiproxy writes it in JSON; raises ToxicError."""
    if not isinstance(given, Mapping):
        raise ToxicError("a toxic is an object with a type and attributes")
    kind, stream = given.get("type"), given.get("stream") or DOWNSTREAM
    if not isinstance(kind, str) or kind not in TYPES:
        raise ToxicError(f"type: {kind!r} is none of {', '.join(TYPES)}")
    if stream not in STREAMS:
        raise ToxicError(f"stream: {stream!r} is neither upstream nor downstream")
    name = given.get("name") or f"{kind}_{stream}"
    if not isinstance(name, str):
        raise ToxicError(f"name: {name!r} is not a text")
    toxicity = _toxicity(given.get("toxicity"))
    return Toxic(name, kind, stream, toxicity, _attributes(kind, given.get("attributes")))


def _toxicity(given: Any) -> float:
    value = 1.0 if given is None else given
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ToxicError(f"toxicity: {value!r} is not a number from 0 to 1")
    return float(value)


def _attributes(kind: str, given: Any) -> dict[str, int | str]:
    if given is not None and not isinstance(given, Mapping):
        raise ToxicError("attributes: an object is wanted")
    known, made = TYPES[kind], dict(TYPES[kind])
    for name, value in (given or {}).items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise ToxicError(f"attributes.{name}: {kind} has no such one; it has {there}")
        made[name] = _attribute(name, value, known[name])
    return made


def _attribute(name: str, value: Any, default: int | str) -> int | str:
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ToxicError(f"attributes.{name}: {value!r} is not a text")
        return value
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
    ):
        raise ToxicError(f"attributes.{name}: {value!r} is not a number")
    if not 0 <= value <= VALUE_MAX:
        raise ToxicError(f"attributes.{name}: {value!r} is not from 0 to 2**53")
    return int(value)


# --- decisions --------------------------------------------------------------------------------


def chance(seed: int, place: Place, toxic: Toxic, of: str = "") -> float:
    """A number from 0 up to 1, always the same one for the same arguments."""
    words = (seed, place.wire, place.link, place.direction, place.number, toxic.name, of)
    digest = blake2b(repr(words).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def affects(seed: int, place: Place, toxic: Toxic) -> bool:
    """Whether a toxic works there: on this frame, or (of streams) on this link at all."""
    if place.direction != toxic.stream or not toxic.toxicity:
        return False
    if not toxic.of_frames:
        place = Place(place.wire, place.link, place.direction)
    return toxic.toxicity == 1.0 or chance(seed, place, toxic) < toxic.toxicity


def touches(seed: int, place: Place, toxic: Toxic, message: str, nth: int) -> bool:
    """Whether a toxic of frames works on this one, the `nth` with its name since it came."""
    if not toxic.of_frames or (toxic.message and toxic.message != message):
        return False
    wanted = toxic.number("nth")
    return wanted in (0, nth) and affects(seed, place, toxic)


def latency_s(seed: int, place: Place, toxic: Toxic) -> float:
    """How long a frame takes under a latency: latency, give or take jitter."""
    spread = (2 * chance(seed, place, toxic, "jitter") - 1) * toxic.number("jitter")
    return max(0.0, toxic.number("latency") + spread) / 1000


def slices(seed: int, place: Place, toxic: Toxic, length: int) -> list[int]:
    """How a slicer cuts up `length` bytes."""
    average, variation = max(1, toxic.number("average_size")), toxic.number("size_variation")
    cut: list[int] = []
    while length > 0:
        spread = (2 * chance(seed, place, toxic, f"slice {len(cut)}") - 1) * variation
        size = min(length, max(1, round(average + spread)))
        cut.append(size)
        length -= size
    return cut


def corrupted(seed: int, place: Place, toxic: Toxic, data: bytes, keep: int) -> bytes:
    """The frame with one bit turned over, after its first `keep` bytes (its lengths)."""
    keep = min(keep, len(data) - 1)
    bits = 8 * (len(data) - keep)
    wanted = toxic.number("bit")
    bit = (wanted - 1) % bits if wanted else int(chance(seed, place, toxic, "bit") * bits)
    made = bytearray(data)
    made[keep + bit // 8] ^= 1 << bit % 8
    return bytes(made)
