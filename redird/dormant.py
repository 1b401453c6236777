"""The one writer of what is dormant: closed by the application, not yet by the server.

    in use --park--> DORMANT --revive--> in use
                        |
                        +--take_...--> CLOSING --confirm_closed--> gone

CLOSING is a state here, not a message in flight: a handle leaves the table when the server has
confirmed its close, so that a logoff which lands during a batch still sees it. Ages are equal,
hence insertion order is deadline order, and a tick costs what is due, not what is dormant.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable
from itertools import takewhile
from typing import TypeVar

from redird.holdings import Connection, Handle, PathKey, path_key
from redird.wire.files import conflicts

K = TypeVar("K")


class DormantTable:
    """Which handles are dormant and which are closing.

    `files_max` bounds the dormant handles of one connection (None: no bound). `shared`: a
    handle may be revived by any session, not only by the one that parked it.
    """

    def __init__(self, age_max_s: float, files_max: int | None, *, shared: bool) -> None:
        self._age_max_s = age_max_s
        self._files_max = files_max
        self._shared = shared
        self._dormant: OrderedDict[Handle, None] = OrderedDict()
        self._closing: dict[Handle, None] = {}
        self._unsent: dict[Handle, None] = {}  # closing, but the server was not asked yet
        self._by_connection: dict[Connection, dict[Handle, None]] = {}
        self._by_path: dict[PathKey, dict[Handle, None]] = {}
        self._parked = self._revived = self._evicted = self._closed = 0

    # --- coming and going ---

    def park(self, handle: Handle, now: float) -> list[Handle]:
        """Keep a handle nobody uses; returns those that must close for it, now CLOSING."""
        assert not handle.opens
        assert handle not in self._dormant
        assert handle not in self._closing
        self._parked += 1
        handle.parked_at, handle.due_at = now, now + self._age_max_s
        self._dormant[handle] = None
        held = self._by_connection.setdefault(handle.connection, {})
        held[handle] = None
        self._by_path.setdefault(path_key(handle), {})[handle] = None
        if self._files_max is None or len(held) <= self._files_max:
            return []
        self._evicted += 1
        return self._take([next(iter(held))])

    def revive(
        self, connection: Connection, path: str, access: int, share: int
    ) -> Handle | None:
        """Give back a dormant handle that can serve this open, or None."""
        key = (connection.server, connection.share, path)
        for handle in self._by_path.get(key, ()):
            mine = self._shared or handle.connection is connection
            if mine and handle.access == access and handle.share == share:
                self._forget(handle)
                self._revived += 1
                return handle
        return None

    def refresh(self, handle: Handle, now: float) -> None:
        """A dormant handle was of use: it stays as long again, behind all others."""
        if handle.due_at < now + 0.9 * self._age_max_s:
            handle.parked_at, handle.due_at = now, now + self._age_max_s
            del self._dormant[handle]
            self._dormant[handle] = None

    def at(self, server: str, share: str, path: str) -> Iterable[Handle]:
        """Return the dormant handles on a path, whosever they are."""
        return self._by_path.get((server, share, path), ())

    def start_closing(self, handles: Iterable[Handle]) -> list[Handle]:
        """Handles nobody uses are to be closed without having been dormant."""
        taken = [
            one for one in handles if one not in self._closing and one not in self._dormant
        ]
        self._start_closing(taken)
        return taken

    def mark_sent(self, handles: Iterable[Handle]) -> None:
        """The server has been asked to close them."""
        for handle in handles:
            self._unsent.pop(handle, None)

    def confirm_closed(self, handles: Iterable[Handle]) -> None:
        """The server has closed them, or they died with its link."""
        for handle in handles:
            if handle in self._dormant:
                self._forget(handle)
            elif handle in self._closing:
                del self._closing[handle]
                self._unsent.pop(handle, None)
            else:
                continue
            self._closed += 1

    # --- deciding what must close; all return handles that are CLOSING from now on ---

    def take_due(self, now: float) -> list[Handle]:
        """Take those whose time is over."""
        return self._take(list(takewhile(lambda one: one.due_at <= now, self._dormant)))

    def take_connection(self, connection: Connection) -> list[Handle]:
        """Take all of one connection."""
        return self._take(list(self._by_connection.get(connection, ())))

    def take_path(self, server: str, share: str, path: str) -> list[Handle]:
        """Take all on one path, whichever session parked them."""
        return self._take(list(self._by_path.get((server, share, path), ())))

    def take_below(self, server: str, share: str, path: str) -> list[Handle]:
        """Take all below a folder, by whole components: `foo` has nothing of `foo.tmp`."""
        below = path + "/"
        return self._take(
            [
                handle
                for key, handles in self._by_path.items()
                if key[:2] == (server, share) and key[2].startswith(below)
                for handle in handles
            ]
        )

    def take_in_conflict(
        self, server: str, share: str, path: str, access: int, share_mode: int
    ) -> list[Handle]:
        """Take those on a path that an open with this access and share mode collides with."""
        on_path = self._by_path.get((server, share, path), ())
        return self._take(
            [one for one in on_path if conflicts(access, share_mode, one.access, one.share)]
        )

    def take(self, handles: Iterable[Handle]) -> list[Handle]:
        """Take those of `handles` that are dormant."""
        return self._take([handle for handle in handles if handle in self._dormant])

    def _take(self, handles: list[Handle]) -> list[Handle]:
        for handle in handles:
            self._forget(handle)
        self._start_closing(handles)
        return handles

    def _start_closing(self, handles: list[Handle]) -> None:
        added = dict.fromkeys(handles)
        self._closing |= added
        self._unsent |= added

    def _forget(self, handle: Handle) -> None:
        del self._dormant[handle]
        _drop(self._by_connection, handle.connection, handle)
        _drop(self._by_path, path_key(handle), handle)

    # --- asking ---

    def next_due(self) -> float:
        """When the next handle is due; infinity if none is dormant."""
        return next((handle.due_at for handle in self._dormant), math.inf)

    def of_connection(self, connection: Connection) -> list[Handle]:
        """Return the dormant handles of a connection, oldest first."""
        return list(self._by_connection.get(connection, ()))

    def is_closing(self, handle: Handle) -> bool:
        """Whether its close is under way."""
        return handle in self._closing

    def unsent(self) -> Iterable[Handle]:
        """Return every handle that is closing, but the server was not asked to close it yet."""
        return self._unsent

    def all(self) -> list[Handle]:
        """Return every dormant handle, oldest first."""
        return list(self._dormant)

    def __len__(self) -> int:
        return len(self._dormant)

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "dormant": len(self._dormant),
            "closing": len(self._closing),
            "files_parked": self._parked,
            "files_revived": self._revived,
            "files_evicted": self._evicted,
            "files_closed": self._closed,
        }

    def validate(self) -> None:
        """Assert that the views agree and that deadlines are in order."""
        by_connection = {h for held in self._by_connection.values() for h in held}
        by_path = {h for held in self._by_path.values() for h in held}
        assert set(self._dormant) == by_connection == by_path
        assert not self._closing.keys() & self._dormant.keys()
        assert self._unsent.keys() <= self._closing.keys()
        due = [handle.due_at for handle in self._dormant]
        assert due == sorted(due)
        assert not any(handle.opens for handle in self._dormant)
        if self._files_max is not None:
            assert all(len(h) <= self._files_max for h in self._by_connection.values())


def _drop(index: dict[K, dict[Handle, None]], key: K, handle: Handle) -> None:
    held = index[key]
    del held[handle]
    if not held:
        del index[key]
