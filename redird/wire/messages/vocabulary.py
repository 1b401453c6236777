"""How a dataclass becomes a message: known by its class name, its fields checked by type."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

from redird.wire.schema import Codec, Record

MESSAGES: dict[str, type["Message"]] = {}

M = TypeVar("M", bound=type[Record])


class Message(Record):
    """A record that can stand alone in a frame."""

    __slots__ = ()


@dataclass_transform(frozen_default=True)
def record(cls: M) -> M:
    """Make `cls` a record that travels inside messages."""
    made = dataclass(frozen=True, slots=True)(cls)
    made.codec = Codec(made)
    return made  # type: ignore[return-value]


@dataclass_transform(frozen_default=True)
def message(cls: M) -> M:
    """Make `cls` a message known by its class name."""
    made = record(cls)
    MESSAGES[made.__name__] = made  # type: ignore[assignment]
    return made
