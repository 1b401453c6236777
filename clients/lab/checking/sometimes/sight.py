"""Something worth reaching: it hears of a run as checkers do, and counts."""

from clients.lab.checking.checker import Listeners, Run
from clients.lab.checking.history import Event


class Sight:
    """Counts how often something was seen; never fails. `name` says what, in the past."""

    name = ""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.count = 0

    def listeners(self) -> Listeners:
        """What it wants to hear of."""
        raise NotImplementedError

    def see(self, seen: object = True) -> None:
        """It was seen, if so."""
        self.count += bool(seen)

    def always(self, _: object) -> None:
        """Count whatever is heard."""
        self.count += 1


def host_of(event: Event) -> str:
    """The host whose wire to the server a message came over; empty for any other wire."""
    host, _, to = str(event["wire"]).rpartition("-")
    return host if to == "server" else ""
