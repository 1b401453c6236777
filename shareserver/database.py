"""The file of a journal: how it is opened, what is in it, and in words why it cannot be.

It holds the secret that the salts of unknown users are made of: only its owner may read it.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from redird.wire.config import ConfigError

VERSION = 1
APPLICATION = 0x72646A6C
log = structlog.get_logger()
CHECKPOINT_PAGES = 250  # a megabyte; what is copied in one turn
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE uses (
    tree INTEGER PRIMARY KEY, lessee TEXT, user TEXT, share TEXT, since_ns INTEGER);
CREATE TABLE handles (
    number INTEGER PRIMARY KEY, tree INTEGER, file INTEGER, lessee TEXT, user TEXT, share TEXT,
    path TEXT, identity TEXT, access INTEGER, share_mode INTEGER, delete_on_close INTEGER,
    follow INTEGER, lease INTEGER, since_ns INTEGER);
CREATE TABLE locks (
    identity TEXT, claim TEXT, PRIMARY KEY (identity, claim)) WITHOUT ROWID;
CREATE TABLE deletions (identity TEXT PRIMARY KEY, share TEXT, path TEXT) WITHOUT ROWID;
CREATE TABLE replies (
    lessee TEXT, number INTEGER, name TEXT, intent TEXT, reply TEXT,
    PRIMARY KEY (lessee, number)) WITHOUT ROWID;
CREATE TABLE receipts (number INTEGER PRIMARY KEY, row TEXT);
CREATE TABLE facts (number INTEGER PRIMARY KEY, row TEXT);
"""


Noted = list[tuple[str, tuple[Any, ...]]]  # statements and their values


class JournalFile:
    """A journal's database: in its file, or in memory as long as that cannot be written.

    `on_away` is called when that begins, before anything else is said to anybody.
    """

    def __init__(self, db: sqlite3.Connection | None, path: str) -> None:
        self.db = db
        self.is_away = False  # what is in `db` is in no file
        self.on_away: Callable[[], None] = lambda: None
        self._path = path

    def write(self, noted: Noted) -> None:
        """Commit some statements together."""
        if self.db is None:
            return
        try:
            _write(self.db, noted)
        except sqlite3.Error as error:
            self._leave(self.db, noted, error)

    def _leave(self, db: sqlite3.Connection, noted: Noted, error: sqlite3.Error) -> None:
        """An old record would be worse than none: the file goes, what was in it stays here."""
        try:
            self.db = _copied(db)
            _write(self.db, noted)
            kept = "in memory, until the file can be written again"
        except sqlite3.Error:
            self.db, kept = None, "nothing from now"
        self.is_away = self.db is not None
        log.error("journal_failed", path=self._path, reason=str(error), kept=kept)
        self._remove(db)
        self.on_away()

    def _remove(self, db: sqlite3.Connection | None) -> None:
        with suppress(sqlite3.Error):
            if db is not None:
                db.close()
        for end in ("", "-wal"):
            with suppress(OSError):
                os.unlink(self._path + end)

    def try_again(self, connect: Callable[[str], sqlite3.Connection]) -> None:
        """Write all that is in memory to the file, if that is possible now."""
        if self.db is None:
            return
        fresh = None
        try:
            fresh = connect(self._path)
            self.db.backup(fresh)
        except (ConfigError, sqlite3.Error):
            self._remove(fresh)
            return
        self.db.close()
        self.db, self.is_away = fresh, False
        log.warning("journal_recovered", path=self._path)

    def close(self) -> None:
        """End it in order."""
        db, self.db = self.db, None
        if db is not None:
            db.close()


def _copied(db: sqlite3.Connection) -> sqlite3.Connection:
    if db.in_transaction:
        db.execute("ROLLBACK")
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.backup(memory)
    return memory


def _write(db: sqlite3.Connection, noted: Noted) -> None:
    """One statement is a transaction of its own."""
    if len(noted) > 1:
        db.execute("BEGIN")
    for statement, values in noted:
        db.execute(statement, values)
    if len(noted) > 1:
        db.execute("COMMIT")


def connect(path: str) -> sqlite3.Connection:
    """Open a journal for this server alone; raises ConfigError in words."""
    try:
        if path != ":memory:":  # nobody else may read what is in it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")
        db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        db.execute("BEGIN IMMEDIATE")
        _require_ours(db, path)
        if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("the file is malformed")
        db.execute("COMMIT")
    except OSError as error:
        raise ConfigError(f"journal: {path}: {(error.strerror or '').lower()}") from None
    except sqlite3.Error as error:
        raise ConfigError(f"journal: {path}: {_words(error)}") from None
    return db


def _require_ours(db: sqlite3.Connection, path: str) -> None:
    application, version = (
        db.execute(f"PRAGMA {one}").fetchone()[0] for one in ("application_id", "user_version")
    )
    if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id={APPLICATION}")
        db.execute(f"PRAGMA user_version={VERSION}")
    elif application != APPLICATION:
        raise ConfigError(f"journal: {path}: another program's database; name another file")
    elif version != VERSION:
        raise ConfigError(
            f"journal: {path}: is of version {version}, this server writes {VERSION};"
            " start the server that wrote it, or remove it"
        )


def _words(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return "another running server has it; stop that one, or name another file"
    if "not a database" in text or "malformed" in text:
        return f"{text}; remove it, or name another file"
    return f"{text}; it must be a file that this user can write"
