"""What came of a card under one preset, and how it differs from what was expected."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from clients.lab.cards import vocabulary
from clients.lab.cards.card import DEFAULT, Card

SUCCESS = "STATUS_SUCCESS"
DONE = "done"  # of a step that nobody could refuse
SKIPPED = "skipped"  # what it needs was refused before
SHOWN_FROM_S = 0.05  # a step that took less took no time worth telling


@dataclass(frozen=True, slots=True)
class Happening:
    """One step as it went; times are seconds since the stage was opened.

    `outcomes` are its users', in their order; of a look, the one thing seen.
    """

    step: int
    began_s: float
    ended_s: float
    outcomes: tuple[str, ...]
    detail: str = ""

    @property
    def outcome(self) -> str:
        """The outcomes in a few words; equal ones are counted."""
        counts = Counter(self.outcomes)
        if len(self.outcomes) == 1:
            return self.outcomes[0]
        told = sorted(counts, key=lambda one: (not one.startswith(SUCCESS), one))
        return ", ".join(f"{counts[one]} x {one}" for one in told)


@dataclass(frozen=True, slots=True)
class Played:
    """One card under one preset. `trouble`: what the stage itself found wrong at the end."""

    preset: str
    happenings: tuple[Happening, ...]
    trouble: str = ""


def after(outcome: str, seconds: float) -> str:
    """Add how long it took to an outcome, if that is worth telling."""
    return outcome if seconds < SHOWN_FROM_S else f"{outcome} after {seconds:.4g} s"


def measured(card: Card, played: Played) -> dict[str, str]:
    """Return the outcomes that the card names."""
    return {
        card.steps[one.step - 1].label: one.outcome
        for one in played.happenings
        if card.steps[one.step - 1].label
    }


def differences(card: Card, played: Played) -> list[str]:
    """Say each thing that went otherwise than expected; nothing if the card holds."""
    expected, found = card.expects(played.preset), measured(card, played)
    said = [
        f"{label}: expected {expected[label]}, got {found.get(label, 'nothing')}"
        for label in card.labels
        if expected[label] != found.get(label)
    ]
    said += [
        f"step {one.step}, {vocabulary.render(card.steps[one.step - 1])!r}: {one.outcome},"
        " and no other outcome than success is expected of it"
        for one in played.happenings
        if not card.steps[one.step - 1].label and not went_well(one.outcomes)
    ]
    return said + ([played.trouble] if played.trouble else [])


def expecting(card: Card, plays: Sequence[Played]) -> Card:
    """Return the card with what was measured as what is expected.

    The default is what most presets gave; those that differ alike share a table.
    """
    found = {one.preset: measured(card, one) for one in plays}
    default = {
        label: Counter(outcomes[label] for outcomes in found.values()).most_common(1)[0][0]
        for label in card.labels
    }
    others: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for preset, outcomes in found.items():
        differs = tuple(one for one in outcomes.items() if default[one[0]] != one[1])
        if differs:
            others.setdefault(differs, []).append(preset)
    expected = {" ".join(presets): dict(differs) for differs, presets in others.items()}
    return replace(card, expected={DEFAULT: default} | expected)


def went_well(outcomes: Sequence[str]) -> bool:
    """Whether nothing was refused; what had to be skipped has its reason elsewhere."""
    return all(one.startswith((SUCCESS, SKIPPED, DONE)) for one in outcomes)


def row(card: Card, played: Played) -> dict[str, Any]:
    """Return the documented object of one preset."""
    different = differences(card, played)
    return {
        "ok": not different,
        "expected": card.expects(played.preset),
        "measured": measured(card, played),
        "differences": different,
        "steps": [
            {
                "step": vocabulary.render(card.steps[one.step - 1]),
                "at_s": round(one.began_s, 6),
                "ended_s": round(one.ended_s, 6),
                "outcome": one.outcome,
                "detail": one.detail,
            }
            for one in played.happenings
        ],
    }
