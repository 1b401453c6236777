"""Where runs of one trace part: the first attempt, or visit, that did not end alike in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest

from clients.lab.compare.logons import SUCCESS, Key, Logon, Played


@dataclass(frozen=True, slots=True)
class Divergence:
    """The earliest difference; `visit` counts from 0, None if the logon itself differs.

    `fates` has what came of it, by preset.
    """

    key: Key
    at_s: float
    visit: int | None
    fates: dict[str, str]

    def groups(self) -> list[list[str]]:
        """The presets whose fate was the same, in their order."""
        groups: dict[str, list[str]] = {}
        for preset, fate in self.fates.items():
            groups.setdefault(fate, []).append(preset)
        return list(groups.values())


def first_divergence(runs: Sequence[Played]) -> Divergence | None:
    """The earliest difference between any two of the runs; None if there is none."""
    tables = [{logon.key: logon for logon in run.logons} for run in runs]
    keys = dict.fromkeys(key for table in tables for key in table)
    presets = [run.preset for run in runs]
    found = (_differs(key, presets, [table.get(key) for table in tables]) for key in keys)
    parted = [one for one in found if one is not None]
    return min(parted, key=lambda one: (one.at_s, one.key), default=None)


def never_parted(runs: Sequence[Played]) -> list[tuple[str, str]]:
    """The pairs of presets between which there was no difference."""
    return [
        (one.preset, other.preset)
        for one, other in combinations(runs, 2)
        if first_divergence([one, other]) is None
    ]


def _differs(
    key: Key, presets: Sequence[str], logons: Sequence[Logon | None]
) -> Divergence | None:
    outcomes = [_outcome(one) for one in logons]
    there = [one for one in logons if one is not None]
    if len(set(outcomes)) > 1:
        at_s = min(one.began_s for one in there)
        return Divergence(key, at_s, None, dict(zip(presets, outcomes, strict=True)))
    if len({tuple(one.statuses) for one in there}) == 1:
        return None
    columns = zip_longest(*(one.statuses for one in there), fillvalue="not made")
    visit = next(index for index, column in enumerate(columns) if len(set(column)) > 1)
    fates = {preset: _status(one, visit) for preset, one in zip(presets, there, strict=True)}
    times = [one.visited_s[visit] for one in there if visit < len(one.visited_s)]
    return Divergence(key, min(times), visit, fates)


def _outcome(logon: Logon | None) -> str:
    if logon is None:
        return "never tried"
    attempt = logon.attempt
    return f"failed ({attempt.reason})" if attempt.outcome == "failed" else attempt.outcome


def _status(logon: Logon, visit: int) -> str:
    if visit >= len(logon.statuses):
        return "not made"
    status = logon.statuses[visit]
    return "done" if status == SUCCESS else status
