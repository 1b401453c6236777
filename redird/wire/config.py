"""A TOML file to a frozen dataclass, strictly: unknown keys, wrong types and negative bounds
are errors that name the file, the key and what would be right.
"""

import tomllib
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")
NUMBER_MAX = 10**15  # thirty million years in seconds; every integer up to it is exact


class ConfigError(Exception):
    """A configuration that cannot be used; the text names the place and the way out."""


def load(cls: type[C], path: Path) -> C:
    """Read the TOML file at `path` into a `cls`; raises ConfigError."""
    return build(cls, read_table(path), str(path))


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises ConfigError."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or '').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


@contextmanager
def naming(path: Path | None, *, options: bool) -> Iterator[None]:
    """Name the file in what is wrong with its sense; `options`: or they are to blame."""
    try:
        yield
    except ConfigError as error:
        if path is None:
            raise
        also = " and the options" if options else ""
        raise ConfigError(f"{path}{also}: {error}") from None


def build(cls: type[C], table: dict[str, Any], where: str) -> C:
    """Build a `cls` from a table; `where` names it in errors."""
    known: dict[str, Field[Any]] = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {key!r}; {hint}")
    missing = [name for name, field in known.items() if name not in table and _required(field)]
    if missing:
        raise ConfigError(f"{where}: {missing[0]!r} is missing")
    values = {key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()}
    return cls(**values)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arms = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        if type(value) is not dict:
            raise ConfigError(f"{where}: must be a table")
        return build(hint, value, where)  # type: ignore[arg-type]
    if origin in (Union, types.UnionType):
        return _value(arms[0], value, where)  # T | None: None is said by leaving the key out
    if origin is dict:
        if type(value) is not dict:
            raise ConfigError(f"{where}: must be a table")
        return {key: _value(arms[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin in (tuple, frozenset):
        if type(value) is not list:
            raise ConfigError(f"{where}: must be a list")
        return origin(_value(arms[0], item, where) for item in value)
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and type(value) is int:
        value = float(value)
    if hint is not Any and type(value) is not hint:
        raise ConfigError(f"{where}: must be {_NAMES[hint]}, not {value!r}")
    if hint in (int, float) and not value >= 0:
        raise ConfigError(f"{where}: must not be negative, nor NaN: {value!r}")
    if hint in (int, float) and value > NUMBER_MAX:
        raise ConfigError(f"{where}: must be at most {NUMBER_MAX:.0e}: {value!r}")
    return value


_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
