"""Headers are plain, or refused with RemoteProtocolError and nothing else.

It holds for the C msgpack and for the pure one alike.
"""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgpack import _cmsgpack, fallback

from redird.wire.errors import RemoteProtocolError
from redird.wire.framing import DEPTH_MAX, decode_header
from tests.core.wires import UNPACKERS, headers

both_msgpacks = pytest.mark.parametrize("unpackb", UNPACKERS.values(), ids=UNPACKERS)


def test_both_msgpacks_are_really_two():
    assert msgpack.unpackb is _cmsgpack.unpackb
    assert _cmsgpack.unpackb is not fallback.unpackb


def nested(depth, opening=b"\x91"):
    """An array in an array ..., `depth` of them."""
    return opening * (depth - 1) + b"\x90"


NOT_PLAIN = {
    "nothing": b"",
    "an integer": b"\x01",
    "nil": b"\xc0",
    "a string": b"\xa1a",
    "a map": b"\x80",
    "fixext 1": b"\x91\xd4\x05\x00",
    "fixext 16": b"\x91\xd8\x05" + bytes(16),
    "ext 8": b"\x91\xc7\x05\x05hello",
    "an empty ext": b"\x91\xc7\x00\x05",
    "ext 32": b"\x91\xc9\x00\x00\x00\x01\x7f\x00",
    "an ext in a map": b"\x91\x81\xa1a\xd4\x05\x00",
    "Timestamp 32": b"\x91\xd6\xff\x00\x00\x00\x01",
    "Timestamp 64": b"\x91\xd7\xff" + bytes(8),
    "Timestamp 96": b"\x91\xc7\x0c\xff" + bytes(12),
    "a Timestamp of too many nanoseconds": b"\x91\xc7\x0c\xff" + b"\xff" * 12,
    "a Timestamp of no known length": b"\x91\xd5\xff\x00\x00",
    "a Timestamp in a map": b"\x91\x81\xa1a\xd6\xff\x00\x00\x00\x01",
    "a Timestamp as a key": b"\x91\x81\xd6\xff\x00\x00\x00\x01\x00",
    "a key twice": b"\x91\x82\xa1a\x01\xa1a\x02",
    "a key twice, deeper": b"\x91\x91\x81\xa1b\x82\xa1a\x01\xa1a\x01",
    "an integer as a key": b"\x91\x81\x01\x01",
    "NaN as a key": b"\x91\x81\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01",
    "an array as a key": b"\x91\x81\x90\x01",
    "an integer over 64 bits, signed": b"\x91\xcf\x80" + bytes(7),
    "an integer over 64 bits in a map": b"\x91\x81\xa1a\xcf" + b"\xff" * 8,
    "NaN": b"\x91\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    "NaN, negative and signalling": b"\x91\xcb\xff\xf0\x00\x00\x00\x00\x00\x01",
    "NaN in single precision": b"\x91\xca\x7f\xc0\x00\x00",
    "NaN in a map": b"\x91\x81\xa1a\xca\x7f\xc0\x00\x00",
    "17 arrays": nested(17),
    "15 maps around an array": b"\x91" + nested(16, b"\x81\xa1a"),
    "100,000 arrays": nested(100_000),
    "100,000 arrays, cut off": b"\x91" * 100_000,
    "100,000 maps": b"\x91" + b"\x81\xa1a" * 100_000,
    "100,000 maps as keys": b"\x91" + b"\x81" * 100_000,
    "invalid UTF-8": b"\x91\xa2\xc3\x28",
    "a surrogate": b"\x91\xa3\xed\xa0\x80",
    "invalid UTF-8 as a key": b"\x91\x81\xa1\xff\x00",
    "0xc1": b"\xc1",
    "0xc1 inside": b"\x92\x01\xc1",
    "a byte too many": b"\x91\x01\x01",
    "a header too many": b"\x91\x01\x91\x01",
    "an item too few": b"\x92\x01",
    "a string cut off": b"\x91\xa5hell",
    "a map cut off": b"\x91\x81\xa1a",
    "4 Gi items": b"\xdd\xff\xff\xff\xff",
    "4 Gi keys": b"\x91\xdf\xff\xff\xff\xff",
    "a string of 4 GiB": b"\x91\xdb\xff\xff\xff\xff",
    "bytes of 4 GiB": b"\x91\xc6\xff\xff\xff\xff",
    "an ext of 4 GiB": b"\x91\xc9\xff\xff\xff\xff\x01",
}


@both_msgpacks
@pytest.mark.parametrize("header", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_a_header_that_is_not_plain_is_refused(unpackb, header):
    with pytest.raises(RemoteProtocolError):
        decode_header(header, unpackb)


@both_msgpacks
def test_nesting_is_allowed_as_deep_as_the_bound(unpackb):
    assert 16 == DEPTH_MAX
    maps = b"\x91" + b"\x81\xa1a" * 15 + b"\x05"

    assert "[" * 16 + "]" * 16 == repr(decode_header(nested(16), unpackb))
    assert "[" + "{'a': " * 15 + "5" + "}" * 15 + "]" == repr(decode_header(maps, unpackb))


@both_msgpacks
def test_infinities_and_the_widest_integers_are_plain(unpackb):
    sent = [float("inf"), float("-inf"), 2**63 - 1, -(2**63)]

    assert sent == decode_header(msgpack.packb(sent), unpackb)


# --- anything at all --------------------------------------------------------------------------


def outcome(header, unpackb):
    try:
        return repr(decode_header(header, unpackb))
    except RemoteProtocolError:
        return "refused"


@st.composite
def damaged_headers(draw):
    """A good header with a few bytes changed, so that most of it still makes sense."""
    header = bytearray(msgpack.packb(draw(headers)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(header) - 1))
        header[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
        header = header or bytearray(b"\x91")
    return bytes(header)


@given(st.binary(max_size=200) | damaged_headers())
def test_any_bytes_are_a_header_or_refused_by_both_msgpacks_alike(header):
    assert outcome(header, _cmsgpack.unpackb) == outcome(header, fallback.unpackb)
