"""Something worth reaching: it hears of a run as checkers do, and counts."""

from clients.lab.checking.checker import Listeners, Run


class Sight:
    """Counts how often something was seen; never fails."""

    name = ""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.count = 0

    def listeners(self) -> Listeners:
        """What it wants to hear of."""
        raise NotImplementedError
