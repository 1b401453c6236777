"""How ours and a peer's are measured: in turns, medians of the rounds compared."""

from dataclasses import dataclass

from clients.lab.replaying.playing import DAEMON

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Turns:
    """How long each turn lasts, how many there are of each, how our clients come."""

    seconds: int
    rounds: int = ROUNDS
    through: str = DAEMON
