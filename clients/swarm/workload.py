"""A workload: who comes when, stays how long and does what; as data, and as planned sessions.

Open arrivals (`poisson`, `constant`, `trace`) come whatever the daemons do. A closed workload
has `users` instead, each of whom comes again a think time after having left. A user who is
refused is lost, unless `retries` says after which pause to try again.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from clients.swarm import arrivals as a
from clients.swarm.chance import Chance
from clients.swarm.trace import PlannedSession
from redird.wire.config import ConfigError, build

ARRIVALS = ("poisson", "constant", "trace")
LENGTHS = ("exponential", "constant", "lognormal")
RATE_PER_S_MAX = 1e6
VISITS_MAX = 10_000.0
_ARRIVALS, _SESSION, _THINK = range(3)  # what a stream of chance is for


class WorkloadError(Exception):
    """A workload that cannot be: where it was said, the key, and what would be right."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything that is to be said about a load; the lengths and counts are means."""

    arrivals: str = "poisson"
    rate_per_s: float = 10.0
    users: int = 0  # more than none: a closed workload, whatever `arrivals` says
    think_s: float = 5.0  # the mean of exponential think times
    duration_s: float = 10.0  # in which sessions may begin
    sessions_max: int = 1_000_000
    trace: str = ""  # the file, for arrivals from a trace
    length: str = "exponential"
    length_s: float = 5.0
    length_cv: float = 1.0
    visits: float = 2.0
    files: int = 100
    locality: float = 0.5
    write_share: float = 0.2
    retries: str = "none"

    @property
    def closed(self) -> bool:
        """Whether users come again, rather than new ones."""
        return self.users > 0

    @property
    def retry_pause_s(self) -> float | None:
        """How long a refused user waits before trying again; None: never again."""
        kind, _, seconds = self.retries.partition(":")
        return float(seconds) if kind == "pause" else None


def parse(table: Mapping[str, Any], where: str) -> Workload:
    """Build a workload from a table, strictly; `where` names it. Raises WorkloadError."""
    try:
        workload = build(Workload, dict(table), where)
    except ConfigError as error:
        raise WorkloadError(str(error)) from None
    for key, wrong in _wrongs(workload).items():
        if wrong:
            raise WorkloadError(f"{where}: {key}: must be {wrong}")
    return workload


def generate(
    workload: Workload, seed: int, shard: int = 0, shards: int = 1
) -> Iterator[PlannedSession]:
    """Plan the sessions of one shard, one after another; all shards make the whole.

    Open: the arrivals in order. Closed: by user, each with as many sessions as could begin
    within `duration_s` if all were refused at once: whoever runs them stops beginning then.
    """
    if workload.closed:
        yield from _closed(workload, seed, shard, shards)
    elif workload.arrivals == "trace":
        raise WorkloadError("arrivals from a trace are read, not generated")
    else:
        yield from _open(workload, seed, shard, shards)


def _open(workload: Workload, seed: int, shard: int, shards: int) -> Iterator[PlannedSession]:
    rate, duration_s = workload.rate_per_s, workload.duration_s
    if workload.arrivals == "poisson":
        instants = a.poisson(rate, duration_s, Chance(seed, _ARRIVALS))
    else:
        instants = a.constant(rate, duration_s)
    numbered = enumerate(itertools.islice(instants, workload.sessions_max))
    for user, at_s in itertools.islice(numbered, shard, None, shards):
        yield _session(workload, user, at_s, Chance(seed, _SESSION, user))


def _closed(workload: Workload, seed: int, shard: int, shards: int) -> Iterator[PlannedSession]:
    users = min(workload.users, workload.sessions_max)
    for user in range(shard, users, shards):
        each_max = (workload.sessions_max - user - 1) // workload.users + 1
        thinking, begun_s = Chance(seed, _THINK, user), 0.0
        for turn in range(each_max):
            think_s = a.microseconds(thinking.exponential(workload.think_s))
            begun_s += think_s
            if begun_s >= workload.duration_s:
                break
            yield _session(workload, user, think_s, Chance(seed, _SESSION, user, turn))


def _session(workload: Workload, user: int, at_s: float, chance: Chance) -> PlannedSession:
    length_s = a.length(workload.length, workload.length_s, workload.length_cv)(chance)
    visits = a.visits(
        workload.visits,
        length_s,
        workload.files,
        workload.locality,
        workload.write_share,
        chance,
    )
    return PlannedSession(user, at_s, length_s, visits)


def _wrongs(workload: Workload) -> dict[str, str]:
    """What each key would have to be where it is not."""
    open_rate = not workload.closed and workload.arrivals != "trace"
    trace_needed = not workload.closed and workload.arrivals == "trace"
    checks = {
        "arrivals": (workload.arrivals in ARRIVALS, f"one of {', '.join(ARRIVALS)}"),
        "rate_per_s": (
            not open_rate or 0 < workload.rate_per_s <= RATE_PER_S_MAX,
            f"above 0 and at most {RATE_PER_S_MAX:,.0f}",
        ),
        "duration_s": (workload.duration_s > 0, "above 0"),
        "sessions_max": (workload.sessions_max > 0, "above 0"),
        "trace": (bool(workload.trace) or not trace_needed, "the file of the arrivals"),
        "length": (workload.length in LENGTHS, f"one of {', '.join(LENGTHS)}"),
        "visits": (workload.visits <= VISITS_MAX, f"at most {VISITS_MAX:,.0f}"),
        "files": (workload.files > 0, "above 0"),
        "locality": (workload.locality <= 1, "between 0 and 1"),
        "write_share": (workload.write_share <= 1, "between 0 and 1"),
        "retries": (_is_retries(workload.retries), '"none" or "pause:SECONDS"'),
    }
    return {key: "" if right else wanted for key, (right, wanted) in checks.items()}


def _is_retries(text: str) -> bool:
    kind, _, seconds = text.partition(":")
    try:
        return text == "none" or (kind == "pause" and 0 < float(seconds) < inf)
    except ValueError:
        return False
