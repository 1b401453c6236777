"""What ought to happen in some run, so that the checkers had something to look at."""

from clients.lab.checking.sometimes.sight import Sight

SOMETIMES: dict[str, type[Sight]] = {}

__all__ = ["SOMETIMES", "Sight"]
