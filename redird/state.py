"""What the redirector knows at one moment, and the world it was handed.

The tables decide, the functions of `redirector`, `opening` and `closing` tell the story over
them, and the servers behind `links` are asked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import trio

from redird.config import Config
from redird.connections import ConnectionTable
from redird.dormant import DormantTable
from redird.facts import FactLog
from redird.holdings import Connection, File
from redird.leased.cache import PageCache
from redird.leased.deferred import DeferredWrites
from redird.locks import ClaimTable
from redird.presets import Policy, Preset
from redird.reclaims import Taken
from redird.sessions import Session, SessionTable
from redird.upstream import ServerLink
from redird.wire.errors import Refused
from redird.wire.link import Link
from redird.wire.status import Status

if TYPE_CHECKING:
    from redird.fuse.mounts import Mounts


class RunBlocking(Protocol):
    """Runs a function that may block, without blocking the loop."""

    def __call__(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is not computed: threads, the wall clock, randomness, links.

    `open_link(address, **options)` is `wire.dialling.open_link` with addresses as text.
    """

    run_blocking: RunBlocking
    wall_now: Callable[[], int]
    token_hex: Callable[[int], str]
    open_link: Callable[..., Any]


class Watcher(Protocol):
    """A mount: its kernel keeps what it was told until it is called back."""

    peer: int

    def call_back(self, file: File) -> Awaitable[None] | None:
        """Make the kernel forget all it was told under this file's lease.

        Returns what to wait for, if that takes more than a call.
        """


@dataclass(slots=True)
class Counters:
    """What dormancy saved and what it cost, in requests to servers."""

    creates_avoided: int = 0
    closes_answered_locally: int = 0
    close_requests_sent: int = 0

    def round_trips_saved(self) -> int:
        """Creates and closes not sent, less the requests that closed in batches."""
        return self.creates_avoided + self.closes_answered_locally - self.close_requests_sent


@dataclass(slots=True)
class State:
    """The daemon's tables and its policy. `drained`, `settled`: parked tasks wait there for a
    change, of handles and of deferred writes; `deferring`: the first write was deferred.
    """

    config: Config
    preset: Preset
    policy: Policy
    world: World
    instance: str
    instance_key: str
    epoch: int
    dormant: DormantTable
    pages: PageCache
    deferred: DeferredWrites
    sessions: SessionTable = field(default_factory=SessionTable)
    connections: ConnectionTable = field(default_factory=ConnectionTable)
    locks: ClaimTable = field(default_factory=ClaimTable)
    counters: Counters = field(default_factory=Counters)
    facts: FactLog = field(default_factory=FactLog)
    links: dict[str, ServerLink] = field(default_factory=dict)
    taking: dict[str, Taken] = field(default_factory=dict)  # by link, while it is recovered
    drained: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    rearmed: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    deferring: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    settled: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    watchers: list[Watcher] = field(default_factory=list)
    folders_opening: set[tuple[int, str]] = field(default_factory=set)  # connection, path
    connecting: dict[int, trio.Lock] = field(default_factory=dict)  # by session
    trusted_until: float = 0.0  # all links are, at least until then (`trust`)
    look_again_at: float = 0.0
    stopping: bool = False
    strangers: int = 0  # links over which nobody has logged on yet
    mounts: "Mounts | None" = None  # a daemon that only simulates has none
    last_number: int = 0
    spawn: Callable[..., None] = lambda *_: None  # starts a task that outlives its request

    def next_number(self) -> int:
        """Return a number never given before to a peer."""
        self.last_number += 1
        return self.last_number

    def know(self, link: Link) -> None:
        """Somebody has logged on over it, or it has ended: no stranger any more."""
        if link.admit_by is not None:
            link.admit_by = None
            self.strangers -= 1

    def session(self, owner: int, number: int) -> Session:
        """Return this link's session if it is active, or refuse."""
        session = self.sessions.find(owner, number)
        if session is None or not session.active:
            raise Refused(Status.STATUS_USER_SESSION_DELETED, f"session {number}")
        return session

    def connection(self, owner: int, number: int) -> Connection:
        """Return this link's connection, its session active, or refuse."""
        connection = self.connections.find(owner, number)
        if connection is None:
            raise Refused(Status.STATUS_NETWORK_NAME_DELETED, f"connection {number}")
        if not connection.session.active:
            raise Refused(Status.STATUS_USER_SESSION_DELETED, f"connection {number}")
        return connection

    def forget_data(self, file: File) -> None:
        """What is kept of a file may be wrong, or the licence to keep it is gone."""
        file.version += 1
        file.dropped += 1
        file.info_known = False
        self.pages.forget(file)
        if file.names is not None:
            file.names.forget()

    def is_drained(self, connection: Connection) -> bool:
        """Whether nothing is in use, dormant, closing or being opened on a connection."""
        return not connection.handles and not connection.opening

    def note(self, connection: Connection) -> None:
        """Remember a connection's state as a fact, if it changed."""
        state = self.describe(connection)
        never_held = not connection.state and state == "released"
        if state == connection.state or never_held:
            return
        connection.state = state
        self.facts.note(
            "connection_state",
            self.world.wall_now(),
            connection=connection.number,
            session=connection.session.number,
            user=connection.session.user,
            server=connection.server,
            share=connection.share,
            state=state,
        )

    def note_link(self, kind: str, link: str, **values: Any) -> None:
        """Remember what became of a link as a fact."""
        self.facts.note(kind, self.world.wall_now(), link=link, **values)

    def describe(self, connection: Connection) -> str:
        """Return why its slot is held: live, dormant_only, orphan, closing, or released."""
        if connection.tree is None:
            return "released"
        if connection.releasing:
            return "closing"
        if connection.left_at is not None:
            return "orphan"
        if not connection.session.active:
            return "closing"
        idle = not connection.opens and not connection.opening
        return "dormant_only" if idle and connection.handles else "live"

    def statistics(self) -> dict[str, int]:
        """Return flat counters of all tables."""
        counters = self.counters
        return {
            **self.sessions.statistics(),
            **self.connections.statistics(),
            **self.dormant.statistics(),
            **self.pages.statistics(),
            **self.deferred.statistics(),
            **self.locks.statistics(),
            "creates_avoided": counters.creates_avoided,
            "closes_answered_locally": counters.closes_answered_locally,
            "close_requests_sent": counters.close_requests_sent,
            "round_trips_saved": counters.round_trips_saved(),
            "requests_sent": sum(link.requests_sent for link in self.links.values()),
        }
