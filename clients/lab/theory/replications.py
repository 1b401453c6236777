"""One replication: a seed, a run of the daemons, and what it showed; and the pilot before all.

Everything here is a function of its arguments and runs wherever an executor has it run.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import structlog

from clients.lab.staging import virtual
from clients.lab.theory import controls, emulator, eventsim
from clients.lab.theory.cells import Cell
from clients.lab.theory.emulator import Daemons, Record
from clients.lab.theory.eventsim import Seen
from clients.lab.theory.statistics import controlled, interval, slopes, t_quantile

REPLICATIONS = 20
PILOTS, PILOT_LOGONS = 200, 1000
LOGONS_MIN, LOGONS_CHEAP = 100, 1500  # of a replication
THEORY_TIMES, THEORY_LOGONS_MAX = 20, 50_000  # where theory is a simulation itself

Sessions = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Job:
    """One replication to be made."""

    cell: Cell
    daemons: Daemons
    seed: str
    logons: int  # about, within the window


@dataclass(frozen=True, slots=True)
class Replication:
    """What one showed. Of the window: `refused` of `logons`, and how long it was full.

    From empty to empty, which is before the window begins and after it has ended: sums over
    all that were admitted, and the slots held as the server counted them.
    """

    logons: int
    refused: int
    expected: float  # logons, by the load
    full: float
    controls: tuple[float, ...]
    admitted: int
    slot_s: float
    stayed_s: float
    lingered_s: float
    differing: int  # logons that the event simulation decides otherwise
    took_s: float


@dataclass(frozen=True, slots=True)
class Pilot:
    """What the event simulation said before: how long to measure, and what to expect."""

    logons: int  # of each replication
    slopes: tuple[float, ...]
    expected: tuple[float, ...]  # of the controls
    theory: float
    theory_low: float
    theory_high: float
    residue_s: float


# --- a run of the daemons ---------------------------------------------------------------------


def replicate(job: Job) -> Replication:
    """Run the daemons once, in virtual time."""
    began = time.perf_counter()
    cell = job.cell
    end_s = cell.end_s(job.logons)
    with quiet():
        if cell.users:
            draws = cell.crowd.draws(Random(job.seed))
            record = virtual.run(emulator.the_same, job.daemons, draws, end_s)
            found, differing = _crowd_controls(cell, record), _differing_users(job, record)
        else:
            sessions = _sessions(cell, job.seed, end_s)
            record = virtual.run(emulator.many, job.daemons, sessions)
            found = _open_controls(cell, sessions, end_s)
            differing = _differing(cell, sessions, record)
    return _seen(cell, record, end_s, found, differing, began)


def _sessions(cell: Cell, seed: str, end_s: float) -> Sessions:
    return list(eventsim.arrivals(Random(seed), cell.rate_per_s, cell.length_s, end_s))


def _seen(
    cell: Cell, record: Record, end_s: float, found: list[float], differing: int, began: float
) -> Replication:
    window = [one for one in record.logons if one.at_s >= cell.start_s]
    admitted = [one for one in record.logons if one.admitted]
    refused = sum(not one.admitted for one in window)
    expected = len(window) if cell.users else cell.rate_per_s * (end_s - cell.start_s)
    logoffs = {one.connection: one.at_s + one.length_s for one in admitted}
    return Replication(
        logons=len(window),
        refused=refused,
        expected=expected,
        full=_full_s(record, cell, end_s) / (end_s - cell.start_s),
        controls=tuple(found),
        admitted=len(admitted),
        slot_s=sum(uses * (after - at) for (at, uses), (after, _) in pairwise(record.steps)),
        stayed_s=sum(one.length_s for one in admitted),
        lingered_s=sum(
            record.released.get(connection, record.end_s) - logoff
            for connection, logoff in logoffs.items()
        ),
        differing=differing,
        took_s=time.perf_counter() - began,
    )


def _full_s(record: Record, cell: Cell, end_s: float) -> float:
    """How long the server held as many slots, within the window, as theory says there are."""
    return sum(
        max(0.0, min(after, end_s) - max(at, cell.start_s))
        for (at, uses), (after, _) in pairwise(record.steps)
        if uses >= cell.limit
    )


def _differing(cell: Cell, sessions: Sessions, record: Record) -> int:
    decided = eventsim.decide(cell.slots, sessions)
    pairs = zip(record.logons, decided, strict=True)
    return sum(one.admitted != as_simulated for one, as_simulated in pairs)


def _differing_users(job: Job, record: Record) -> int:
    cell = job.cell
    found = [(one.user, one.admitted) for one in record.logons]
    end_s = cell.end_s(job.logons)
    decided = list(eventsim.decide_users(cell.slots, cell.crowd, Random(job.seed), end_s))
    differ = sum(one != two for one, two in zip(found, decided, strict=False))
    return differ + abs(len(found) - len(decided))


# --- controls ---------------------------------------------------------------------------------


def _open_controls(cell: Cell, sessions: Sessions, end_s: float) -> list[float]:
    more_s = cell.hold_s - cell.length_s
    counts = controls.unlimited(sessions, more_s, cell.start_s, cell.limit)
    expected = cell.rate_per_s * (end_s - cell.start_s)
    return [count / expected for count in counts]


def _crowd_controls(cell: Cell, record: Record) -> list[float]:
    """By how much the sessions of those admitted were longer, in all, than they should be."""
    window = [one for one in record.logons if one.at_s >= cell.start_s]
    over_s = sum(one.length_s - cell.length_s for one in window if one.admitted)
    return [over_s / cell.length_s / max(1, len(window))]


def _simulated(cell: Cell, seed: str, logons: int) -> tuple[Seen, float, list[float]]:
    """Return what the event simulation sees, the refused part, and the controls."""
    end_s = cell.end_s(logons)
    random = Random(seed)
    if cell.users:
        seen = eventsim.run_closed(cell.slots, cell.crowd, random, cell.start_s, end_s)
        over_s = seen.stayed_s - (seen.logons - seen.refused) * cell.length_s
        return seen, seen.blocked, [over_s / cell.length_s / max(1, seen.logons)]
    sessions = _sessions(cell, seed, end_s)
    seen = eventsim.run_open(cell.slots, sessions, cell.start_s, end_s)
    expected = cell.rate_per_s * (end_s - cell.start_s)
    return seen, seen.refused / expected, _open_controls(cell, sessions, end_s)


# --- the pilot --------------------------------------------------------------------------------


def pilot(cell: Cell, precision: float, seed: str, *, simulated: bool = True) -> Pilot:
    """Learn from the event simulation how long to measure for such a relative half width.

    Without `simulated` theory is the textbook's, where it is not the answer too.
    """
    runs = [_simulated(cell, f"{seed} pilot {n}", PILOT_LOGONS) for n in range(PILOTS)]
    values = [value for _, value, _ in runs]
    found = [one for _, _, one in runs]
    expected = [0.0] if cell.users else controls.expected(cell.offered, cell.limit)
    weights = slopes(values, found)
    steady = interval(controlled(values, found, expected, weights))
    freedom = PILOTS - 1 - len(weights)
    per_logon = steady.error**2 * PILOTS * PILOT_LOGONS * (PILOTS - 1) / freedom
    half = precision * cell.target / t_quantile(0.975, REPLICATIONS - 1)
    logons = round(per_logon / half**2 / REPLICATIONS)
    theory, low, high, residue_s = (
        _theory(cell, seed, logons, weights, expected) if simulated else _exact(cell)
    )
    # A short run may fall out wider than its pilot says, and costs little to be longer.
    generous = max(logons, min(2 * logons, LOGONS_CHEAP))
    bounded = min(max(generous, LOGONS_MIN), emulator.LOGONS_MAX)
    return Pilot(bounded, tuple(weights), tuple(expected), theory, low, high, residue_s)


def _theory(
    cell: Cell, seed: str, logons: int, weights: list[float], expected: list[float]
) -> tuple[float, float, float, float]:
    """Return what is expected, with its own interval where that is a simulation's."""
    exact = not (cell.users or cell.tick_s) or not cell.residue_s
    if exact:
        return _exact(cell)
    logons = min(THEORY_TIMES * max(logons, LOGONS_MIN), THEORY_LOGONS_MAX)
    runs = [_simulated(cell, f"{seed} theory {n}", logons) for n in range(REPLICATIONS)]
    found = [one for _, _, one in runs]
    steady = interval(controlled([value for _, value, _ in runs], found, expected, weights))
    lingered_s = sum(seen.lingered_s for seen, _, _ in runs) / len(runs)
    return steady.mean, steady.low, steady.high, lingered_s


def _exact(cell: Cell) -> tuple[float, float, float, float]:
    known = cell.textbook()
    return known, known, known, cell.residue_s


# --- silence ----------------------------------------------------------------------------------


@contextmanager
def quiet() -> Iterator[None]:
    """Let daemons log nothing below errors: thousands of sessions have much to say."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
