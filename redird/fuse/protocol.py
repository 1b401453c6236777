"""The conversation with the kernel: INIT first, then requests, each answered at most once.

`receive` takes one packet and returns the request to serve, if there is one; what is to be
written back at once is in `outgoing`. Nothing that comes from the device can make it fail.
"""

import errno
import struct
from typing import NamedTuple

from redird.fuse import bodies, replies, requests
from redird.fuse.kernel import (
    EPOCH_MINOR,
    MAJOR,
    MINOR,
    MINOR_MIN,
    PAGE_BYTES,
    REQUEST_BYTES_MAX,
    UNANSWERED,
    WANTED,
    Init,
    Opcode,
)
from redird.fuse.requests import Malformed, Request

_INIT = struct.Struct("=IIIIHHIIHHI28x")
BACKGROUND_MAX = 64  # requests of the kernel's own at once: readahead and the like
CONGESTED_AT = 48
NANOSECONDS = 1  # the grain of our times


class Agreement(NamedTuple):
    """What both sides do from INIT on."""

    minor: int
    flags: int
    max_readahead: int


def negotiate(init: bodies.Init, wanted: int) -> Agreement | None:
    """Agree with the kernel; None if its version is too old."""
    if (init.major, init.minor) < (MAJOR, MINOR_MIN):
        return None
    flags = init.flags if init.flags & Init.INIT_EXT else init.flags & 0xFFFF_FFFF
    return Agreement(min(init.minor, MINOR), flags & wanted, init.max_readahead)


def agreed(agreement: Agreement) -> bytes:
    """Return the answer to INIT."""
    return _INIT.pack(
        MAJOR,
        agreement.minor,
        agreement.max_readahead,
        agreement.flags & 0xFFFF_FFFF,
        BACKGROUND_MAX,
        CONGESTED_AT,
        REQUEST_BYTES_MAX,
        NANOSECONDS,
        REQUEST_BYTES_MAX // PAGE_BYTES,
        0,
        agreement.flags >> 32,
    )


class Conversation:
    """One mount's talk with the kernel; `why_not`: it cannot be had, in words."""

    def __init__(self, more_wanted: int = 0) -> None:
        self.agreement: Agreement | None = None
        self.why_not: str | None = None
        self.outgoing: list[tuple[bytes, ...]] = []
        self._wanted = WANTED | more_wanted
        self._kernel_minor = 0

    @property
    def has_epochs(self) -> bool:
        """Whether the kernel can be told to forget all names at once."""
        return self._kernel_minor >= EPOCH_MINOR

    def receive(self, packet: memoryview) -> Request | None:
        """Take one packet; None if there is nothing to serve."""
        try:
            request = requests.parse(packet)
        except Malformed as wrong:
            if wrong.unique and wrong.opcode not in UNANSWERED:
                self.fail(wrong.unique, wrong.error)
            return None
        if request.opcode == Opcode.INIT:
            self._begin(request)
            return None
        if self.agreement is None:
            if request.opcode not in UNANSWERED:
                self.fail(request.unique, errno.EIO)
            return None
        return request

    def answer(self, unique: int, payload: bytes) -> None:
        """Answer a request."""
        self.outgoing.append(replies.answer(unique, payload))

    def fail(self, unique: int, error: int) -> None:
        """Refuse a request with an errno."""
        self.outgoing.append((replies.failure(unique, error),))

    def take_outgoing(self) -> list[tuple[bytes, ...]]:
        """Return what is to be written, one write(2) for each, and forget it."""
        taken, self.outgoing = self.outgoing, []
        return taken

    def _begin(self, request: Request) -> None:
        init: bodies.Init = request.body
        if init.major > MAJOR:  # it will ask again, in our version
            self.answer(request.unique, agreed(Agreement(MINOR, 0, 0)))
            return
        if self.agreement is not None:
            self.fail(request.unique, errno.EIO)
            return
        self.agreement = negotiate(init, self._wanted)
        self._kernel_minor = init.minor
        if self.agreement is None:
            self.why_not = f"the kernel speaks FUSE {init.major}.{init.minor}, too old"
            self.fail(request.unique, errno.EPROTO)
            return
        self.answer(request.unique, agreed(self.agreement))
