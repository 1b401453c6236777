"""Slots that were held when the server died: for a while nobody else may have them.

A redirector that comes back names the tree it had. Until all have come, or the time is over,
whoever else wants a slot of any share waits, so that no newcomer takes the place of somebody
who is still at work.
"""

from shareserver.durable import Owner


class Grace:
    """The recorded uses that nobody has taken up again yet, by their tree."""

    def __init__(self) -> None:
        self._recorded: dict[int, tuple[Owner, int]] = {}
        self.until = 0.0

    def expect(self, tree: int, owner: Owner, since_ns: int) -> None:
        """It was held when the server died."""
        self._recorded[tree] = owner, since_ns

    def take_up(self, tree: int, owner: Owner) -> bool:
        """Its owner is back; False if it never was theirs, or was taken up already."""
        if self._recorded.get(tree, (None, 0))[0] != owner:
            return False
        del self._recorded[tree]
        return True

    def end(self) -> list[int]:
        """The time is over; returns the trees that nobody came back for."""
        left = list(self._recorded)
        self._recorded.clear()
        return left

    def all(self) -> list[tuple[int, Owner, int]]:
        """Return what is waited for, as (tree, owner, since_ns)."""
        return [(tree, *what) for tree, what in self._recorded.items()]

    def __len__(self) -> int:
        return len(self._recorded)
