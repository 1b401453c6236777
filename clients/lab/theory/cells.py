"""What is measured against what: one cell is a limit under a load, with its model.

A cell's load is made for a target, the part that theory refuses: so that B(limit, offered) is
that. Sessions last 60 s in the mean; the residue is the dormant age, or nothing where a logoff
gives the slot back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clients.lab.theory.eventsim import Slots, Users
from clients.lab.theory.formulas import (
    NoAnswer,
    bisect,
    engset,
    erlang_b,
    offered_for,
    users_again,
)
from redird.presets import LEAVE, PRESETS

ERLANG, TICK, USERS = "erlang-b", "tick", "users"
LENGTH_S = 60.0
TICK_S = 30.0
WARM_UP = 8  # holds, until a run is like any other moment
RATE_LOW, RATE_HIGH = 1e-6, 1e6  # of one user's thinking, around which a target is sought


@dataclass(frozen=True, slots=True)
class Cell:
    """A limit under a load. `rate_per_s`: of all logons; with `users` of one thinking user."""

    model: str
    preset: str
    limit: int
    target: float
    rate_per_s: float
    residue_s: float
    tick_s: float = 0.0
    users: int = 0
    length_s: float = LENGTH_S

    @property
    def hold_s(self) -> float:
        """How long a slot is held, in the mean, where theory has a formula for that."""
        wait_s = self.tick_s / 2 if self.residue_s else 0.0
        return self.length_s + self.residue_s + wait_s

    @property
    def offered(self) -> float:
        """The load in slots."""
        return self.rate_per_s * max(1, self.users) * self.hold_s

    @property
    def start_s(self) -> float:
        """When measuring begins."""
        return WARM_UP * self.hold_s

    @property
    def slots(self) -> Slots:
        """The same for the event simulation."""
        return Slots(self.limit, self.residue_s, self.tick_s)

    @property
    def crowd(self) -> Users:
        """The users of a closed cell."""
        return Users(self.users, 1 / self.rate_per_s, self.length_s)

    def end_s(self, logons: float) -> float:
        """When about so many logons have been measured."""
        return self.start_s + logons / self.logons_per_s()

    def logons_per_s(self) -> float:
        """How many logons come, refused ones included; with `users` by the chain."""
        if not self.users:
            return self.rate_per_s
        refused = self.textbook()
        stay_s = self.length_s * (1 - refused)
        return self.users / (1 / self.rate_per_s + stay_s)

    def textbook(self) -> float:
        """Return what the formula nearest to the case says."""
        if not self.users:
            return erlang_b(self.limit, self.offered)
        think_s = 1 / self.rate_per_s
        return _again(self.users, self.limit, think_s, self.length_s, self.residue_s)


def cells(
    model: str,
    limits: Iterable[int],
    targets: Iterable[float],
    presets: Iterable[str],
    tick_s: float = TICK_S,
) -> Iterator[Cell]:
    """Yield every combination, the presets side by side."""
    chosen = list(presets)
    targets = list(targets)
    for limit in limits:
        for target in targets:
            for preset in chosen:
                yield _cell(model, preset, limit, target, tick_s)


def _cell(model: str, preset: str, limit: int, target: float, tick_s: float) -> Cell:
    residue_s = residue_of(preset)
    if model == USERS:
        users = limit + (limit + 1) // 2
        rate_per_s = _rate_for(users, limit, residue_s, target)
        return Cell(USERS, preset, limit, target, rate_per_s, residue_s, users=users)
    shared_s = tick_s if model == TICK else 0.0
    unloaded = Cell(model, preset, limit, target, 1.0, residue_s, shared_s)
    rate_per_s = offered_for(limit, target) / unloaded.hold_s
    return Cell(model, preset, limit, target, rate_per_s, residue_s, shared_s)


def residue_of(preset: str) -> float:
    """Return how long a slot lingers whose user closed a file last, then logged off."""
    policy = PRESETS[preset].policy
    return policy.dormant_age_max_s if policy.logoff == LEAVE else 0.0


def _rate_for(users: int, limit: int, residue_s: float, target: float) -> float:
    return bisect(
        lambda rate: _again(users, limit, 1 / rate, LENGTH_S, residue_s) - target,
        RATE_LOW,
        RATE_HIGH,
        tolerance=1e-9,
    )


def _again(users: int, limit: int, think_s: float, length_s: float, residue_s: float) -> float:
    if not residue_s:
        return engset(users, limit, length_s / think_s)
    try:
        return users_again(users, limit, think_s, length_s, residue_s)
    except NoAnswer:  # near enough to say how long to measure
        return engset(users, limit, (length_s + residue_s) / think_s)
