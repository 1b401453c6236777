"""What survives the server: a small SQLite file, in WAL mode.

Who holds which slot, what durable redirectors have open under which leases and locks, what
they asked to be done once, which files are to be deleted, the latest refusals and slot changes,
and marks above all numbers ever given. Whatever is noted in a turn is committed before anything
said in it leaves (`settle`), so nobody was ever told what a restart does not know. A commit is
in the kernel, which outlives a killed server; it is not forced to the disk, so a host that
loses power may lose or damage the journal. While it cannot be written it is in memory only,
and no file says what is not true any more.
"""

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from redird.wire.messages import Message
from shareserver.database import JournalFile
from shareserver.handles import Handle, Identity, OpenEntry
from shareserver.leases import Lease
from shareserver.ledger import ConnectionLedger, Use
from shareserver.locks import Claim
from shareserver.receipts import RECEIPTS_MAX, Receipt

AHEAD = 1000  # a mark is so far above the last number given, so that it is seldom moved
FACTS_MAX = 10_000


class Numbered(Protocol):
    """A table that gives numbers; `last` is the latest."""

    last: int


class Journal:
    """The writing side; with `db` None nothing is kept."""

    def __init__(self, db: sqlite3.Connection | None, path: str = "") -> None:
        self._file = JournalFile(db, path)
        self._noted: list[tuple[str, tuple[Any, ...]]] = []  # since it was settled last
        self._marks: dict[str, int] = {}
        self._numbered: dict[str, Numbered] = {}
        self._ledger: ConnectionLedger | None = None
        self._fact = 0
        self._locked: dict[Identity, frozenset[Claim]] = {}
        self._leased: dict[tuple[Identity, str], set[int]] = {}  # handles, by their lease

    @property
    def db(self) -> sqlite3.Connection | None:
        """Where it is."""
        return self._file.db

    @property
    def is_kept(self) -> bool:
        """Whether anything is written at all."""
        return self.db is not None

    @property
    def is_safe(self) -> bool:
        """Whether what is written outlives this process."""
        return self.db is not None and not self._file.is_away

    def on_away(self, call: Callable[[], None]) -> None:
        """Call this if it is not safe any more."""
        self._file.on_away = call

    def rows(self, table: str) -> list[Any]:
        """Return all of a table, in order."""
        return [] if self.db is None else self.db.execute(f"SELECT * FROM {table}").fetchall()

    def meta(self, key: str, first: Any) -> Any:
        """Return what is noted under `key`; at first that is `first`."""
        if self.db is None:
            return first
        found = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if found is None:
            self.note(key, first)
        return first if found is None else found[0]

    def secret(self, first: bytes) -> bytes:
        """Return what the salts of unknown users are made of, at every start the same."""
        return bytes.fromhex(self.meta("secret", first.hex()))

    def note(self, key: str, value: Any) -> None:
        """Note a single value."""
        self._do("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    def watch(self, ledger: ConnectionLedger, numbered: dict[str, Numbered], fact: int) -> None:
        """Keep marks above the numbers of these tables, and the ledger's facts after `fact`.

        The tables go on above the marks that are there.
        """
        for name, table in numbered.items():
            table.last = max(table.last, self.meta(f"last {name}", 0))
            self._marks[name] = 0
        self._numbered, self._ledger = numbered, ledger
        self._fact = fact

    # --- writing ---

    def _do(self, statement: str, *values: Any) -> None:
        if self.db is not None:
            self._noted.append((statement, values))

    def settle(self) -> None:
        """Commit what was noted; what is said after that may leave."""
        if self.db is None:
            return
        for name, table in self._numbered.items():
            if table.last > self._marks[name]:
                self._marks[name] = table.last + AHEAD
                self.note(f"last {name}", table.last + AHEAD)
        if self._ledger is not None and self._ledger.fact_number > self._fact:
            self._take_facts(self._ledger)
        if self._noted:
            noted, self._noted = self._noted, []
            self._file.write(noted)

    def _take_facts(self, ledger: ConnectionLedger) -> None:
        for fact in ledger.latest_facts(self._fact):
            number = fact["number"]
            self._do("INSERT INTO facts VALUES (?, ?)", number, json.dumps(fact))
            if number % AHEAD == 0:
                self._do("DELETE FROM facts WHERE number <= ?", number - FACTS_MAX)
        self._fact = ledger.fact_number

    def sever(self) -> None:
        """Write nothing any more, and leave what was not settled undone."""
        self._file.db = None
        self._noted.clear()

    def close(self) -> None:
        """Settle, and end it in order."""
        self.settle()
        self._file.close()

    def try_again(self, connect: Callable[[str], sqlite3.Connection]) -> None:
        """Write all of it to its file again, if it is away and that is possible now."""
        if self._file.is_away:
            self.settle()
            self._file.try_again(connect)

    # --- slots ---

    def admitted(self, use: Use, lessee: str) -> None:
        """A durable redirector has a slot."""
        row = (use.number, lessee, use.user, use.share, use.since_ns)
        self._do("INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?, ?)", *row)

    def released(self, tree: int) -> None:
        """A slot is free."""
        self._do("DELETE FROM uses WHERE tree = ?", tree)

    def refused(self, receipt: Receipt) -> None:
        """A refusal's receipt, as far as it is known."""
        if self.db is not None:
            row = receipt.number, json.dumps(receipt.row())
            self._do("INSERT OR REPLACE INTO receipts VALUES (?, ?)", *row)
            self._do("DELETE FROM receipts WHERE number <= ?", receipt.number - RECEIPTS_MAX)

    # --- handles and their leases ---

    def opened(self, handle: Handle, use: Use, lease: int, *, follow: bool) -> None:
        """A durable redirector has opened a file."""
        if self.db is None:
            return
        self.know(handle)
        entry = handle.entry
        who = handle.number, handle.tree, entry.number, handle.lessee, use.user
        what = use.share, handle.path, identity_text(entry.identity)
        how = handle.access, handle.share, handle.delete_on_close, follow, lease
        row = (*who, *what, *how, handle.since_ns)
        self._do("INSERT INTO handles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def know(self, handle: Handle) -> None:
        """There is a row of this handle."""
        self._leased.setdefault((handle.entry.identity, handle.lessee), set()).add(
            handle.number
        )

    def closed(self, handle: Handle) -> None:
        """A handle is closed, or its file has no name any more."""
        key = handle.entry.identity, handle.lessee
        known = self._leased.get(key, set())
        if handle.number in known:
            known.remove(handle.number)
            if not known:
                del self._leased[key]
            self._do("DELETE FROM handles WHERE number = ?", handle.number)

    def lost(self, number: int) -> None:
        """A handle could not be opened anew."""
        self._do("DELETE FROM handles WHERE number = ?", number)

    def reclaimed(self, handle: Handle) -> None:
        """A handle belongs to a new tree."""
        self._do("UPDATE handles SET tree = ? WHERE number = ?", handle.tree, handle.number)

    def leased(self, lease: Lease) -> None:
        """A lease is another one now."""
        for number in self._leased.get((lease.identity, lease.lessee), ()):
            self._do("UPDATE handles SET lease = ? WHERE number = ?", lease.state, number)

    def locked(self, identity: Identity, claims: Iterable[Claim]) -> None:
        """These are the locks on a file now."""
        if self.db is None:
            return
        before, now = self._locked.pop(identity, frozenset()), frozenset(claims)
        text = identity_text(identity)
        for one in before - now:
            self.unlocked(text, claim_text(one))
        for one in now - before:
            self._do("INSERT INTO locks VALUES (?, ?)", text, claim_text(one))
        if now:
            self._locked[identity] = now

    def know_locks(self, identity: Identity, claims: Iterable[Claim]) -> None:
        """These are noted."""
        self._locked[identity] = frozenset(claims)

    def unlocked(self, identity: str, claim: str) -> None:
        """A lock went with its handle."""
        self._do("DELETE FROM locks WHERE identity = ? AND claim = ?", identity, claim)

    def moved(self, handles: Iterable[Handle]) -> None:
        """Names have changed by which files were opened, or are gone."""
        for handle in handles:
            if handle.path is None:
                self.closed(handle)
            else:
                self._do(
                    "UPDATE handles SET path = ? WHERE number = ?", handle.path, handle.number
                )
            self.doomed(handle.entry)

    def doomed(self, entry: OpenEntry) -> None:
        """A file is to be deleted at its last close, or not any more."""
        if self.db is None:
            return
        identity = identity_text(entry.identity)
        if entry.delete_pending and entry.path is not None:
            row = identity, entry.share, entry.path
            self._do("INSERT OR REPLACE INTO deletions VALUES (?, ?, ?)", *row)
        else:
            self.undoomed(identity)

    def undoomed(self, identity: str) -> None:
        """A file is deleted."""
        self._do("DELETE FROM deletions WHERE identity = ?", identity)

    # --- what is done once ---

    def intends(self, lessee: str, number: int, name: str, before: dict[str, Any]) -> None:
        """What is about to be done, and how things are before; in the kernel at once."""
        row = (lessee, number, name, json.dumps(before), None)
        self._do("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", *row)
        self.settle()

    def replied(self, lessee: str, number: int, reply: Message) -> None:
        """It is done."""
        text = json.dumps([type(reply).__name__, reply.codec.to_fields(reply)])
        self._do(
            "UPDATE replies SET reply = ? WHERE lessee = ? AND number = ?", text, lessee, number
        )

    def forgotten(self, lessee: str, numbers: Sequence[int] | None) -> None:
        """These replies, or all of a lessee, will not be asked for any more."""
        if numbers is None:
            self._do("DELETE FROM replies WHERE lessee = ?", lessee)
        for number in numbers or ():
            self._do("DELETE FROM replies WHERE lessee = ? AND number = ?", lessee, number)


def claim_text(claim: Claim) -> str:
    """A lock as it is noted; its end may be larger than SQLite's integers."""
    return json.dumps(list(dataclasses.astuple(claim)))


def identity_text(identity: Identity) -> str:
    """Inodes may be larger than SQLite's integers."""
    return f"{identity[0]}:{identity[1]}"
