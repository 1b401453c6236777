"""Every message travels whole, and nothing that does not fit its annotations gets in."""

import types
from copy import deepcopy
from dataclasses import MISSING, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redird.wire.errors import RemoteProtocolError
from redird.wire.framing import PEER, FrameDecoder, decode_header, encode_frame
from redird.wire.messages import MESSAGES, Payload
from redird.wire.schema import Record

NAMES = sorted(MESSAGES)
every_message = pytest.mark.parametrize("name", NAMES)
INT64 = st.integers(-(2**63), 2**63 - 1)


def hints_of(cls):
    """The fields that travel in the header, by name."""
    hints = get_type_hints(cls, include_extras=True)
    return {one.name: hints[one.name] for one in fields(cls) if hints[one.name] != Payload}


def required(cls):
    hints = hints_of(cls)
    return sum(
        one.name in hints and one.default is MISSING and one.default_factory is MISSING
        for one in fields(cls)
    )


def is_record(hint):
    return isinstance(hint, type) and issubclass(hint, Record)


def is_union(hint):
    return get_origin(hint) in (Union, types.UnionType)


# --- round trips ------------------------------------------------------------------------------

plain = st.none() | st.booleans() | INT64 | st.text(max_size=9) | st.binary(max_size=9)
SCALARS = {
    int: INT64,
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    str: st.text(max_size=20),
    bytes: st.binary(max_size=20),
    type(None): st.none(),
    Any: plain | st.lists(plain, max_size=3),
}


def values(hint):
    """Anything that fits an annotation."""
    arms = get_args(hint)
    if hint == Payload:
        return st.binary(max_size=100)
    if is_record(hint):
        return records(hint)
    if is_union(hint):
        return st.one_of(*map(values, arms))
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(max_size=9), values(arms[1]), max_size=3)
    if get_origin(hint) is tuple and arms[-1] is Ellipsis:
        return st.lists(values(arms[0]), max_size=3).map(tuple)
    return st.tuples(*map(values, arms)) if get_origin(hint) is tuple else SCALARS[hint]


def records(cls):
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{one.name: values(hints[one.name]) for one in fields(cls)})


def sent_and_received(record):
    codec = record.codec
    payload = getattr(record, codec.payload) if codec.payload else b""
    decoder = FrameDecoder(PEER)
    decoder.receive_data(b"".join(encode_frame(codec.to_fields(record), payload)))
    frame = decoder.next_frame()
    assert frame is not None
    header, data = frame
    return codec.from_fields(decode_header(header), data)


@every_message
@settings(max_examples=12)
@given(data=st.data())
def test_a_message_arrives_as_it_was_sent(name, data):
    sent = data.draw(records(MESSAGES[name]))

    assert repr(sent) == repr(sent_and_received(sent))  # the types too: 1 is not True


def test_messages_are_known_by_their_class_names():
    assert len(MESSAGES) > 50
    assert NAMES == sorted(cls.__name__ for cls in MESSAGES.values())


# --- what does not fit ------------------------------------------------------------------------

CANDIDATES: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.5, 1.0, "", "x", b"", b"x", [], {}),
    *([None], [1], ["x"], [[1, 2]], [[1]], [[1, 2, 3]], [["Echo"]], [{}], {"a": 1}),
    *({1: 2}, {b"a": 1}, {"a": 1, None: 2}),
]


def fits(hint, value):
    """Say it anew, from the docstring of `wire.schema`."""
    arms, kind = get_args(hint), type(value)
    if is_record(hint):
        return kind is list and fields_fit(hint, value)
    if is_union(hint):
        return any(fits(arm, value) for arm in arms)
    if get_origin(hint) is dict:
        return kind is dict and all(type(key) is str for key in value)
    if get_origin(hint) is tuple:
        shape = arms[:1] * len(value) if kind is list and arms[-1] is Ellipsis else arms
        return kind is list and len(shape) == len(value) and all(map(fits, shape, value))
    return fits_scalar(hint, value)


def fits_scalar(hint, value):
    return hint is Any or type(value) in ((int, float) if hint is float else (hint,))


def fields_fit(cls, values):
    hints = list(hints_of(cls).values())
    return required(cls) <= len(values) <= len(hints) and all(map(fits, hints, values))


def example(hint):
    """One header value that fits."""
    if is_record(hint):
        return [example(one) for one in hints_of(hint).values()]
    if get_origin(hint) is tuple:
        return [] if get_args(hint)[-1] is Ellipsis else [example(a) for a in get_args(hint)]
    return next(value for value in CANDIDATES if fits(hint, value))


def is_accepted(cls, header, payload=b""):
    try:
        made = cls.codec.from_fields(deepcopy(header), payload)
    except RemoteProtocolError:
        return False
    assert isinstance(made, cls)
    return True


@every_message
def test_a_field_is_accepted_exactly_if_it_fits_its_annotation(name):
    cls = MESSAGES[name]
    for place, hint in enumerate(hints_of(cls).values()):
        for candidate in CANDIDATES * 2:  # a combination seen before is no exception
            header = example(cls)
            header[place] = candidate

            assert fits(hint, candidate) is is_accepted(cls, header), (place, candidate)


def classes(found):
    """These and every record that travels inside them."""
    for cls in found:
        yield cls
        hints = hints_of(cls).values()
        yield from classes(
            one for hint in hints for one in (hint, *get_args(hint)) if is_record(one)
        )


def places():
    """Every field of everything that travels, with its place in the header."""
    for cls in set(classes(MESSAGES.values())):
        for place, (name, hint) in enumerate(hints_of(cls).items()):
            yield cls, place, name, hint


def test_a_number_becomes_a_float_wherever_one_is_expected():
    floats = [place for place in places() if place[-1] in (float, float | None)]
    assert floats
    for cls, place, name, _ in floats:
        for number in (2, 2.0, 2):
            header = example(cls)
            header[place] = number

            assert "2.0" == repr(getattr(cls.codec.from_fields(header), name))


def test_the_fields_of_records_inside_are_held_to_the_same():
    for cls, place, name, hint in places():
        repeated = get_origin(hint) is tuple and is_record(get_args(hint)[0])
        inner = get_args(hint)[0] if repeated else hint
        for bad in wrong_records(inner) if is_record(inner) else ():
            header = example(cls)
            header[place] = [example(inner), bad] if repeated else bad

            assert not is_accepted(cls, header), (cls, name, bad)


def wrong_records(cls):
    good = example(cls)
    yield from (good[:-1], [*good, None], good[0])
    for place, hint in enumerate(hints_of(cls).values()):
        for candidate in CANDIDATES:
            if not fits(hint, candidate):
                yield [*good[:place], candidate, *good[place + 1 :]]


def test_trailing_fields_with_defaults_may_be_left_out_and_no_others():
    for cls in MESSAGES.values():
        whole = [*example(cls), 0]
        lengths = range(len(whole) + 1)
        accepted = [length for length in lengths if is_accepted(cls, whole[:length])]

        assert list(range(required(cls), len(whole))) == accepted, cls


def test_a_payload_comes_only_with_messages_that_have_one():
    for cls in MESSAGES.values():
        has_one = Payload in get_type_hints(cls, include_extras=True).values()

        assert has_one is is_accepted(cls, example(cls), b"bulk"), cls


def test_refusals_say_what_was_wrong_in_a_bounded_line():
    with pytest.raises(RemoteProtocolError) as caught:
        MESSAGES["TreeConnect"].codec.from_fields(["9" * 10_000, "docs"])

    assert "TreeConnect" in str(caught.value)
    assert "is not of type int" in str(caught.value)
    assert len(str(caught.value)) < 200
