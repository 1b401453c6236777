"""What the share server knows at one moment, and the world it was handed.

The tables decide; `service` changes them, one request at a time; `teardown` empties them.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol, TypeVar

import trio
from scramp.core import ScramServer

from redird.wire.errors import Refused
from redird.wire.link import Link
from redird.wire.status import Status
from shareserver.accounts import Accounts
from shareserver.admission import Admission
from shareserver.config import Config
from shareserver.database import connect
from shareserver.durable import DurableTable
from shareserver.grace import Grace
from shareserver.handles import Handle, HandleTable, Identity
from shareserver.journal import Journal
from shareserver.leases import LeaseTable
from shareserver.ledger import ConnectionLedger, Use
from shareserver.locks import Claim, LockTable
from shareserver.receipts import ReceiptTable
from shareserver.replays import ReplayTable
from shareserver.shares import Share, Shares
from shareserver.store import Store

T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs a function that may block, without blocking the loop."""

    def __call__(self, function: Callable[..., T], *args: Any) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is not computed: threads, the wall clock, randomness, the disk."""

    run_blocking: RunBlocking
    wall_now: Callable[[], int]
    token_bytes: Callable[[int], bytes]
    open_store: Callable[[str], Store]
    open_journal: Callable[[str], sqlite3.Connection] = connect


@dataclass(slots=True, eq=False)
class Peer:
    """Whoever is at the other end of one link. `instance` is empty for a plain client.

    `lessee` is whom a lease granted over this link belongs to.
    """

    number: int
    link: Link
    address: str
    uid: int | None
    since_ns: int
    instance: str = ""
    epoch: int = 0
    lessee: str = ""
    is_named: bool = False  # so that it is known again over another link
    capabilities: frozenset[str] = frozenset()
    sessions: dict[int, "Session"] = field(default_factory=dict)
    gone: trio.Event = field(default_factory=trio.Event)  # and all it held is given back

    def __post_init__(self) -> None:
        """Until it is named it is nobody but itself."""
        self.lessee = self.lessee or f"peer {self.number}"

    def named(self, instance: str, key: str, epoch: int) -> None:
        """Redirectors are the same if both name and key are; a name alone proves nothing."""
        self.instance, self.epoch = instance, epoch
        self.is_named = bool(instance and key)
        if self.is_named:
            self.lessee = f"{instance} {sha256(key.encode()).hexdigest()}"


@dataclass(slots=True, eq=False)
class Session:
    """One user logged on over one link; `scram` holds a logon under way."""

    number: int
    user: str
    peer: Peer
    since_ns: int
    guest: bool = False
    admin: bool = False
    established: bool = False
    scram: ScramServer | None = None
    trees: set[int] = field(default_factory=set)


@dataclass(slots=True)
class State:
    """The server's tables."""

    config: Config
    world: World
    instance: str
    shares: Shares
    stores: dict[str, Store]
    accounts: Accounts
    admission: Admission
    locks: LockTable
    durable: DurableTable
    replays: ReplayTable
    ledger: ConnectionLedger = field(default_factory=ConnectionLedger)
    handles: HandleTable = field(default_factory=HandleTable)
    leases: LeaseTable = field(default_factory=LeaseTable)
    receipts: ReceiptTable = field(default_factory=ReceiptTable)
    peers: dict[int, Peer] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    completing: dict[int, trio.Event] = field(default_factory=dict)  # receipts, by number
    lease_dropped: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    restored_locks: set[Claim] = field(default_factory=set)  # and not asked for again
    once_done: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    kept: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    deletions: dict[Identity, trio.Event] = field(default_factory=dict)  # closed, not yet gone
    strangers: int = 0  # links over which nobody has logged on yet
    journal: Journal = field(default_factory=lambda: Journal(None))
    grace: Grace = field(default_factory=Grace)
    grace_over: trio.Event = field(default_factory=trio.Event)
    last: int = 0  # number given to a peer or a session
    spawn: Callable[..., None] = lambda *_: None  # starts a task that outlives its request

    def next_number(self) -> int:
        """Return a number never given before to a peer or a session."""
        self.last += 1
        return self.last

    @property
    def is_returning(self) -> bool:
        """Whether this server was started anew just now, and redirectors are to come back."""
        return bool(self.durable) and trio.current_time() < self.grace.until

    def know(self, link: Link) -> None:
        """Somebody has logged on over it, or it has ended: no stranger any more."""
        if link.admit_by is not None:
            link.admit_by = None
            self.strangers -= 1

    def session(self, peer: Peer, number: int) -> Session:
        """Return this peer's established session, or refuse."""
        session = peer.sessions.get(number)
        if session is None or not session.established:
            raise Refused(Status.STATUS_USER_SESSION_DELETED, f"session {number}")
        return session

    def tree(self, peer: Peer, number: int) -> Use:
        """Return this peer's tree, or refuse."""
        use = self.ledger.find(number)
        if use is None or use.peer != peer.number:
            raise Refused(Status.STATUS_NETWORK_NAME_DELETED, f"tree {number}")
        return use

    def share_of(self, use: Use) -> Share:
        """Return the share a use is of."""
        share = self.shares.find(use.share)
        assert share is not None
        return share

    def handle(self, peer: Peer, tree: int, number: int) -> Handle:
        """Return the handle open under this peer's tree, or refuse."""
        self.tree(peer, tree)
        handle = self.handles.find(tree, number)
        if handle is None:
            raise Refused(Status.STATUS_INVALID_HANDLE, f"handle {number}")
        return handle
