"""Writes a card as `card.parse` reads it: to save one that a program made, or to begin with."""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from clients.lab.cards import vocabulary
from clients.lab.cards.card import WORLD, Card, Settings
from redird.presets import PRESETS

WIDTH = 88


def render(card: Card) -> str:
    """Write a card as `parse` reads it."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Card) -> Iterator[str]:
    yield f"title = {_string(card.title)}"
    yield f"sources = {_value(list(card.sources))}"
    yield from _block("story", _wrapped(card.story))
    for key in ("cannot", "nearest"):
        if text := getattr(card, key):
            yield from _block(key, _wrapped(text))
    if card.presets != tuple(PRESETS):
        yield f"presets = {_value(list(card.presets))}"
    if card.hosts != 1:
        yield f"hosts = {card.hosts}"
    if card.steps:
        yield from _block("steps", [vocabulary.render(step) for step in card.steps])
    for key in WORLD:
        yield from _section(key, getattr(card, key))
    for presets, outcomes in card.expected.items():
        counts = {label: _count(text) for label, text in outcomes.items()}
        yield from _section(f"expected.{_key(presets)}", counts, even_empty=True)


def _count(text: str) -> str | int:
    """A count reads better without quotes."""
    return int(text) if re.fullmatch(r"0|[1-9][0-9]{0,8}", text) else text


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _block(key: str, lines: Sequence[str]) -> Iterator[str]:
    if any('"' in line or "\\" in line or not line.isprintable() for line in lines):
        yield f"{key} = {_string(chr(10).join(lines))}"
        return
    yield f'{key} = """'
    yield from lines
    yield '"""'


def _section(name: str, values: Settings, *, even_empty: bool = False) -> Iterator[str]:
    if values or even_empty:
        yield f"\n[{name}]"
    for key, value in values.items():
        yield f"{_key(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    return _string(value) if isinstance(value, str) else json.dumps(value)


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _string(text)


def _string(text: str) -> str:
    """A basic string of TOML: as in JSON, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
