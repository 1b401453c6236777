"""A descriptor that worker threads may use while another closes it.

A number given back too early would be given to the next open: the descriptor is therefore
closed when its last use has ended.
"""

import os
from threading import Lock
from types import TracebackType

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store.errnos import WORLD, refusal


class Descriptor:
    """A descriptor that outlives its close until nobody uses it; `with` is one use.

    What the world raises inside the `with` comes out as Refused about `subject`.
    """

    __slots__ = ("_closing", "_descriptor", "_lock", "_subject", "_uses")

    def __init__(self, descriptor: int, subject: str) -> None:
        self._descriptor = descriptor
        self._subject = subject
        self._lock = Lock()
        self._uses = 0
        self._closing = False

    def __enter__(self) -> int:
        with self._lock:
            if self._closing:
                raise Refused(Status.STATUS_FILE_CLOSED, self._subject)
            self._uses += 1
        return self._descriptor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._uses -= 1
            last = self._closing and not self._uses
        if last:
            _close(self._descriptor)
        if error is not None and isinstance(error, WORLD):
            raise refusal(error, self._subject) from error

    def close(self) -> None:
        """Close it when its last use ends; at once if there is none."""
        with self._lock:
            last = not self._closing and not self._uses
            self._closing = True
        if last:
            _close(self._descriptor)


def _close(descriptor: int) -> None:
    # Linux has let go of the number even when it reports an error, and whoever wanted to know
    # whether the data arrived has flushed.
    try:  # noqa: SIM105 - suppress() costs half as much as the close
        os.close(descriptor)
    except OSError:
        pass
