"""What is shared: a name, a directory, and a limit on how many connections may use it."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """One share. `uses_max` None: no limit; empty `users`: everybody who can log on.

    `ignore_case`: a name is found however its letters are written.
    """

    name: str
    path: str
    uses_max: int | None = None
    read_only: bool = False
    users: frozenset[str] = frozenset()
    comment: str = ""
    paused: bool = False
    ignore_case: bool = False

    def admits(self, user: str) -> bool:
        """Whether `user` may use the share at all."""
        return not self.users or user in self.users


class Shares:
    """All shares of a server, found by name without regard to case, as NT does."""

    def __init__(self, shares: list[Share]) -> None:
        self._by_name = {share.name.casefold(): share for share in shares}

    def find(self, name: str) -> Share | None:
        """Return the share of that name, or None."""
        return self._by_name.get(name.casefold())

    def __iter__(self) -> Iterator[Share]:
        return iter(self._by_name.values())
