"""Whether what was seen of one register can have happened in one order.

With a value of its own for each write this takes a sort, not a search (Gibbons and Korach,
"Testing shared memories", 1997): the zone of a value lies between the first end and the last
begin of all that was seen of it. If the end comes first the value must have been there all
through the zone. Two such zones must not overlap, and whatever has a zone the other way round,
which fits into one instant of it, must not lie within another's altogether.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from clients.lab.checking.registers import Cluster


class Clash(NamedTuple):
    """Two values that cannot both have been there."""

    one: Cluster
    other: Cluster


def clash(clusters: Iterable[Cluster]) -> Clash | None:
    """Return two values of a register that exclude each other, or None.

    A write that nobody answered nor saw may not have happened; it excludes nothing.
    """
    seen = [one for one in clusters if one.finish != float("inf")]
    for one in seen:
        if one.first_read < one.asked:
            return Clash(one, one)
    lasting = sorted((one for one in seen if one.finish < one.start), key=_finish)
    for before, after in pairwise(lasting):
        if after.finish < before.start:
            return Clash(before, after)
    finishes = [one.finish for one in lasting]
    for one in seen:
        if one.finish > one.start:
            index = bisect_left(finishes, one.start) - 1
            if index >= 0 and one.finish < lasting[index].start:
                return Clash(lasting[index], one)
    return None


def _finish(cluster: Cluster) -> float:
    return cluster.finish
