"""One visit from a shell: log on, work, log off, whatever comes between.

What goes wrong becomes one line on standard error and an exit status: 1, or 128 and the
signal's number, as shells have it. A signal ends the work, not the logoff; a second one does.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import Any, Generic, NoReturn, TypeVar

import trio

from clients.errors import ConnectRefused, LinkFailed, SessionError, session_errors
from clients.names import parse
from clients.receipt import words
from clients.session import Session, logon
from redird.wire.process import fail

PROGRAM = "redclient"
T = TypeVar("T")
Work = Callable[[Session], Awaitable[T]]


class Visit(Generic[T]):
    """Who logs on where, for which names; `run` does the work there and returns its outcome."""

    def __init__(self, at: str, user: str, password: str, names: tuple[str, ...]) -> None:
        self._at = at
        self._user = user
        self._password = password
        self._names = names
        self._session: Session | None = None
        self._receipt: dict[str, Any] | None = None
        self._signal = 0

    def run(self, work: Work[T]) -> T:
        """Run `work` between logon and logoff; leaves the program if anything goes wrong."""
        _require_utf8(self._user, self._password, *self._names)
        outcome: list[T] = []
        with _told_in_one_line(self):
            trio.run(self._until_signalled, work, outcome)
        if self._signal:
            leave(128 + self._signal)
        return outcome[0]

    async def _until_signalled(self, work: Work[T], outcome: list[T]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self._cancel_at_signal, nursery.cancel_scope)
            try:
                outcome.append(await self._logged_on(work))
            except SessionError as error:
                await nursery.start(_raise, error)
            nursery.cancel_scope.cancel()
