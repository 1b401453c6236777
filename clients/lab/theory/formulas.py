"""What theory says about a limit: Erlang, Engset, and the chain of users who come back at once.

A slot is held for a session S and a residue R: until it is really free again. *Offered* is the
load in slots, logon rate x (E[S] + E[R]). The first two see only the means of S and R. A lost
logon is lost: nobody tries again at once, which would ask for another theory.
"""

import math
from collections.abc import Callable, Iterable

CHAIN_LIMIT_MAX = 80  # some 3,000 states, solved in seconds
LIMIT_MAX = 100_000


class NoAnswer(Exception):
    """A question that these models have no answer to, in one line."""


# --- arrivals from many users: Erlang ---------------------------------------------------------


def erlang_b(limit: int, offered: float) -> float:
    """Return the probability that a logon finds all slots taken (M/G/c/c)."""
    blocked = 1.0
    for slots in range(1, limit + 1):
        blocked = offered * blocked / (slots + offered * blocked)
    return blocked


def offered_for(limit: int, target: float) -> float:
    """Return the load of which `limit` slots refuse exactly `target` (0 < target < 1)."""
    high = 1.0
    while erlang_b(limit, high) < target:
        high *= 2
    return bisect(lambda offered: erlang_b(limit, offered) - target, 0.0, high)


def bisect(
    rising: Callable[[float], float], low: float, high: float, tolerance: float = 0.0
) -> float:
    """Return where a function that rises from below 0 to above it is 0.

    `tolerance` is relative; 0 goes on as far as floats do.
    """
    while (high - low) > tolerance * high:
        # Over many powers of ten the middle is the geometric one.
        middle = math.sqrt(low * high) if low > 0 and high > 4 * low else (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


# --- a fixed number of users ------------------------------------------------------------------


def engset(users: int, limit: int, load: float) -> float:
    """Return the refused part of the logons of users who wait until their slot is free.

    `load`: of one user, (E[S] + E[R]) / think time.
    """
    if users <= limit:
        return 0.0
    blocked = 1.0
    for slots in range(1, limit + 1):
        coming = (users - slots) * load * blocked
        blocked = coming / (slots + coming)
    return blocked


def users_again(
    users: int, limit: int, think_s: float, length_s: float, residue_s: float
) -> float:
    """Return the refused part of the logons of users who come back while their slot lingers.

    The exact chain of (logged on, lingering), for exponential think times, lengths and
    *residues*: with constant ones it is near, and no more (a few percent).
    """
    if not residue_s:
        return engset(users, limit, length_s / think_s)
    if limit > CHAIN_LIMIT_MAX:
        raise NoAnswer(f"the chain has too many states for a limit above {CHAIN_LIMIT_MAX}")
    states = [
        (active, left)
        for active in range(min(users, limit) + 1)
        for left in range(limit + 1 - active)
    ]
    number = {state: index for index, state in enumerate(states)}
    rows: list[dict[int, float]] = [{} for _ in states]
    for (active, left), row in zip(states, rows, strict=True):
        if active + left < limit and active < users:
            row[number[active + 1, left]] = (users - active) / think_s
        if active:
            row[number[active - 1, left + 1]] = active / length_s
        if left:
            row[number[active, left - 1]] = left / residue_s
    coming = [
        weight * (users - active)
        for (active, _), weight in zip(states, stationary(rows), strict=True)
    ]
    full = [sum(state) == limit for state in states]
    return sum(rate for rate, refused in zip(coming, full, strict=True) if refused) / math.fsum(
        coming
    )


def stationary(rates: Iterable[dict[int, float]]) -> list[float]:
    """Return the weights of a chain's states, from each state's rates to others.

    Grassmann, Taksar and Heyman's elimination: nothing is ever subtracted, so nothing is lost.
    """
    rows = [dict(row) for row in rates]
    into: list[set[int]] = [set() for _ in rows]
    for source, row in enumerate(rows):
        for target in row:
            into[target].add(source)
    for last in range(len(rows) - 1, 0, -1):
        _eliminate(rows, into, last)
    weights = [1.0] + [0.0] * (len(rows) - 1)
    for state in range(1, len(rows)):
        weights[state] = math.fsum(
            weights[source] * rows[source][state] for source in into[state] if source < state
        )
    whole = math.fsum(weights)
    return [weight / whole for weight in weights]


def _eliminate(rows: list[dict[int, float]], into: list[set[int]], last: int) -> None:
    """Lead the ways through the last state past it."""
    down = {target: rate for target, rate in rows[last].items() if target < last}
    total = math.fsum(down.values())
    for source in [one for one in into[last] if one < last]:
        row = rows[source]
        part = row[last] = row[last] / total
        for target, rate in down.items():
            if target != source:
                row[target] = row.get(target, 0.0) + part * rate
                into[target].add(source)


# --- how long a slot lingers ------------------------------------------------------------------


def residue(dormant_age_s: float, closes_per_s: float = math.inf, tick_s: float = 0.0) -> float:
    """Return the mean time from a logoff until its slot is free, where dormant files keep it.

    It ends when the youngest close is `dormant_age_s` old, at the next of the scavenger's
    ticks; with a close as the last thing before the logoff (inf) that is the whole age.
    A tick seen from sessions that fall on it at any moment: half a tick on average.
    """
    if not closes_per_s:
        return 0.0
    if math.isinf(closes_per_s):
        return dormant_age_s + tick_wait(tick_s)
    any_left = -math.expm1(-closes_per_s * dormant_age_s)
    return dormant_age_s - any_left / closes_per_s + any_left * tick_wait(tick_s)


def tick_wait(tick_s: float) -> float:
    """Return the mean wait for the next tick."""
    return tick_s / 2
