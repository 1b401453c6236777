"""A trial: all that one seed decides, as data that can be saved, cut down and run again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from clients.faults.field import Kind
from clients.faults.schedule import Planned
from clients.faults.schedule import plan as schedule
from clients.lab.exercising import plans
from clients.lab.exercising.actions import Plan
from clients.lab.simulating import knobs as knob
from clients.lab.simulating.field import MISSING
from clients.lab.simulating.knobs import Knobs

FORMAT = "redird-trial"
LOSSES = (  # by which links are lost, often in the middle of something
    *("black_hole", "black_hole_one_way", "down", "drop", "half_open", "kill_server"),
    *("limit_data", "lost_reply", "reset", "restart_in_batch", "stop_server"),
)
CROWDS = ("slow_loris",)  # hundreds of peers: much to compute, and nothing to find by chance


class TrialError(Exception):
    """A file that is no trial; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The seed decides the order of tasks, and what is left to chance in a fault."""

    seed: int
    knobs: Knobs
    plan: Plan
    faults: tuple[Planned, ...] = ()

    @property
    def size(self) -> int:
        """How many things happen in it."""
        return len(self.plan.numbers) + len(self.faults)

    def to_json(self) -> dict[str, Any]:
        """Say it as JSON does."""
        return {
            "format": FORMAT,
            "seed": self.seed,
            "knobs": self.knobs.row(),
            "plan": self.plan.to_json(),
            "faults": [asdict(one) for one in self.faults],
        }


def of_seed(seed: int, kinds: Mapping[str, Kind]) -> Trial:
    """Make the trial of a seed; each part is drawn from a stream of its own."""
    knobs = knob.of_seed(seed, Random(f"knobs {seed}"))
    plan = plans.plan(Random(f"plan {seed}"), plan_knobs(knobs))
    faults = _faults(Random(f"faults {seed}"), knobs, kinds) if knobs.faults else ()
    return Trial(seed, knobs, plan, faults)


def _faults(random: Random, knobs: Knobs, kinds: Mapping[str, Kind]) -> tuple[Planned, ...]:
    """Two levels: which kinds are in the trial, then how often each comes."""
    possible = [one for one in kinds.values() if not MISSING.keys() & set(one.needs)]
    listed = sorted(possible, key=lambda kind: kind.name)
    listed = [one for one in listed if one.name not in CROWDS]
    if knobs.losing_links:
        listed = [one for one in listed if one.name in LOSSES]
    chosen = [one for one in listed if random.random() < knobs.active]
    if len(chosen) > knobs.kinds_max:
        chosen = random.sample(chosen, knobs.kinds_max)
    until_s = knobs.work_s / 2 if knobs.live else knobs.work_s
    return schedule(random, chosen, until_s, active=1.0, length_max_s=knobs.fault_max_s)


def plan_knobs(knobs: Knobs) -> plans.Knobs:
    """What a plan of file work is made by."""
    return plans.Knobs(
        users=knobs.users,
        hosts=knobs.host_names,
        limit=knobs.uses_max,
        hot_files=knobs.hot_files,
        private_files=knobs.private_files,
        duration_s=knobs.work_s,
        session_s=knobs.session_s,
        think_s=knobs.think_s,
        quick_share=knobs.quick_share,
        away_s=2 * knobs.session_s,
        names_share=knobs.names_share,
        impatient_share=knobs.impatient_share,
    )


def parse(text: str, where: str) -> Trial:
    """Read a trial that was saved; raises TrialError."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise TrialError(f"{where}: `format` is not {FORMAT!r}: this is no trial")
        faults = tuple(Planned(**one) for one in data["faults"])
        knobs = knob.from_row(data["knobs"])
        return Trial(data["seed"], knobs, Plan.of_json(data["plan"]), faults)
    except (ValueError, RecursionError) as error:
        raise TrialError(f"{where}: not JSON ({error})") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise TrialError(f"{where}: not a trial that was saved: {error!r}") from None
