"""Handles whose redirector is away: kept for a while, in case it comes back for them.

A lost link gives every slot back at once (MS-SMB2 3.3.7.1), but what a named redirector had
open stays open, with its locks and leases, under the tree that it was open under. All are kept
for the same time, so the order in which they came is the order in which they are due, and what
expiry costs depends on what is due, not on what is kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may take handles up again: this user of this redirector, on this share."""

    lessee: str
    user: str
    share: str


@dataclass(slots=True)
class _Kept:
    """What is left of a tree; the handles are in the order in which they were opened."""

    owner: Owner
    until: float
    handles: dict[int, None] = field(default_factory=dict)


class DurableTable:
    """All handles that are kept, by tree and number. `now` is seconds on any one clock."""

    def __init__(self, age_max_s: float) -> None:
        self._age_max_s = age_max_s
        self._trees: dict[int, _Kept] = {}
        self._count = 0
        self._kept = self._reclaimed = self._expired = 0

    def keep(self, tree: int, owner: Owner, handles: Iterable[int], now: float) -> None:
        """The link of a tree is lost; its number is never used again."""
        kept = _Kept(owner, now + self._age_max_s, dict.fromkeys(handles))
        if kept.handles:
            self._trees[tree] = kept
            self._count += len(kept.handles)
            self._kept += len(kept.handles)

    def until(self, tree: int, number: int) -> float | None:
        """Return when a handle expires, or None if it is not kept."""
        kept = self._trees.get(tree)
        return kept.until if kept is not None and number in kept.handles else None

    def owner(self, tree: int, number: int) -> Owner | None:
        """Return who may take a handle up again, or None if it is not kept."""
        kept = self._trees.get(tree)
        return kept.owner if kept is not None and number in kept.handles else None

    def of(self, tree: int, owner: Owner) -> list[int]:
        """Return the handles kept of a tree, if it was the `owner`'s."""
        kept = self._trees.get(tree)
        return list(kept.handles) if kept is not None and kept.owner == owner else []

    def reclaim(self, tree: int, number: int) -> None:
        """Its redirector is back and uses it again."""
        self.drop(tree, number)
        self._reclaimed += 1

    def drop(self, tree: int, number: int) -> bool:
        """It is closed, or was never kept; returns whether it was."""
        kept = self._trees.get(tree)
        if kept is None or number not in kept.handles:
            return False
        del kept.handles[number]
        self._count -= 1
        if not kept.handles:
            del self._trees[tree]
        return True

    def next_due(self) -> float | None:
        """Return when the next handles expire, or None if none are kept."""
        first = next(iter(self._trees.values()), None)
        return None if first is None else first.until

    def due(self, now: float, count_max: int) -> list[tuple[int, int]]:
        """Take the first handles that are due, as (tree, number), `count_max` at most."""
        found = list(islice(self._due(now), count_max))
        for tree, number in found:
            self.drop(tree, number)
        self._expired += len(found)
        return found

    def _due(self, now: float) -> Iterator[tuple[int, int]]:
        for tree, kept in self._trees.items():
            if kept.until > now:
                return
            for number in kept.handles:
                yield tree, number

    def oldest(self) -> tuple[int, int] | None:
        """Return the handle kept for the longest time, as (tree, number)."""
        for tree, kept in self._trees.items():
            return tree, next(iter(kept.handles))
        return None

    def __len__(self) -> int:
        return self._count

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "handles_durable": self._count,
            "handles_kept": self._kept,
            "handles_reclaimed": self._reclaimed,
            "handles_expired": self._expired,
        }

    def validate(self) -> None:
        """Assert that the count is right, nothing empty is left, and all are in order."""
        trees = list(self._trees.values())
        assert self._count == sum(len(one.handles) for one in trees)
        assert all(one.handles for one in trees)
        assert all(one.until <= two.until for one, two in pairwise(trees))
        assert self._kept >= self._count + self._reclaimed + self._expired
