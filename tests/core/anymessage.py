"""Messages as an attacker makes them: every field fits its annotation, and what a daemon keys
its tables by is often a number that it has given to this peer, or to another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from redird.wire import files as f
from redird.wire.messages import MESSAGES, Message, Payload
from redird.wire.schema import Record

SMALL = tuple(range(10))
LARGE = (f.ACCESS_ALL, f.FILE_READ_DATA | f.FILE_WRITE_DATA, 1 << 20, 1 << 40, 2**63 - 1)
INTEGERS = st.sampled_from([*6 * SMALL, *LARGE, 2**32, -1, -2, -(2**63)])
NAMES = ("a", "b", "d", "d/a", "out", "round", "docs", "server", "guest", "u1", "nt", "user.x")
HOSTILE = ("", ".", "..", "../a", "a/../..", "/a", "a//b", "\0", "x" * 300, "é" * 9)
WORDS = st.text(st.characters(codec="utf-8"), max_size=9)
TEXTS = st.sampled_from(NAMES) | st.sampled_from(HOSTILE) | WORDS
PLAIN = st.none() | st.booleans() | INTEGERS | TEXTS | st.binary(max_size=9)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: INTEGERS,
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    str: TEXTS,
    bytes: st.binary(max_size=20),
    type(None): st.none(),
    Any: PLAIN | st.lists(PLAIN, max_size=3),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that fits an annotation."""
    arms = get_args(hint)
    if hint == Payload:
        return st.binary(max_size=64)
    if isinstance(hint, type) and issubclass(hint, Record):
        return messages(hint)
    if get_origin(hint) is Union or type(hint).__name__ == "UnionType":
        return st.one_of(*map(values, arms))
    if get_origin(hint) is dict:
        return st.dictionaries(WORDS, values(arms[1]), max_size=2)
    if get_origin(hint) is tuple and arms[-1] is Ellipsis:
        return st.lists(values(arms[0]), max_size=4).map(tuple)
    return st.tuples(*map(values, arms)) if get_origin(hint) is tuple else SCALARS[hint]


def messages(cls: type[Record]) -> st.SearchStrategy[Any]:
    """Any record of a class."""
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{one.name: values(hints[one.name]) for one in fields(cls)})  # type: ignore[arg-type]


def any_message(kinds: Iterable[type[Message]]) -> st.SearchStrategy[Message]:
    """Mostly one of these kinds, each as likely as the other; now and then any at all."""
    likely = sorted(kinds, key=lambda cls: cls.__name__)
    times = 5 * len(MESSAGES) // len(likely)
    return st.sampled_from([*times * likely, *MESSAGES.values()]).flatmap(messages)


def aimed(message: Message, known: Mapping[str, Sequence[int]]) -> Message:
    """Return the message with numbers that are known where it has small ones."""
    changes = {}
    for name, numbers in known.items():
        value = getattr(message, name, None)
        if type(value) is int and 0 <= value < 10:
            changes[name] = numbers[value % len(numbers)]
    return replace(message, **changes)  # type: ignore[type-var]
