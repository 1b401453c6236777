"""An event simulation of a limit, which knows nothing of the daemons: the other opinion.

Slots are taken by logons and given back when the session's residue is over: `residue_s` after
the logoff, at the next tick if there is one timer for all (`tick_s`). A logon that finds no
slot free is lost. Nothing here is imported from the house: what it knows is on this page.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

EXPONENTIAL, CONSTANT = "exponential", "constant"


@dataclass(frozen=True, slots=True)
class Slots:
    """A limit, and for how long a slot is held after the logoff.

    `residue_s` 0: given back with the logoff (sp6), else files kept that long keep it (sp5).
    `tick_s` 0: each at its own moment; else at the first multiple of it after that.
    `residue`: constant, as with files closed at the logoff; exponential, as textbooks have it.
    """

    limit: int
    residue_s: float = 0.0
    tick_s: float = 0.0
    residue: str = CONSTANT


@dataclass(slots=True)
class Seen:
    """What a window of a run showed; `slot_s` and `full_s` are within the window."""

    window_s: float = 0.0
    logons: int = 0
    refused: int = 0
    slot_s: float = 0.0
    full_s: float = 0.0
    stayed_s: float = 0.0  # summed over those admitted
    residue_s: float = 0.0

    @property
    def blocked(self) -> float:
        """The refused part of the logons."""
        return self.refused / self.logons if self.logons else 0.0

    @property
    def full(self) -> float:
        """The part of the time when no slot was free."""
        return self.full_s / self.window_s

    @property
    def occupied(self) -> float:
        """How many slots were held on average."""
        return self.slot_s / self.window_s

    @property
    def lingered_s(self) -> float:
        """The mean residue of the admitted."""
        return self.residue_s / max(1, self.logons - self.refused)


# --- logons from many users -------------------------------------------------------------------


def arrivals(
    random: "Random",
    rate_per_s: float,
    length_s: float,
    end_s: float,
    length: str = EXPONENTIAL,
) -> Iterator[tuple[float, float]]:
    """Yield when users come and how long they would stay, until `end_s`."""
    uniform, log = random.random, math.log
    mean_s = 1.0 / rate_per_s
    at = 0.0
    while True:
        at -= mean_s * log(1.0 - uniform())
        if at >= end_s:
            return
        yield at, (-length_s * log(1.0 - uniform()) if length == EXPONENTIAL else length_s)


def run_open(
    slots: Slots,
    sessions: Iterable[tuple[float, float]],
    start_s: float,
    end_s: float,
    random: "Random | None" = None,
) -> Seen:
    """Serve sessions (when, how long), and tell what the window showed."""
    seen = Seen(end_s - start_s)
    limit, release = slots.limit, _release(slots, random)
    frees: list[float] = []
    for at, length in sessions:
        while frees and frees[0] <= at:
            heappop(frees)
        counted = at >= start_s
        seen.logons += counted
        if len(frees) >= limit:
            seen.refused += counted
            continue
        logoff = at + length
        free = release(logoff)
        heappush(frees, free)
        _account(seen, (at, logoff, free), start_s, end_s)
        if len(frees) == limit:
            seen.full_s += max(0.0, min(frees[0], end_s) - max(at, start_s))
    return seen


def decide(
    slots: Slots, sessions: Iterable[tuple[float, float]], random: "Random | None" = None
) -> Iterator[bool]:
    """Yield for each session (when, how long) whether it is admitted."""
    release, frees = _release(slots, random), list[float]()
    for at, length in sessions:
        while frees and frees[0] <= at:
            heappop(frees)
        admitted = len(frees) < slots.limit
        if admitted:
            heappush(frees, release(at + length))
        yield admitted


# --- a fixed number of users ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Users:
    """So many users who log on, stay, log off, think, and log on again.

    `wait_for_slot`: they begin to think when their old slot is free (Engset), not at logoff.
    """

    number: int
    think_s: float
    length_s: float
    length: str = EXPONENTIAL
    wait_for_slot: bool = False

    def draws(self, random: "Random") -> list[Iterator[tuple[float, float]]]:
        """Return for each user how long it thinks and would stay, again and again."""
        streams = [type(random)(random.getrandbits(64)) for _ in range(self.number)]
        return [self._draws(stream) for stream in streams]

    def _draws(self, random: "Random") -> Iterator[tuple[float, float]]:
        uniform, log = random.random, math.log
        think_s, length_s, drawn = self.think_s, self.length_s, self.length == EXPONENTIAL
        while True:
            think = -think_s * log(1.0 - uniform())
            yield think, (-length_s * log(1.0 - uniform()) if drawn else length_s)


def run_closed(
    slots: Slots, users: Users, random: "Random", start_s: float, end_s: float
) -> Seen:
    """Let the users come and go, and tell what the window showed."""
    seen = Seen(end_s - start_s)
    limit, release = slots.limit, _release(slots, random)
    draws, waits = users.draws(random), users.wait_for_slot
    frees: list[float] = []
    coming = [(*next(draw), user) for user, draw in enumerate(draws)]
    heapify(coming)
    while (at := coming[0][0]) < end_s:
        at, length, user = coming[0]
        while frees and frees[0] <= at:
            heappop(frees)
        counted = at >= start_s
        seen.logons += counted
        think, stay = next(draws[user])
        if len(frees) >= limit:
            seen.refused += counted
            heapreplace(coming, (at + think, stay, user))
            continue
        logoff = at + length
        free = release(logoff)
        heappush(frees, free)
        heapreplace(coming, ((free if waits else logoff) + think, stay, user))
        _account(seen, (at, logoff, free), start_s, end_s)
        if len(frees) == limit:
            seen.full_s += max(0.0, min(frees[0], end_s) - max(at, start_s))
    return seen


def decide_users(
    slots: Slots, users: Users, random: "Random", end_s: float
) -> Iterator[tuple[int, bool]]:
    """Yield for each logon whose it is and whether it is admitted."""
    draws, release, frees = users.draws(random), _release(slots, random), list[float]()
    coming = [(*next(draw), user) for user, draw in enumerate(draws)]
    heapify(coming)
    while coming[0][0] < end_s:
        at, length, user = coming[0]
        while frees and frees[0] <= at:
            heappop(frees)
        admitted = len(frees) < slots.limit
        yield user, admitted
        think, stay = next(draws[user])
        logoff = at + length if admitted else at
        if admitted:
            heappush(frees, release(logoff))
        heapreplace(coming, (logoff + think, stay, user))


# --- when a slot is free ----------------------------------------------------------------------


def _account(
    seen: Seen, held: tuple[float, float, float], start_s: float, end_s: float
) -> None:
    """Count a slot taken, left and free again at these instants."""
    at, logoff, free = held
    seen.slot_s += max(0.0, min(free, end_s) - max(at, start_s))
    if at >= start_s:
        seen.stayed_s += logoff - at
        seen.residue_s += free - logoff


def _release(slots: Slots, random: "Random | None") -> Callable[[float], float]:
    residue_s, tick_s, ceil = slots.residue_s, slots.tick_s, math.ceil
    if not residue_s:
        return lambda logoff: logoff
    if slots.residue == EXPONENTIAL:
        assert random is not None
        uniform, log = random.random, math.log
        return lambda logoff: logoff - residue_s * log(1.0 - uniform())
    if not tick_s:
        return lambda logoff: logoff + residue_s
    return lambda logoff: ceil((logoff + residue_s) / tick_s) * tick_s
