"""Frames: any header and payload through any cutting, every length checked before it counts."""

import struct
import tracemalloc
from contextlib import suppress
from itertools import cycle

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redird.wire.errors import LocalProtocolError, RemoteProtocolError
from redird.wire.framing import (
    PEER,
    PREFIX_BYTES,
    STRANGER,
    FrameDecoder,
    decode_header,
    encode_frame,
    frame_end,
    peek_name,
)
from tests.core.wires import UNPACKERS, frame, frames

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def cut(data, sizes):
    for size in cycle(sizes):
        yield data[:size]
        data = data[size:]
        if not data:
            return


# --- cutting ----------------------------------------------------------------------------------


@given(st.lists(frames, max_size=3), st.lists(st.integers(1, 60), min_size=1, max_size=9))
def test_frames_survive_any_cutting(sent, sizes):
    decoder, received = FrameDecoder(PEER), []
    for chunk in cut(b"".join(frame(*one) for one in sent), sizes):
        decoder.receive_data(chunk)
        while (whole := decoder.next_frame()) is not None:
            received.append(whole)

    assert 0 == decoder.partial
    for unpackb in UNPACKERS.values():
        plain = [(decode_header(header, unpackb), payload) for header, payload in received]

        assert repr(sent) == repr(plain)  # repr tells 1 from True and -0.0 from 0.0


@given(
    st.tuples(st.lists(st.binary(max_size=20), max_size=3), st.binary(max_size=20)), st.data()
)
def test_a_part_of_a_frame_is_kept_and_nothing_comes_of_it(one, data):
    whole = frame(*one)
    end = data.draw(st.integers(0, len(whole) - 1))
    decoder = FrameDecoder(PEER)
    decoder.receive_data(whole[:end])

    assert decoder.next_frame() is None
    assert end == decoder.partial


# --- bounds -----------------------------------------------------------------------------------

OVER = [
    (STRANGER, 64 * KIB + 1, 0),
    (STRANGER, 2 * GIB, 0),
    (STRANGER, 2, 1),
    (STRANGER, 2**32 - 1, 2**32 - 1),
    (PEER, MIB + 1, 0),
    (PEER, 2 * GIB, 0),
    (PEER, 2, MIB + 1),
    (PEER, 2, 2 * GIB),
]


@pytest.mark.parametrize(("limits", "header", "payload"), OVER)
def test_a_length_over_its_bound_is_refused_once_the_eight_bytes_are_there(
    limits, header, payload
):
    lengths = struct.pack("!II", header, payload)
    decoder = FrameDecoder(limits)
    decoder.receive_data(lengths[:7])
    assert decoder.next_frame() is None
    decoder.receive_data(lengths[7:])

    with pytest.raises(RemoteProtocolError, match="over the bound"):
        decoder.next_frame()


def test_refusing_two_gibibytes_allocates_next_to_nothing():
    decoder = FrameDecoder(PEER)
    tracemalloc.start()
    try:
        decoder.receive_data(struct.pack("!II", 2 * GIB, 2 * GIB))
        with suppress(RemoteProtocolError):
            decoder.next_frame()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 16 * KIB


@pytest.mark.parametrize(
    ("limits", "header", "payload"), [(STRANGER, 64 * KIB, 0), (PEER, MIB, MIB)]
)
def test_a_frame_as_long_as_its_bounds_passes(limits, header, payload):
    decoder = FrameDecoder(limits)
    decoder.receive_data(struct.pack("!II", header, payload) + bytes(header))
    assert payload == 0 or decoder.next_frame() is None
    decoder.receive_data(bytes(payload))

    assert (bytes(header), bytes(payload)) == decoder.next_frame()


def test_bounds_may_be_raised_between_two_frames():
    decoder = FrameDecoder(STRANGER)
    decoder.receive_data(frame([1]) + frame([2], b"bulk"))
    decoder.next_frame()
    decoder.limits = PEER

    assert (msgpack.packb([2]), b"bulk") == decoder.next_frame()


# --- anything at all --------------------------------------------------------------------------


@given(
    st.lists(st.binary(max_size=100) | frames.map(lambda one: frame(*one)), max_size=4),
    st.sampled_from([STRANGER, PEER]),
)
def test_any_bytes_are_frames_or_refused(chunks, limits):
    decoder = FrameDecoder(limits)
    with suppress(RemoteProtocolError):
        for chunk in chunks:
            decoder.receive_data(chunk)
            while decoder.next_frame() is not None:
                pass


# --- what this side may not send --------------------------------------------------------------

NOT_PACKABLE = [
    [object()],
    [2**64],
    ["\ud800"],
    [{1, 2}],
    ["x" * (MIB + 1)],
]


@pytest.mark.parametrize("header", NOT_PACKABLE, ids=["object", "wide", "utf8", "set", "long"])
def test_what_cannot_be_packed_is_our_own_mistake_and_leaves_nothing_behind(header):
    with pytest.raises(LocalProtocolError):
        encode_frame([1, "half a header", *header])

    assert [1, 2] == decode_header(frame([1, 2])[8:])


def test_a_payload_too_long_is_our_own_mistake():
    with pytest.raises(LocalProtocolError):
        encode_frame([1], bytes(MIB + 1))


def test_a_payload_is_not_copied():
    payload = bytes(MIB)

    assert encode_frame([1], payload)[1] is payload


# --- passing frames on ------------------------------------------------------------------------

numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-40, 140))


@given(
    numbers,
    st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=31),
    st.lists(st.integers(), max_size=20).map(lambda values: [v % 1000 for v in values]),
    st.binary(max_size=50),
    st.binary(max_size=9),
)
def test_a_frame_can_be_passed_on_by_its_end_and_its_name(number, name, fields, payload, more):
    whole = b"".join(encode_frame([number, name, *fields], payload))

    assert frame_end(b"ab" + whole + more, 2) == 2 + len(whole)
    assert peek_name(b"ab" + whole + more, 2 + PREFIX_BYTES) == name


def test_an_end_is_unknown_until_the_lengths_are_there():
    assert frame_end(b"1234567", 0) == 0


@pytest.mark.parametrize("header", [b"", b"\x93\x01", b"\x93\x01\x02", b"\x93\x01\xa3ab"])
def test_what_is_no_header_has_no_name(header):
    with pytest.raises(RemoteProtocolError, match="no header"):
        peek_name(header, 0)


def test_no_frame_ends_beyond_the_bounds():
    with pytest.raises(RemoteProtocolError, match="that long"):
        frame_end(struct.pack("!II", PEER.header_max + 1, 0), 0)
