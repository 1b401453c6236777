"""Bytes to frames and back, every length checked against a bound before anything is kept.

A frame is two unsigned 32-bit lengths in network order, then a msgpack header of the first
length, then bulk data of the second. Bulk data is never packed. The header must be plain: no
ext types (a Timestamp is one), no duplicate keys, no NaN, no integer over signed 64 bits,
nesting of at most `DEPTH_MAX`; the C and the pure-Python msgpack are held to the same.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import msgpack

from redird.wire.errors import FrameTooLong, LocalProtocolError, RemoteProtocolError

_LENGTHS = struct.Struct("!II")
PREFIX_BYTES = _LENGTHS.size
DEPTH_MAX = 16
KIB, MIB = 1024, 1024 * 1024
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_LEAVES = frozenset({str, bytes, bool, type(None)})
_ARRAY_16, _FIXSTR = 0xDC, 0xA0  # in msgpack: an array of more than 15; a short string
# How many bytes follow the first one of an integer: unsigned and signed of 8 to 64 bits.
_INT_BYTES = {0xCC + kind: 1 << kind % 4 for kind in range(8)}
_packer = msgpack.Packer(buf_size=64 * KIB)


class FrameLimits(NamedTuple):
    """How long a header and a payload may be, in bytes."""

    header_max: int
    payload_max: int


STRANGER = FrameLimits(64 * KIB, 0)  # a peer that has not authenticated
PEER = FrameLimits(1 * MIB, 1 * MIB)


class FrameDecoder:
    """Takes bytes as they come, gives whole frames.

    `limits` may be raised between two frames, when the peer has authenticated.
    """

    def __init__(self, limits: FrameLimits = STRANGER) -> None:
        self.limits = limits
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self.missing = 0  # bytes known to be missing from a frame that has begun

    def receive_data(self, data: bytes) -> None:
        """Take what the stream gave."""
        if self._at == len(self._buffer):
            self._buffer = data
        elif isinstance(self._buffer, bytearray) and not self._at:
            self._buffer += data  # in place: a long frame comes in many parts
        else:
            self._buffer = bytearray(memoryview(self._buffer)[self._at :])
            self._buffer += data
        self._at = 0

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._buffer) - self._at

    def next_frame(self) -> tuple[bytes | bytearray, bytes] | None:
        """Return the next (header, payload), or None until more bytes come.

        Raises RemoteProtocolError as soon as a length over its bound is announced.
        """
        start = self._at + _LENGTHS.size
        if len(self._buffer) < start:
            return None
        header_length, payload_length = _LENGTHS.unpack_from(self._buffer, self._at)
        if header_length > self.limits.header_max or payload_length > self.limits.payload_max:
            raise RemoteProtocolError(
                f"a frame of {header_length} + {payload_length} bytes, over the bound of"
                f" {self.limits.header_max} + {self.limits.payload_max}"
            )
        middle = start + header_length
        end = middle + payload_length
        self.missing = max(0, end - len(self._buffer))
        if self.missing:
            return None
        self._at = end
        return self._buffer[start:middle], bytes(self._buffer[middle:end])


def frame_end(buffer: bytes, at: int) -> int:
    """Where the frame that begins at `at` ends; 0 if its lengths are not all there.

    Raises RemoteProtocolError for lengths that no frame has.
    """
    if len(buffer) < at + PREFIX_BYTES:
        return 0
    header_length, payload_length = _LENGTHS.unpack_from(buffer, at)
    if header_length > PEER.header_max or payload_length > PEER.payload_max:
        raise RemoteProtocolError("no frame is that long")
    return int(at + PREFIX_BYTES + header_length + payload_length)


def peek_name(buffer: bytes, at: int) -> str:
    """The message's name in the header that begins at `at`, without unpacking the header.

    Of a request that is asked once it is the request's own. For whoever passes frames on;
    raises RemoteProtocolError if it stands in no usual place.
    """
    try:
        name, at = _name(buffer, _after_int(buffer, _in_array(buffer, at)))
    except (IndexError, UnicodeDecodeError):
        raise RemoteProtocolError("no header of a message") from None
    if name == "Once":
        try:
            part = _in_array(buffer, _after_int(buffer, _after_int(buffer, at)))
            name, _ = _name(buffer, part)
        except (IndexError, UnicodeDecodeError):
            return name  # it has no part
    return name


def _in_array(buffer: bytes, at: int) -> int:
    return at + (3 if buffer[at] == _ARRAY_16 else 1)


def _after_int(buffer: bytes, at: int) -> int:
    return at + 1 + _INT_BYTES.get(buffer[at], 0)


def _name(buffer: bytes, at: int) -> tuple[str, int]:
    """Return a short string and where it ends; raises IndexError if there is none."""
    length = buffer[at] - _FIXSTR
    end = at + 1 + length
    if not 0 < length < 32 or len(buffer) < end:
        raise IndexError
    return buffer[at + 1 : end].decode("ascii"), end


def encode_frame(header: list[Any], payload: bytes = b"") -> list[bytes]:
    """Return the frame as buffers to be written one after the other."""
    try:
        packed = _packer.pack(header)
    except (TypeError, ValueError, OverflowError) as error:
        _packer.reset()
        raise LocalProtocolError(f"not packable: {error}") from error
    if len(packed) > PEER.header_max or len(payload) > PEER.payload_max:
        raise FrameTooLong(f"a frame of {len(packed)} + {len(payload)} bytes is too long")
    prefix = _LENGTHS.pack(len(packed), len(payload))
    return [prefix + packed, payload] if payload else [prefix + packed]


def decode_header(
    header: bytes | bytearray, unpackb: Callable[..., Any] = msgpack.unpackb
) -> list[Any]:
    """Unpack a header, which must be an array; raises RemoteProtocolError for anything else."""
    try:
        value = unpackb(header, object_pairs_hook=_without_duplicates, ext_hook=_no_ext)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise RemoteProtocolError(
            f"not a header: {str(error) or type(error).__name__}"
        ) from None
    if type(value) is not list:
        raise RemoteProtocolError(f"the header is not an array but {type(value).__name__}")
    _require_plain(value, 1)
    return value


def _without_duplicates(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one map")
    return made


def _no_ext(code: int, data: bytes) -> None:
    raise ValueError(f"ext type {code}")


def _require_plain(values: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise RemoteProtocolError(f"nested deeper than {DEPTH_MAX}")
    for value in values:
        kind = type(value)
        if kind in _LEAVES:
            continue
        if kind is int and INT_MIN <= value <= INT_MAX:
            continue
        if kind is list or kind is dict:
            _require_plain(value if kind is list else value.values(), depth + 1)
            continue
        if kind is not float or value != value:
            raise RemoteProtocolError(f"{value!r:.40} is no plain value")
