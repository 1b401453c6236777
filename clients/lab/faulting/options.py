"""What a run of faults is asked for, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from clients.faults import kinds
from clients.faults.field import Kind
from clients.faults.playing import Played
from clients.faults.schedule import Planned, plan
from clients.lab.exercising.plans import Knobs, user_names
from clients.lab.faulting.field import Layout
from redird.presets import PRESETS

SILENCE_MAX_S = 3.0  # short, so that a run sees silent peers given up
LEASE_BREAK_WAIT_S = 3.0
DURABLE_AGE_MAX_S = 5.0
GRACE_S = 3.0
RECONNECT_MAX_S = 30.0
AGAIN_S = 2.0  # of one that comes again
THINK_S = 0.1
LENGTH_MAX_S = 4.0  # of a fault
CALM = 0.12  # of the time, before the first fault
SOONER = 0.85  # of the time, if all kinds must come: some will have to come once more
QUIET_MAX_S = 20.0  # until nothing may be left
ANSWER_MAX_S = 30.0  # for one operation, whatever happens


class NoSuchKind(Exception):
    """A kind of fault that there is not; the text says which there are."""


@dataclass(frozen=True, slots=True)
class Options:
    """One run. `kinds` is empty for all of them, each with some chance."""

    seed: int = 1
    duration_s: float = 60.0
    kinds: tuple[str, ...] = ()
    preset: str = "sp6"
    users: int = 12
    hosts: int = 2
    limit: int | None = 8
    time_scale: float = 0.1
    server: Mapping[str, Any] = field(default_factory=dict)
    redirector: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The redirectors."""
        return tuple(f"host{number}" for number in range(1, self.hosts + 1))

    @property
    def knobs(self) -> Knobs:
        """What the users' plans are made by."""
        return Knobs(
            users=self.users,
            hosts=self.host_names,
            limit=self.limit,
            duration_s=self.duration_s,
            session_s=min(10.0, self.duration_s / 3),
            think_s=THINK_S,
            reopen_s=0.5,
            away_s=2.0,
        )

    @property
    def layout(self) -> Layout:
        """What is set up."""
        server = {
            "lease_break_wait_s": LEASE_BREAK_WAIT_S,
            "durable_age_max_s": DURABLE_AGE_MAX_S,
            "grace_s": GRACE_S,
            "recall_wait_s": 0.5 if PRESETS[self.preset].policy.slot_recall else 0.0,
        }
        return Layout(
            self.host_names,
            user_names(self.knobs),
            self.limit,
            self.preset,
            self.time_scale,
            self.seed,
            SILENCE_MAX_S,
            {**server, **self.server},
            self.redirector,
        )

    @property
    def setting(self) -> dict[str, Any]:
        """The first line of the history: what checkers need to know."""
        policy = PRESETS[self.preset].policy
        return {
            "preset": self.preset,
            "uses_max": self.limit,
            "dormant_age_max_s": policy.dormant_age_max_s * self.time_scale,
            "scavenger_tick_s": policy.scavenger_tick_s * self.time_scale,
            "peer_silence_max_s": SILENCE_MAX_S,
            "lease_break_wait_s": LEASE_BREAK_WAIT_S,
            "durable_age_max_s": DURABLE_AGE_MAX_S,
            "grace_s": GRACE_S,
            "reconnect_max_s": RECONNECT_MAX_S,
            "quiet_s": QUIET_MAX_S,
            "journal": True,
        }

    def schedule(self, there: Mapping[str, Kind]) -> tuple[Planned, ...]:
        """When which of the kinds that are possible comes; raises ScheduleError.

        At first all is calm: then checkers know best what must hold.
        """
        calm_s = CALM * self.duration_s
        chosen = [kind for name, kind in there.items() if name in self.kinds or not self.kinds]
        planned = plan(
            Random(f"faults {self.seed}"),
            chosen,
            self.duration_s * (SOONER if self.kinds else 1.0) - calm_s,
            active=1.0 if self.kinds else 0.5,
            length_max_s=LENGTH_MAX_S,
        )
        return tuple(replace(one, at_s=round(one.at_s + calm_s, 3)) for one in planned)

    def again(
        self, played: Played, skipped: Mapping[str, str], attempt: int
    ) -> tuple[Planned, ...]:
        """Once more what was asked for by name and has not come about yet."""
        fired = {name for name, one in played.counts.items() if one.fired}
        missing = [name for name in self.kinds if name not in fired | set(skipped)]
        chance = Random(f"again {self.seed} {attempt}")
        return tuple(  # one after the other: they may be in each other's way
            Planned(number * AGAIN_S, name, AGAIN_S, chance.getrandbits(64))
            for number, name in enumerate(sorted(missing))
        )


def named_kinds(text: str) -> tuple[str, ...]:
    """Read "a,b" or "all"; raises NoSuchKind."""
    names = tuple(one.strip() for one in text.split(",") if one.strip())
    if names == ("all",):
        return tuple(kinds.ALL)
    for name in names:
        if name not in kinds.ALL:
            raise NoSuchKind(f"--kinds: {name!r} is none of all, {', '.join(kinds.ALL)}")
    return names
