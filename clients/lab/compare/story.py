"""What was the case where runs part, told for one of them: who held the slots, since when, why.

A refusal's receipt knows what pins each slot and which timer frees it. Beside it stand the
redirector's facts of the minute before about the users concerned; of a run that admitted, its
facts say all there is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from clients.lab.compare.divergence import Divergence
from clients.lab.compare.logons import Change, Logon, Played
from clients.lab.timeline import HELD_STATES, RELEASED
from clients.receipt import WIDTH, seconds, words

BEFORE_S = 60.0
USERS_MAX = 6
STEPS_MAX = 5  # of one user
LIMIT_REACHED = "STATUS_REQUEST_NOT_ACCEPTED"
INSTANT_S = 1e-6  # facts are in nanoseconds
MOMENT_S = 1.0  # a state left sooner is not told of
STATES = {
    "live": "logged on",
    "dormant_only": "all files closed, dormant",
    "orphan": "logged off, slot kept (ghost)",
    "closing": "slot being given back",
    "released": "slot given back",
}
COUNTED = {
    "live": "with a user at work",
    "dormant_only": "with a user whose files are all dormant",
    "orphan": "with a ghost",
    "closing": "being given back",
}
FLAPPING = ("live", "dormant_only")


@dataclass(frozen=True, slots=True)
class Slot:
    """A connection as the facts show it at an instant."""

    user: str
    state: str


def concerned(where: Divergence, runs: Iterable[Played]) -> list[str]:
    """The users to tell of: whose fate it was, and ghosts, or whoever left before a visit."""
    users = {f"user{where.key[0]}": None}
    for run in runs:
        at_s = _instant(where, run)
        if where.visit is None:
            told = [one.user for one in slots_at(run.changes, at_s) if one.state == "orphan"]
        else:
            told = [one.user for one in _before(run.changes, at_s) if one.state == RELEASED]
            told.reverse()  # the latest may have taken files along
        users |= dict.fromkeys(told)
    return list(users)[:USERS_MAX]


def slots_at(changes: Sequence[Change], at_s: float) -> list[Slot]:
    """Who holds slots just before an instant, by the facts."""
    held: dict[int, Slot] = {}
    for change in changes:
        if change.at_s > at_s - INSTANT_S:
            break
        held[change.connection] = Slot(change.user, change.state)
    return [slot for slot in held.values() if slot.state in HELD_STATES]


def story(where: Divergence, run: Played, users: Sequence[str]) -> dict[str, Any]:
    """What was the case in one run, as it is written to results.json."""
    at_s = _instant(where, run)
    slots = slots_at(run.changes, at_s)
    logon = _logon(where, run)
    receipt = logon.attempt.receipt if logon is not None and where.visit is None else None
    return {
        "outcome": where.fates[run.preset],
        "at_s": round(at_s, 3),
        "slots": dict(Counter(slot.state for slot in slots)),
        "limit": run.limit,
        "receipt": receipt,
        "minute_before": [
            [round(one.at_s, 3), one.connection, one.user, one.state]
            for one in _before(run.changes, at_s, users)
        ],
        "words": list(_words(where, run, slots, receipt, users)),
    }


def _logon(where: Divergence, run: Played) -> Logon | None:
    return next((one for one in run.logons if one.key == where.key), None)


def _instant(where: Divergence, run: Played) -> float:
    """When it was in this run: think times count from what was before, so it may differ."""
    logon = _logon(where, run)
    if logon is None:
        return where.at_s
    if where.visit is None:
        return logon.began_s
    return logon.visited_s[where.visit] if where.visit < len(logon.visited_s) else where.at_s


def _words(
    where: Divergence,
    run: Played,
    slots: Sequence[Slot],
    receipt: dict[str, Any] | None,
    users: Sequence[str],
) -> Iterable[str]:
    at_s = _instant(where, run)
    if receipt is not None:
        yield from words(receipt).splitlines()
    else:
        yield from _wrapped(_census(slots, run.limit))
        yield from _wrapped(_meanwhile(where, run))
        yield from _wrapped(_taken(where, run))
    told = [_path(run.changes, at_s, user) for user in users]
    if any(told):
        yield "The minute before:"
    for path in told:
        yield from _wrapped(path, "  ")


def _wrapped(text: str, indent: str = "") -> list[str]:
    if not text:
        return []
    return fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    "
    ).splitlines()


def _census(slots: Sequence[Slot], limit: int) -> str:
    counts = Counter(slot.state for slot in slots)
    parts = [f"{counts[state]} {said}" for state, said in COUNTED.items() if counts[state]]
    behind = f": {', '.join(parts)}" if parts else ""
    return f"{len(slots)} of {limit} slots were in use just before{behind}."


def _meanwhile(where: Divergence, run: Played) -> str:
    """Whose slots were given back so that this attempt could be admitted."""
    logon = _logon(where, run)
    if logon is None or logon.log_on_s is None or where.visit is not None:
        return ""
    ends_s = logon.began_s + logon.log_on_s
    given = [
        one.user
        for one in run.changes
        if one.state == RELEASED and logon.began_s - INSTANT_S <= one.at_s <= ends_s + INSTANT_S
    ]
    if not given or len(slots_at(run.changes, logon.began_s)) < run.limit:
        return ""
    return f"Asked for a slot, the redirector gave back {', '.join(given)}'s at once."


def _taken(where: Divergence, run: Played) -> str:
    """What the visit failed of: whose logoff took the file away."""
    logon, at_s = _logon(where, run), _instant(where, run)
    if logon is None or where.visit is None or where.fates[run.preset] == "done":
        return ""
    if where.fates[run.preset] == LIMIT_REACHED:
        return "Its slot was recalled while nothing was open, and then no other was to be had."
    file = logon.files[where.visit]
    left = [
        (one.attempt.logoff_answered / run.time_scale, one)
        for one in run.logons
        if file in one.files and one is not logon and one.attempt.logoff_answered is not None
    ]
    before = [(when, one) for when, one in left if at_s - BEFORE_S <= when <= at_s]
    if not before:
        return ""
    when, whose = max(before, key=lambda pair: pair[0])
    return (
        f"The file was lost while it was open: f{file}.txt. {whose.attempt.user}, who had"
        f" visited it too, logged off {seconds(at_s - when)} before."
    )


def _before(
    changes: Sequence[Change], at_s: float, users: Sequence[str] | None = None
) -> list[Change]:
    """What happened in the minute before, to these users or to all."""
    return [
        one
        for one in changes
        if at_s - BEFORE_S <= one.at_s <= at_s - INSTANT_S
        and (users is None or one.user in users)
    ]


def _path(changes: Sequence[Change], at_s: float, user: str) -> str:
    """What one user's connections went through in the minute before."""
    mine = _before(changes, at_s, [user])
    kept = [one for one in mine if _matters(one, mine)]
    steps = [f"{seconds(at_s - one.at_s)} before: {STATES[one.state]}" for one in kept]
    return f"{user}: {'; '.join(steps[-STEPS_MAX:])}" if steps else ""


def _matters(one: Change, mine: Sequence[Change]) -> bool:
    """Not what was over at once, nor the coming and going from visit to visit."""
    same = [other for other in mine if other.connection == one.connection]
    index = same.index(one)
    if index + 1 == len(same):
        return index == 0 or one.state != "live"
    later = same[index + 1]
    if one.state == "closing" or later.at_s - one.at_s < MOMENT_S:
        return False
    return index == 0 or not {one.state, later.state} <= {*FLAPPING}
