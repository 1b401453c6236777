"""Writing at once: what a socket takes now needs no task and no turn of the loop. What it does
not take is kept with its size at hand, as that is asked for with every request.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

BUFFERS_MAX = 512  # of one call; systems allow 1,024
PIECE_BYTES = 1024 * 1024


def writer_to(stream: Any) -> Callable[[list[bytes]], list[bytes]]:
    """How to write at once what a stream takes: it gets buffers, and returns the rest.

    A stream without a socket says so itself by a `write_now`, or takes nothing at once.
    """
    socket = getattr(stream, "socket", None)
    if socket is not None:
        return functools.partial(write_now, socket.fileno())
    return getattr(stream, "write_now", lambda buffers: buffers)


def write_now(descriptor: int, buffers: list[bytes]) -> list[bytes]:
    """Write what a non-blocking descriptor takes; returns the rest. Raises OSError."""
    if len(buffers) > BUFFERS_MAX:
        return buffers
    try:
        written = os.writev(descriptor, buffers)
    except BlockingIOError:
        return buffers
    for index, buffer in enumerate(buffers):
        if written < len(buffer):
            return [buffer[written:], *buffers[index + 1 :]]
        written -= len(buffer)
    return []


class Unsent:
    """Buffers that the stream has not taken yet, and how many bytes they are."""

    def __init__(self) -> None:
        self._buffers: list[bytes] = []
        self.size = 0

    def add(self, buffers: list[bytes]) -> None:
        """Put `buffers` behind what waits already."""
        self._buffers += buffers
        self.size += sum(map(len, buffers))

    def next_piece(self) -> bytes:
        """Return the first of it, as much as is worth a call; nothing if nothing waits."""
        count = size = 0
        while count < len(self._buffers) and size < PIECE_BYTES:
            size += len(self._buffers[count])
            count += 1
        piece = b"".join(self._buffers[:count])
        del self._buffers[:count]
        return piece

    def sent(self, piece: bytes) -> None:
        """The stream has taken a piece."""
        self.size -= len(piece)
