"""Turns annotated dataclasses into checked positional arrays and back.

A message travels as an array of its fields. What may stand in each place is read once from the
annotations: `int`, `float`, `bool`, `str`, `bytes`, unions of those with
`None`, `tuple[X, ...]`, `tuple[X, Y]`, `dict[str, Any]` (plain values) and other records. A
`Payload` is bulk data: it travels beside the header, never in it, and must be the last field.
"""

import types
from collections.abc import Callable
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from redird.wire.errors import RemoteProtocolError

Payload = Annotated[bytes, "payload"]
Check = Callable[[Any], Any]


class Record:
    """Base of everything that travels; subclasses are frozen dataclasses with slots."""

    __slots__ = ()
    codec: ClassVar["Codec"]


class Codec:
    """How one record class travels.

    Whether a scalar field is acceptable depends on its type alone, so a combination of types
    that was checked once is looked up from then on; only structured fields are checked anew.
    """

    def __init__(self, cls: type[Record]) -> None:
        hints = get_type_hints(cls, include_extras=True)
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        self.cls = cls
        self.name = cls.__name__
        self.payload = names.pop() if names and hints[names[-1]] == Payload else None
        self._checks = [_check_for(hints[name]) for name in names]
        self._structured = [
            (index, check)
            for index, (name, check) in enumerate(zip(names, self._checks, strict=True))
            if not _is_flat(hints[name])
        ]
        self._required = sum(
            field.default is MISSING and field.default_factory is MISSING
            for field in fields(cls)  # type: ignore[arg-type]
            if field.name != self.payload
        )
        self._get = _getter(names)
        self._accepted: set[tuple[type, ...]] = set()

    def to_fields(self, record: Record) -> list[Any]:
        """Return the header fields of `record`, nested records as lists."""
        values = list(self._get(record))
        for index, _ in self._structured:
            values[index] = _plain(values[index])
        return values

    def from_fields(self, values: list[Any], payload: bytes = b"") -> Any:
        """Build the record from header fields; RemoteProtocolError if they do not fit."""
        try:
            if tuple(map(type, values)) in self._accepted:
                for index, check in self._structured:
                    if index < len(values):
                        values[index] = check(values[index])
            else:
                values = self._checked(values)
        except TypeError as error:
            raise RemoteProtocolError(f"{self.name}: {error}") from None
        if self.payload is not None:
            return self.cls(*values, **{self.payload: payload})
        if payload:
            raise RemoteProtocolError(f"{self.name} with a payload")
        return self.cls(*values)

    def _checked(self, values: list[Any]) -> list[Any]:
        if not self._required <= len(values) <= len(self._checks):
            raise RemoteProtocolError(f"{self.name} with {len(values)} fields")
        checked = [check(value) for check, value in zip(self._checks, values, strict=False)]
        structured = {index for index, _ in self._structured}
        kept = all(
            index in structured or type(new) is type(old)
            for index, (new, old) in enumerate(zip(checked, values, strict=True))
        )
        if kept:
            self._accepted.add(tuple(map(type, values)))
        return checked


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda record: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda record: (get(record),)


def _is_flat(hint: Any) -> bool:
    return hint in (int, float, bool, str, bytes) or (
        get_origin(hint) in (Union, types.UnionType)
        and all(arm is type(None) or _is_flat(arm) for arm in get_args(hint))
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.codec.to_fields(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _check_for(hint: Any) -> Check:
    origin = get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, Record):
        return _record(hint)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint))
    if origin is tuple:
        return _tuple(get_args(hint))
    if origin is dict:
        return _mapping
    return _SCALARS[hint]


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{_shown(value)} is not a number")
    return float(value)


def _exactly(kind: type) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{_shown(value)} is not of type {kind.__name__}")
        return value

    return check


_SCALARS: dict[Any, Check] = {
    int: _exactly(int),
    float: _number,
    bool: _exactly(bool),
    str: _exactly(str),
    bytes: _exactly(bytes),
    type(None): _exactly(type(None)),
    Any: lambda value: value,
}


def _record(cls: type[Record]) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not list:
            raise TypeError(f"{_shown(value)} is not a {cls.__name__}")
        return cls.codec.from_fields(value)

    return check


def _union(arms: tuple[Any, ...]) -> Check:
    checks = [_check_for(arm) for arm in arms]

    def check(value: Any) -> Any:
        for one in checks:
            try:
                return one(value)
            except TypeError:
                continue
        raise TypeError(f"{_shown(value)} is of none of the types {arms}")

    return check


def _tuple(arms: tuple[Any, ...]) -> Check:
    repeated = len(arms) == 2 and arms[1] is Ellipsis
    checks = [_check_for(arm) for arm in (arms[:1] if repeated else arms)]

    def check(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or not (repeated or len(value) == len(checks)):
            raise TypeError(f"{_shown(value)} does not fit tuple{arms}")
        if repeated:
            return tuple(checks[0](item) for item in value)
        return tuple(one(item) for one, item in zip(checks, value, strict=True))

    return check


def _mapping(value: Any) -> dict[str, Any]:
    if type(value) is not dict or any(type(key) is not str for key in value):
        raise TypeError(f"{_shown(value)} is not a map with string keys")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
