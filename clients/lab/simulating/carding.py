"""A shrunk trial as a scenario card, where the language of cards can say it."""

from clients.lab.simulating.trial import Trial
from clients.lab.simulating.watching import Failure


def card_of(trial: Trial, failure: Failure) -> tuple[str, str]:
    """Return a card that fails as the trial does, or why there is none."""
    return "", "cards are not written yet"
