"""A card: a story, the world it happens in, its steps, and what is expected under each preset.

Every outcome that a step names must be expected, by default or for a preset, and nothing else.
`writing.render` is the inverse of `parse`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clients.lab.cards import vocabulary
from clients.lab.cards.vocabulary import CardError, Step
from redird.presets import PRESETS
from redird.wire.status import Status

HOSTS_MAX = 20
STEPS_MAX = 1000
DEFAULT = "default"
WORLD = ("share", "server", "redirector", "policy")
_TEXTS = ("title", "story", "steps", "cannot", "nearest")
_KEYS = (*_TEXTS, "sources", "presets", "hosts", *WORLD, "expected")
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """One scenario. With `cannot` it has no steps and says why, and what is `nearest`."""

    name: str
    title: str
    sources: tuple[str, ...]
    story: str
    steps: tuple[Step, ...] = ()
    expected: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    presets: tuple[str, ...] = tuple(PRESETS)
    hosts: int = 1
    share: Settings = field(default_factory=dict)
    server: Settings = field(default_factory=dict)
    redirector: Settings = field(default_factory=dict)
    policy: Settings = field(default_factory=dict)
    cannot: str = ""
    nearest: str = ""

    def expects(self, preset: str) -> dict[str, str]:
        """Return what is expected under a preset, by the names that the steps give."""
        found = dict(self.expected.get(DEFAULT, {}))
        for presets, outcomes in self.expected.items():
            if preset in presets.split():
                found |= outcomes
        return found

    @property
    def labels(self) -> list[str]:
        """The names of outcomes that the steps give."""
        return [step.label for step in self.steps if step.label]


# --- reading ----------------------------------------------------------------------------------


def parse(text: str, name: str, where: str = "", *, draft: bool = False) -> Card:
    """Read a card; raises CardError, which begins with `where` (the name, if not given).

    A draft need not expect anything yet.
    """
    try:
        try:
            table = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # the latter of ten thousand brackets
            raise CardError(f"not TOML: {error}") from None
        card = _build(table, name)
        require_sense(card, draft=draft)
        return card
    except CardError as error:
        raise CardError(f"{where or name}: {error}") from None


def _build(table: Mapping[str, Any], name: str) -> Card:
    if strangers := [key for key in table if key not in _KEYS]:
        raise CardError(f"unknown key {strangers[0]!r}; known keys: {', '.join(_KEYS)}")
    texts = {key: _text(table, key) for key in _TEXTS}
    return Card(
        name=name,
        title=_flat(texts["title"]),
        sources=_strings(table, "sources", ()),
        story=_flat(texts["story"]),
        steps=tuple(_steps(texts["steps"])),
        expected=_expected(table.get("expected", {})),
        presets=_strings(table, "presets", tuple(PRESETS)),
        hosts=_hosts(table.get("hosts", 1)),
        cannot=_flat(texts["cannot"]),
        nearest=_flat(texts["nearest"]),
        **{key: _table(table, key) for key in WORLD},
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if type(value) is not str:
        raise CardError(f"{key}: must be a string, not {value!r}")
    return value


def _strings(table: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = table.get(key, list(default))
    if type(value) is not list or not all(type(one) is str and one.strip() for one in value):
        raise CardError(f"{key}: must be a list of strings, not {value!r}")
    return tuple(_flat(one) for one in value)


def _table(table: Mapping[str, Any], key: str) -> Settings:
    value = table.get(key, {})
    if type(value) is not dict:
        raise CardError(f"{key}: must be a table, not {value!r}")
    return value


def _hosts(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= HOSTS_MAX:
        raise CardError(f"hosts: between 1 and {HOSTS_MAX}, not {value!r}")
    return value


def _steps(text: str) -> Iterator[Step]:
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith("#")]
    if len(told) > STEPS_MAX:
        raise CardError(f"{len(told)} steps: at most {STEPS_MAX}")
    for number, line in enumerate(told, 1):
        try:
            yield vocabulary.parse(line)
        except CardError as error:
            raise CardError(f"step {number}, {line!r}: {error}") from None


def _expected(value: Any) -> dict[str, dict[str, str]]:
    if type(value) is not dict or not all(type(one) is dict for one in value.values()):
        raise CardError("expected: must be a table of tables, `default` and presets")
    return {
        " ".join(presets.split()): {
            label: _outcome(f"expected.{presets}.{label}", text)
            for label, text in outcomes.items()
        }
        for presets, outcomes in value.items()
    }


def _outcome(where: str, value: Any) -> str:
    if type(value) not in (str, int):
        raise CardError(f"{where}: must be a string or a whole number, not {value!r}")
    for name in re.findall(r"\bSTATUS_\w+", str(value)):
        if name not in Status.__members__:
            raise CardError(f"{where}: there is no {name}; there are {', '.join(_near(name))}")
    return str(value)


def _near(name: str) -> list[str]:
    """Return the statuses that share a word with one that does not exist, or all."""
    words = set(name.split("_")[1:])
    known = list(Status.__members__)
    return [one for one in known if words & set(one.split("_")[1:])] or known


# --- making sense -----------------------------------------------------------------------------


def require_sense(card: Card, *, draft: bool = False) -> None:
    """Refuse what could not be played, or would pass without saying anything."""
    _require_said(card)
    if card.cannot:
        if card.steps or card.expected:
            raise CardError("a card says why it `cannot` be played, or has steps: not both")
        return
    if not card.labels:
        raise CardError("nothing is compared: let a step end in `-> NAME`, and expect it")
    if not draft:
        _require_expectations(card)
    _require_cast(card)


def _require_said(card: Card) -> None:
    needed = ("title", "story", "nearest") if card.cannot else ("title", "story")
    for key in needed:
        if not getattr(card, key):
            raise CardError(f"{key!r} is missing")
    if not card.sources:
        raise CardError("'sources' is missing: a list, such as [\"KB Q248371\"]")
    if unknown := [one for one in card.presets if one not in PRESETS]:
        raise CardError(f"preset {unknown[0]!r}: there are {', '.join(PRESETS)}")
    if not card.presets or len({*card.presets}) < len(card.presets):
        raise CardError("presets: at least one, and each once")


def _require_expectations(card: Card) -> None:
    labels = card.labels
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise CardError(f"two steps give {twice[0]!r}")
    seen: list[str] = []
    for presets, outcomes in card.expected.items():
        if strangers := [label for label in outcomes if label not in labels]:
            raise CardError(
                f"expected.{presets}: no step gives {strangers[0]!r}; there are"
                f" {', '.join(labels)}"
            )
        seen += _presets_of(card, presets)
    if twice := [preset for preset in seen if seen.count(preset) > 1]:
        raise CardError(f"expected: {twice[0]} is named twice")
    for preset in card.presets:
        if missing := [label for label in labels if label not in card.expects(preset)]:
            raise CardError(f"expected: nothing is said of {missing[0]!r} under {preset}")


def _presets_of(card: Card, presets: str) -> Sequence[str]:
    if presets == DEFAULT:
        return []
    if strangers := [one for one in presets.split() if one not in card.presets]:
        raise CardError(
            f"expected: {strangers[0]!r} is not among the card's presets:"
            f" {DEFAULT}, {', '.join(card.presets)}"
        )
    return presets.split()


def _require_cast(card: Card) -> None:
    """Who acts was there before, with the files it names."""
    cast: set[str] = set()
    files: set[tuple[str, str]] = set()
    for number, step in enumerate(card.steps, 1):
        where = f"step {number}, {vocabulary.render(step)!r}"
        if strangers := [host for host in step.hosts if int(host[4:]) > card.hosts]:
            raise CardError(f"{where}: {strangers[0]}, but `hosts` is {card.hosts}")
        people = [*step.people, *([step.words["one"]] if "one" in step.words else [])]
        if step.verb == "logon":
            cast.update(people)
        if strangers := [one for one in people if one not in cast]:
            raise CardError(f"{where}: {strangers[0]} never logged on before")
        if "file" in step.words:
            theirs = {(one, step.words["file"]) for one in step.people}
            if step.verb in ("open", "alone"):
                files |= theirs
            if not theirs <= files:
                raise CardError(f"{where}: no file was opened as {step.words['file']} before")
