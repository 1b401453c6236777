"""A refusal's receipt in plain words: who was refused, who held the slots, why, until when.

The receipt comes from the share server as plain data; what is said here adds nothing to it.
Holders of one kind share a line, ghosts come first, and the list of names is bounded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import fill
from typing import Any

NAMES_MAX = 12
KINDS_MAX = 12
WIDTH = 78

Holder = Mapping[str, Any]


def words(receipt: Mapping[str, Any]) -> str:
    """The receipt for a person: a few lines of at most 78 characters."""
    lines = [_refusal(receipt), _census(receipt), *_kinds(receipt["holders"])]
    lines += [_first_release(receipt), _verdict(receipt), _alternatives(receipt)]
    if not receipt["complete"]:
        lines.append(
            "Incomplete: a redirector had not described its uses when this was written."
        )
    return "\n".join(fill(line, WIDTH, subsequent_indent="    ") for line in lines)


def ghosts_first(holders: Iterable[Holder]) -> list[Holder]:
    """The holders in the order of interest: ghosts, unknown ones, live ones; oldest first."""
    order = {True: 0, None: 1, False: 2}
    return sorted(holders, key=lambda holder: (order[holder["ghost"]], -holder["since_s"]))


def standing(holder: Holder) -> str:
    """Who is behind a slot, in a few words."""
    if holder["ghost"] is None:
        return "unknown: its redirector did not say"
    closing = holder["state"] == "closing"
    if holder["ghost"]:
        return "ghost, logged off and closing" if closing else "ghost, logged off"
    if closing:
        return "logging off now"
    only_dormant = holder["state"] == "dormant_only"
    return "logged on, nothing open" if only_dormant else "logged on"


def seconds(value: float) -> str:
    """A duration with as many digits as are worth reading."""
    return f"{value:.{0 if value >= 100 else 1 if value >= 1 else 2}f} s"


def _refusal(receipt: Mapping[str, Any]) -> str:
    when = datetime.fromtimestamp(receipt["at_ns"] // 10**9, UTC)
    return (
        f"Refusal {receipt['number']}, {when:%H:%M:%S} UTC: {receipt['user']} was refused on "
        f"{receipt['share']}, {receipt['uses']} of {receipt['uses_max']} slots were in use."
    )


def _census(receipt: Mapping[str, Any]) -> str:
    unknown = f", {receipt['unknown']} unknown" if receipt["unknown"] else ""
    return (
        f"Behind them: {_count(receipt['live'], 'logged-on user')}, "
        f"{_count(receipt['ghosts'], 'ghost')}{unknown}."
    )


def _kinds(holders: Sequence[Holder]) -> Iterator[str]:
    """One line for each kind of holder; the ghosts' names are given first."""
    kinds: dict[tuple[str, str], list[Holder]] = {}
    for holder in ghosts_first(holders):
        kinds.setdefault((standing(holder), holder["release_by"]), []).append(holder)
    several = len({holder["redirector"] for holder in holders}) > 1
    names_left, holders_left = NAMES_MAX, len(holders)
    for (stands, release_by), alike in list(kinds.items())[:KINDS_MAX]:
        users = Counter(holder["user"] for holder in alike)
        via = _via(alike) if several else ""
        yield (
            f"  {len(alike)} x {stands}{_files(alike)}{via}; held for "
            f"{_span(holder['since_s'] for holder in alike)}{_release(alike, release_by)}: "
            f"{_names(users, names_left)}"
        )
        names_left = max(0, names_left - len(users))
        holders_left -= len(alike)
    if holders_left:
        yield f"  and {holders_left} more"


def _via(alike: Sequence[Holder]) -> str:
    redirectors = sorted({holder["redirector"] for holder in alike})
    if len(redirectors) > 2:
        return f", via {len(redirectors)} redirectors"
    return f", via {' and '.join(redirectors)}"


def _files(alike: Sequence[Holder]) -> str:
    parts = []
    for kind in ("open", "dormant"):
        counts = [holder[f"{kind}_files"] for holder in alike]
        least, most = min(counts), max(counts)
        if most:
            number = str(most) if least == most else f"{least} to {most}"
            parts.append(f"{number} {kind} file{'' if number == '1' else 's'}")
    return "".join(f", {part}" for part in parts)


def _release(alike: Sequence[Holder], release_by: str) -> str:
    due = [holder["release_in_s"] for holder in alike if holder["release_in_s"] is not None]
    by = f" by {release_by}" if release_by else ""
    if due:
        return f", free in {_span(due)}{by}"
    return f", freed{by}" if by else ""


def _span(values: Iterable[float]) -> str:
    several = sorted(values)
    least, most = seconds(several[0]), seconds(several[-1])
    return least if least == most else f"{least.removesuffix(' s')} to {most}"


def _names(users: Counter[str], names_max: int) -> str:
    if not names_max:
        return _count(len(users), "user")
    names = [f"{user} ({count})" if count > 1 else user for user, count in users.items()]
    more = len(names) - names_max
    shown = ", ".join(names[:names_max])
    return f"{shown} and {more} more" if more > 0 else shown


def _first_release(receipt: Mapping[str, Any]) -> str:
    earliest = receipt["earliest_release_s"]
    if earliest is None:
        return "No timer is known to free a slot."
    due = [holder for holder in receipt["holders"] if holder["release_in_s"] is not None]
    first = min(due, key=lambda holder: holder["release_in_s"], default=None)
    by = f", by {first['release_by']}" if first and first["release_by"] else ""
    whose = f" is {first['user']}'s," if first else " is"
    return f"The first slot to go{whose} free in {seconds(earliest)}{by}."


def _verdict(receipt: Mapping[str, Any]) -> str:
    live, unknown, uses_max = receipt["live"], receipt["unknown"], receipt["uses_max"]
    match receipt["verdict"]:
        case "spurious":
            bound = "at most" if unknown else "only"
            return (
                f"Spurious: {bound} {live + unknown} of the {uses_max} slots had a user "
                "behind them."
            )
        case "genuine":
            return f"Genuine: {live} of the {uses_max} slots had a user behind them."
    return (
        f"Undecided: {live} to {live + unknown} of the {uses_max} slots had a user behind them."
    )


def _alternatives(receipt: Mapping[str, Any]) -> str:
    answers = {True: "Yes.", False: "No.", None: "That cannot be told."}
    return (
        f"Would sp6's logoff have admitted {receipt['user']}? "
        f"{answers[receipt['sp6_would_admit']]} "
        f"Would slot recall? {answers[receipt['recall_would_admit']]}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
