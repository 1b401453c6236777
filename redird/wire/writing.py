"""Writing at once: what a socket takes now needs no task and no turn of the loop."""

import os

BUFFERS_MAX = 512  # of one call; systems allow 1,024


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
