"""When which fault comes: a plan made of a seed, all of it healed before the end.

Two levels, so that runs differ: whether a kind is in this run at all, then how often it comes.
Faults of one track follow each other; tracks run beside each other, so that at most one fault
each of processes and clocks, of the network, and of disks and protocol is there at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from random import Random

TRACKS = {"process": 0, "time": 0, "network": 1, "disk": 2, "protocol": 2}
TIMES_MAX = 100  # that one kind comes in one run
LENGTH_MIN_S = 0.2  # less than that and a fault has hardly been there


class ScheduleError(Exception):
    """No such plan can be made; the text says what to change."""


class Named(Protocol):
    """What a plan needs to know of a kind."""

    @property
    def name(self) -> str: ...

    @property
    def band(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come: `seed` is all the chance it has."""

    at_s: float
    kind: str
    length_s: float
    seed: int

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.at_s + self.length_s


def plan(
    random: Random,
    kinds: Iterable[Named],
    duration_s: float,
    *,
    active: float = 0.25,
    again: float = 0.5,
    length_max_s: float = 5.0,
) -> tuple[Planned, ...]:
    """Say which of `kinds` come when within `duration_s`, in the order of their time.

    Each kind is in the run with the chance `active` (1: all of them are), and after each time
    it comes once more with the chance `again`, as long as there is room.
    Raises ScheduleError if not even once each fits in.
    """
    salt = random.getrandbits(64)
    listed = sorted(kinds, key=lambda kind: kind.name)
    # One throw each, wanted or not: a kind less does not move those before it.
    chosen = [kind for kind in listed if random.random() < active]
    made: list[Planned] = []
    for track in sorted(set(TRACKS.values())):
        names = [kind.name for kind in chosen if TRACKS[kind.band] == track]
        made += _one_track(random, names, duration_s, again, length_max_s, salt)
    return tuple(sorted(made, key=lambda one: (one.at_s, one.kind)))


def _one_track(
    random: Random,
    names: Sequence[str],
    duration_s: float,
    again: float,
    length_max_s: float,
    salt: int,
) -> list[Planned]:
    if not names:
        return []
    room = int(duration_s / (2 * LENGTH_MIN_S))
    if len(names) > room:
        raise ScheduleError(
            f"{len(names)} kinds do not fit into {duration_s:g} s: give --duration-s"
            f" {2 * LENGTH_MIN_S * len(names):g} or more, or fewer kinds"
        )
    turns = list(names)
    for name in names:
        times = 1
        while len(turns) < min(room, duration_s / length_max_s) and times < TIMES_MAX:
            if random.random() >= again:
                break
            turns.append(name)
            times += 1
    random.shuffle(turns)
    window_s = duration_s / len(turns)
    return [
        _planned(random, name, number, window_s, length_max_s, salt)
        for number, name in enumerate(turns)
    ]


def _planned(
    random: Random, name: str, number: int, window_s: float, length_max_s: float, salt: int
) -> Planned:
    """One fault somewhere in its own window, so that none of a track overlaps another."""
    most_s = min(length_max_s, window_s)
    length_s = random.uniform(max(LENGTH_MIN_S, most_s / 2), most_s)
    at_s = number * window_s + random.random() * (window_s - length_s)
    digest = blake2b(f"{salt}/{name}/{number}".encode(), digest_size=8).digest()
    seed = int.from_bytes(digest, "big")
    return Planned(_milliseconds(at_s), name, _milliseconds(length_s), seed)


def _milliseconds(seconds: float) -> float:
    """Whole ones, never more: a plan is for people too."""
    return int(seconds * 1000) / 1000
