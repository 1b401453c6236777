"""From a question about a limit to answers: which model fits the case, and what it says.

    many users, each file on its own deadline     Erlang-B, exactly
    many users, one scavenger tick for all        the event simulation; no formula is known
    a number of users who come back at once       the event simulation; the chain beside it
    the same, slots given back at the logoff      Engset, exactly

Simulations use the same seeds for every limit and age that is tried, so that what is sought
(the limit or the age for a target) does not drown in noise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from clients.lab.theory import eventsim, formulas
from clients.lab.theory.eventsim import Seen, Slots, Users
from clients.lab.theory.formulas import NoAnswer
from clients.lab.theory.statistics import Interval, interval

REPLICATIONS, LOGONS, SEARCH_LOGONS = 20, 20_000, 4_000
WARM_UP = 6  # sessions; residues are constant and need no more than one
AGE_MAX_S = 3600.0
AGE_EXACT_S = 0.05


@dataclass(frozen=True, slots=True)
class Question:
    """A limit and its load: logons per second of many users, or users who think."""

    limit: int
    length_s: float
    dormant_age_s: float
    tick_s: float
    target: float
    rate_per_s: float = 0.0
    users: int = 0
    think_s: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of the users under a preset. `low`, `high`: equal where it is exact.

    `limit_needed`, `age_allowed_s`: for the target; None: nothing will do. An age is infinite
    where a logoff gives the slot back whatever is dormant.
    """

    preset: str
    model: str
    assumes: str
    refused: float
    low: float
    high: float
    beside: str  # what is shown beside it, and why that is not the answer
    beside_refused: float | None
    limit_needed: int | None
    age_allowed_s: float | None


@dataclass(frozen=True, slots=True)
class Model:
    """A way to know what is refused, for any limit and dormant age."""

    name: str
    assumes: str
    refused: Callable[[int, float, int], Interval]  # limit, age, logons of a replication
    beside: str = ""
    textbook: Callable[[int, float], float | None] | None = None


def answers(question: Question) -> list[Answer]:
    """Answer for a redirector that leaves its slots (sp5), and for one that gives them back."""
    return [
        _answer("sp5", question, _leaving(question)),
        _answer("sp6", question, _giving_back(question)),
    ]


def _answer(preset: str, question: Question, model: Model) -> Answer:
    age_s = question.dormant_age_s if preset == "sp5" else 0.0
    found = model.refused(question.limit, age_s, LOGONS)
    beside = model.textbook(question.limit, age_s) if model.textbook else None
    allowed_s: float | None = math.inf if found.mean <= question.target else None
    if preset == "sp5":
        allowed_s = _age_allowed(question, model)
    return Answer(
        preset=preset,
        model=model.name,
        assumes=model.assumes,
        refused=found.mean,
        low=found.low,
        high=found.high,
        beside=model.beside,
        beside_refused=beside,
        limit_needed=_limit_needed(question, model, age_s),
        age_allowed_s=allowed_s,
    )


# --- which model ------------------------------------------------------------------------------

_POISSON = "logons come independently of each other, from many users; the refused do not retry"
_LAST = "each session's last close is at its logoff, so its slot lingers for the whole age"


def _leaving(question: Question) -> Model:
    if question.users:
        return Model(
            "event simulation, users who come back",
            f"the same {question.users} users think, stay, and come back though their old slot"
            f" lingers; think times and lengths are exponential; {_LAST}",
            lambda limit, age_s, logons: _simulated(question, limit, age_s, logons),
            "the exact chain, as if residues were exponential",
            lambda limit, age_s: _chain(question, limit, age_s),
        )
    if question.tick_s and question.dormant_age_s:
        return Model(
            "event simulation, one tick for all",
            f"{_POISSON}; {_LAST}, and until the scavenger's next tick, when slots come back"
            " together; lengths are exponential",
            lambda limit, age_s, logons: _simulated(question, limit, age_s, logons),
            "Erlang-B with half a tick more, as if slots came back one by one",
            lambda limit, age_s: formulas.erlang_b(limit, _offered(question, age_s)),
        )
    return Model(
        "Erlang-B",
        f"{_POISSON}; {_LAST}; only the means of length and age matter",
        lambda limit, age_s, _: _exactly(formulas.erlang_b(limit, _offered(question, age_s))),
    )


def _giving_back(question: Question) -> Model:
    if question.users:
        load = question.length_s / question.think_s
        return Model(
            "Engset",
            f"the same {question.users} users think, stay, and come back; a slot is free when"
            " its logoff is answered; only the means of think time and length matter",
            lambda limit, _age, _n: _exactly(formulas.engset(question.users, limit, load)),
        )
    return Model(
        "Erlang-B",
        f"{_POISSON}; a slot is free when its logoff is answered; only the mean length matters",
        lambda limit, _age, _n: _exactly(formulas.erlang_b(limit, _offered(question, 0.0))),
    )


def _offered(question: Question, age_s: float) -> float:
    residue_s = formulas.residue(age_s, tick_s=question.tick_s) if age_s else 0.0
    return question.rate_per_s * (question.length_s + residue_s)


def _exactly(value: float) -> Interval:
    return Interval(value, value, value, 0.0, 0)


def _chain(question: Question, limit: int, age_s: float) -> float | None:
    residue_s = formulas.residue(age_s, tick_s=question.tick_s) if age_s else 0.0
    try:
        return formulas.users_again(
            question.users, limit, question.think_s, question.length_s, residue_s
        )
    except NoAnswer:
        return None


# --- by simulation ----------------------------------------------------------------------------


def _simulated(question: Question, limit: int, age_s: float, logons: int) -> Interval:
    runs = [simulate(question, limit, age_s, logons, one) for one in range(REPLICATIONS)]
    return interval([seen.blocked for seen in runs])


def simulate(question: Question, limit: int, age_s: float, logons: int, run: int) -> Seen:
    """Run the event simulation once; the same `run` has the same users, whatever the limit."""
    random = Random(f"{question.seed} {run}")
    slots = Slots(limit, age_s, question.tick_s if age_s else 0.0)
    start_s = WARM_UP * (question.length_s + question.think_s) + age_s + question.tick_s
    if question.users:
        users = Users(question.users, question.think_s, question.length_s)
        every_s = (question.think_s + question.length_s) / question.users
        return eventsim.run_closed(slots, users, random, start_s, start_s + logons * every_s)
    end_s = start_s + logons / question.rate_per_s
    sessions = eventsim.arrivals(random, question.rate_per_s, question.length_s, end_s)
    return eventsim.run_open(slots, sessions, start_s, end_s)


# --- what would do ----------------------------------------------------------------------------


def _limit_needed(question: Question, model: Model, age_s: float) -> int | None:
    """Return the smallest limit that refuses no more than the target."""

    def enough(limit: int) -> bool:
        return model.refused(limit, age_s, SEARCH_LOGONS).mean <= question.target

    low, high = 0, max(1, question.limit)
    while not enough(high):
        low, high = high, 2 * high
        if high > formulas.LIMIT_MAX:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _age_allowed(question: Question, model: Model) -> float | None:
    """Return the longest age that refuses no more than the target; None: not even none."""

    def over(age_s: float) -> bool:
        return model.refused(question.limit, age_s, SEARCH_LOGONS).mean > question.target

    if _giving_back(question).refused(question.limit, 0.0, 0).mean > question.target:
        return None
    low, high = 0.0, max(1.0, question.dormant_age_s)
    while not over(high):
        if high == AGE_MAX_S:
            return high
        low, high = high, min(2 * high, AGE_MAX_S)
    while high - low > max(AGE_EXACT_S, 0.005 * high):
        middle = (low + high) / 2
        low, high = (low, middle) if over(middle) else (middle, high)
    return low
