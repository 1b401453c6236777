"""A plan's answer beside a simulation of it and the daemons themselves, in virtual time."""

from dataclasses import dataclass

from rich.console import Console

from clients.lab.theory.cells import ERLANG, TICK, USERS, Cell
from clients.lab.theory.emulator import Daemons
from clients.lab.theory.planning import LOGONS, REPLICATIONS, Answer, Question, simulate
from clients.lab.theory.replications import Job, pilot, replicate
from clients.lab.theory.running import PieceLost, each
from clients.lab.theory.statistics import controlled, difference, interval
from clients.swarm.executors import Workers, executor

RUNS, LOGONS_MAX = 12, 500
LEVEL = 0.01  # risk of calling an agreement a difference


@dataclass(frozen=True, slots=True)
class Check:
    """One preset's answer, thrice."""

    preset: str
    model: float
    simulated: float
    simulated_low: float
    simulated_high: float
    daemons: float
    daemons_low: float
    daemons_high: float
    logons: int
    decided_differently: int
    agrees: bool


async def check(
    question: Question, found: list[Answer], processes: int, dask: str | None
) -> list[Check]:
    """Check every answer; raises PieceLost if a worker dies, ExecutorError without workers."""
    with executor(processes, dask) as workers:
        return [await _check(question, one, workers) for one in found]


async def _check(question: Question, answer: Answer, workers: Workers) -> Check:
    Console(stderr=True).print(f"running the daemons as {answer.preset} ...", highlight=False)
    cell = cell_of(question, answer)
    tick_s = question.tick_s
    daemons = Daemons(question.limit, answer.preset, question.dormant_age_s, tick_s)
    known = pilot(cell, 0.05, f"{question.seed} pilot", simulated=False)
    logons = min(known.logons, LOGONS_MAX)
    jobs = [(Job(cell, daemons, f"{question.seed} {run}", logons),) for run in range(RUNS)]
    age_s = question.dormant_age_s if answer.preset == "sp5" else 0.0
    asked = [(question, question.limit, age_s, LOGONS, run) for run in range(REPLICATIONS)]
    runs = [one for one in await each(workers, replicate, jobs, lambda _: None) if one]
    seen = [one for one in await each(workers, simulate, asked, lambda _: None) if one]
    if len(runs) < RUNS or len(seen) < REPLICATIONS:
        raise PieceLost("a worker died; the check is not complete")
    values = [run.refused / run.expected for run in runs]
    measured = interval(
        controlled(values, [run.controls for run in runs], known.expected, known.slopes)
    )
    simulated = interval([one.blocked for one in seen])
    return Check(
        preset=answer.preset,
        model=answer.refused,
        simulated=simulated.mean,
        simulated_low=simulated.low,
        simulated_high=simulated.high,
        daemons=measured.mean,
        daemons_low=max(0.0, measured.low),
        daemons_high=measured.high,
        logons=sum(run.logons for run in runs),
        decided_differently=sum(run.differing for run in runs),
        agrees=difference(measured, answer.refused) > LEVEL
        or abs(measured.mean - answer.refused) < 0.02 * answer.refused,
    )


def cell_of(question: Question, answer: Answer) -> Cell:
    """Return the case as a cell of the oracle."""
    leaves = answer.preset == "sp5"
    residue_s = question.dormant_age_s if leaves else 0.0
    model = USERS if question.users else TICK if question.tick_s and leaves else ERLANG
    return Cell(
        model,
        answer.preset,
        question.limit,
        max(answer.refused, 0.01),
        1 / question.think_s if question.users else question.rate_per_s,
        residue_s,
        question.tick_s if residue_s else 0.0,
        question.users,
        question.length_s,
    )
