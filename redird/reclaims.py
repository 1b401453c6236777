"""What is decided about a lost link: when to dial again, and what is taken up again.

A connection whose session is gone, and a file that nobody has open, are not: their slots and
handles are free, and that is for the best.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from redird.holdings import Connection, Handle
from redird.sessions import Session

PAGE_MAX = 500  # handles in one Reclaim, whose answer tells of each file
TREES_MAX = 8  # earlier ones of a connection, where handles may still be found


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a lost link is dialled again, and after which pauses. 0: not at all."""

    max_s: float
    first_s: float = 0.05
    pause_max_s: float = 1.0

    def pause_s(self, attempts: int, chance: float) -> float:
        """Return the pause after so many attempts; `chance` in [0, 1) spreads redirectors."""
        longest: float = min(self.first_s * 2 ** min(attempts - 1, 30), self.pause_max_s)
        return longest * (0.5 + chance / 2)


@dataclass(slots=True, eq=False)
class Taken:
    """What one attempt has taken up; nothing of it counts before all is done."""

    sessions: dict[Session, int] = field(default_factory=dict)
    trees: dict[Connection, tuple[int, bool]] = field(default_factory=dict)
    handles: dict[Handle, None] = field(default_factory=dict)
    unlocked: dict[Handle, None] = field(default_factory=dict)  # of these, by somebody else
    acknowledged: bool = False  # what the server had answered
    ended: set[int] = field(default_factory=set)  # trees that were taken away again


def sessions_of(sessions: Iterable[Session], link: str) -> list[Session]:
    """Return who goes on over a link."""
    return [one for one in sessions if one.goes_on and link in one.upstream]


def is_taken_up(connection: Connection) -> bool:
    """Whether a connection is to have a slot again."""
    return (
        connection.tree is not None
        and connection.left_at is None
        and connection.session.goes_on
    )


def pages(handles: Sequence[Handle]) -> Iterator[tuple[tuple[Handle, ...], bool]]:
    """Return handles as one Reclaim after the other names them; at least one, if of none.

    With each: whether there are more to come.
    """
    for start in range(0, max(len(handles), 1), PAGE_MAX):
        yield tuple(handles[start : start + PAGE_MAX]), start + PAGE_MAX < len(handles)


def came_before(connection: Connection, tree: int) -> None:
    """Handles of a connection may be under `tree` at the server from now on.

    It comes last, also if a server that forgot gives an old number anew.
    """
    earlier = (one for one in connection.trees if one != tree)
    connection.trees = (*earlier, tree)[-TREES_MAX:]
