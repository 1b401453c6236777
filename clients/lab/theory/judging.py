"""From replications to a verdict, level by level, each of which needs more assumptions.

Little's law needs none: slots held = admitted x (session + residue), whoever counts. The leak
says how long a slot lingers, from outside: slots held / admitted, less the mean session. PASTA
needs Poisson arrivals: as many are refused as there is time when all slots are held. The model
needs independent holds too. The first level that fails says where to look.

Equivalence: the whole 95 % interval lies within 5 % of theory, and Holm's correction over all
cells leaves it so (at most 5 % risk that any cell is called equivalent that is not).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clients.lab.theory.cells import ERLANG, Cell
from clients.lab.theory.replications import Pilot, Replication
from clients.lab.theory.statistics import (
    Interval,
    controlled,
    difference,
    equivalence,
    holm,
    interval,
)

MARGIN = 0.05  # of theory
LEVEL = 0.05  # risk of one wrong claim among all
LITTLE_MAX = 0.01
LEAK_MAX_S, NO_LEAK_MAX_S = 1.0, 0.1
LITTLE, LEAK, PASTA, MODEL = "Little", "leak", "PASTA", "model"
EQUIVALENT, DIFFERS, UNDECIDED = "equivalent", "differs", "undecided"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the replications of one cell say together."""

    cell: Cell
    pilot: Pilot
    refused: Interval  # with what the controls explain taken out
    natural: Interval  # refused / logons
    pasta: Interval  # refused part less the part of the time when all slots were held
    full: float
    little_residual: float
    leak_s: float
    logons: int
    differing: int
    took_s: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the interval must lie; theory's own error narrows them."""
        return self.pilot.theory_high * (1 - MARGIN), self.pilot.theory_low * (1 + MARGIN)

    @property
    def not_equivalent(self) -> float:
        """The p-value of "it is further from theory than the margin"."""
        return equivalence(self.refused, *self.bounds)


def measured(cell: Cell, pilot: Pilot, runs: Sequence[Replication]) -> Measured:
    """Put the replications of a cell together."""
    values = [run.refused / run.expected for run in runs]
    steady = controlled(values, [run.controls for run in runs], pilot.expected, pilot.slopes)
    slot_s, admitted = sum(run.slot_s for run in runs), sum(run.admitted for run in runs)
    stayed_s, lingered_s = (
        sum(run.stayed_s for run in runs),
        sum(run.lingered_s for run in runs),
    )
    return Measured(
        cell=cell,
        pilot=pilot,
        refused=interval(steady),
        natural=interval([run.refused / max(1, run.logons) for run in runs]),
        pasta=interval([value - run.full for value, run in zip(values, runs, strict=True)]),
        full=sum(run.full for run in runs) / len(runs),
        little_residual=abs(slot_s - stayed_s - lingered_s) / slot_s,
        leak_s=(slot_s - stayed_s) / max(1, admitted),
        logons=sum(run.logons for run in runs),
        differing=sum(run.differing for run in runs),
        took_s=sum(run.took_s for run in runs),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cell, and which levels failed."""

    measured: Measured
    outcome: str
    failed: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every level held."""
        return not self.failed

    def row(self) -> dict[str, Any]:
        """Return it for JSON."""
        found, cell = self.measured, self.measured.cell
        return {
            "limit": cell.limit,
            "offered": cell.offered,
            "preset": cell.preset,
            "measured": found.refused.mean,
            "low": found.refused.low,
            "high": found.refused.high,
            "theory": found.pilot.theory,
            "model": cell.model,
            "equivalent": self.outcome == EQUIVALENT,
            "little_residual": found.little_residual,
            "leak_s": found.leak_s,
            "outcome": self.outcome,
            "failed": list(self.failed),
            "target": cell.target,
            "theory_low": found.pilot.theory_low,
            "theory_high": found.pilot.theory_high,
            "textbook": cell.textbook(),
            "residue_s": found.pilot.residue_s,
            "natural": found.natural.mean,
            "natural_low": found.natural.low,
            "natural_high": found.natural.high,
            "full": found.full,
            "decided_differently": found.differing,
            "logons": found.logons,
            "rate_per_s": cell.rate_per_s,
            "users": cell.users,
            "tick_s": cell.tick_s,
            "length_s": cell.length_s,
            "took_s": round(found.took_s, 2),
        }


def judge(found: Sequence[Measured]) -> list[Verdict]:
    """Judge all cells together: the more claims, the less may be left to chance in each."""
    shown = holm([one.not_equivalent for one in found], LEVEL)
    broken = holm([_pasta(one) for one in found], LEVEL)
    return [
        _verdict(one, equivalent, pasta)
        for one, equivalent, pasta in zip(found, shown, broken, strict=True)
    ]


def _pasta(found: Measured) -> float:
    """Users who come again do not see what time sees: they are no Poisson arrivals."""
    return 1.0 if found.cell.users else difference(found.pasta, 0.0)


def _verdict(found: Measured, shown: bool, pasta_broken: bool) -> Verdict:
    outcome = UNDECIDED
    if shown and found.refused.within(*found.bounds):
        outcome = EQUIVALENT
    elif not found.refused.holds(found.pilot.theory):
        outcome = DIFFERS
    residue_s = found.pilot.residue_s
    leak_max_s = LEAK_MAX_S if residue_s else NO_LEAK_MAX_S
    failed = {
        LITTLE: found.little_residual > LITTLE_MAX,
        LEAK: abs(found.leak_s - residue_s) > leak_max_s,
        PASTA: pasta_broken,
        MODEL: outcome != EQUIVALENT,
    }
    return Verdict(found, outcome, tuple(level for level, bad in failed.items() if bad))


# --- in words ---------------------------------------------------------------------------------


def diagnosis(verdict: Verdict) -> str:
    """Say what the first failed level means; empty if none failed."""
    found, cell = verdict.measured, verdict.measured.cell
    texts = {
        LITTLE: f"the server held slots for {found.little_residual:.1%} more or less than"
        " sessions and residues account for: a slot was lost, or given back twice",
        LEAK: f"a slot lingers for {found.leak_s:.1f} s after its logoff, not"
        f" {found.pilot.residue_s:.1f} s: files are kept for another time than claimed",
        PASTA: f"{found.natural.mean:.1%} were refused, but {cell.limit} slots were held"
        f" {found.full:.1%} of the time: the limit is not the one claimed, or logons are not"
        " Poisson",
        MODEL: _model_text(verdict),
    }
    return next((texts[level] for level in verdict.failed), "")


def _model_text(verdict: Verdict) -> str:
    if verdict.outcome == UNDECIDED:
        return "the interval is too wide to tell: measure longer (a smaller --precision)"
    name = "Erlang-B" if verdict.measured.cell.model == ERLANG else "the event simulation"
    return f"slots are held as long as they should be, yet {name} does not hold"
