"""The journal's file: what is wrong with it is said in one line; what is in it is little."""

import pytest
import structlog

from redird.wire.config import ConfigError
from shareserver import journal as module
from shareserver.database import connect
from shareserver.journal import Journal
from shareserver.ledger import ConnectionLedger


def complaint(path):
    with pytest.raises(ConfigError) as caught:
        connect(str(path))
    text = str(caught.value)
    assert text.startswith(f"journal: {path}: ")
    return text.removeprefix(f"journal: {path}: ")


def test_a_new_file_and_its_own_are_opened(tmp_path):
    path = tmp_path / "journal"
    for _ in range(2):
        connect(str(path)).close()
    path.write_bytes(b"")
    connect(str(path)).close()


def test_another_programs_file_is_left_alone(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b"some text, " * 1000)
    assert "file is not a database; remove it, or name another file" == complaint(path)
    assert path.read_bytes().startswith(b"some text")


def test_another_version_is_named(tmp_path):
    path = tmp_path / "journal"
    db = connect(str(path))
    db.execute("PRAGMA user_version=7")
    db.close()
    assert complaint(path).startswith("is of version 7, this server writes 1;")


def test_a_damaged_one_is_not_believed(tmp_path):
    path = tmp_path / "journal"
    db = connect(str(path))
    rows = ((number, "x" * 100) for number in range(2000))
    db.executemany("INSERT INTO facts VALUES (?, ?)", rows)
    db.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xa5" * 8192
    path.write_bytes(data)
    assert "malformed; remove it, or name another file" in complaint(path)


def test_nor_a_folder_nor_a_file_nowhere_is_one(tmp_path):
    assert "is a directory" in complaint(tmp_path)
    assert "no such file or directory" in complaint(tmp_path / "none" / "journal")


def test_two_cannot_have_it(tmp_path):
    path = tmp_path / "journal"
    db = connect(str(path))
    assert "another running server has it" in complaint(path)
    db.close()


def test_a_journal_that_cannot_be_written_is_in_memory_until_it_can(tmp_path):
    """What the file says would be wrong later: it goes, and comes again as a whole."""
    path = tmp_path / "journal"
    db = connect(str(path))
    journal = Journal(db, str(path))
    journal.note("epoch", 1)
    journal.settle()
    db.execute("PRAGMA max_page_count=1")
    with structlog.testing.capture_logs() as entries:
        for number in range(100):
            journal.note(f"key {number}", "x" * 10_000)
            journal.settle()
        assert ["journal_failed"] == [entry["event"] for entry in entries]
        assert [] == list(tmp_path.iterdir())
        assert 101 == len(journal.rows("meta"))

        journal.try_again(full)
        assert [] == list(tmp_path.iterdir())
        journal.try_again(connect)
        assert "journal_recovered" == entries[-1]["event"]
    journal.note("epoch", 2)
    journal.close()

    again = Journal(connect(str(path)))
    assert 101 == len(again.rows("meta"))
    assert 2 == again.meta("epoch", 0)


def full(path):
    """The disk is full still."""
    db = connect(path)
    db.execute("PRAGMA max_page_count=12")
    return db


def test_history_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "FACTS_MAX", 50)
    monkeypatch.setattr(module, "AHEAD", 10)
    ledger = ConnectionLedger()
    journal = Journal(connect(":memory:"))
    journal.watch(ledger, {"tree": ledger}, 0)
    for now in range(200):
        ledger.admit("docs", None, 1, 1, "u", now)
        ledger.release(now + 1, now)
        journal.settle()
    rows = journal.rows("facts")
    assert 50 <= len(rows) <= 60
    assert 400 == rows[-1][0]
    assert 200 < journal.meta("last tree", 0) <= 210


def test_what_was_not_settled_is_not_there():
    db = connect(":memory:")
    journal = Journal(db)
    journal.note("a", 1)
    journal.settle()
    journal.note("b", 2)
    journal.sever()
    assert [("a", 1)] == Journal(db).rows("meta")


def test_without_a_file_nothing_is_kept():
    journal = Journal(None)
    journal.note("a", 1)
    journal.settle()
    journal.sever()
    journal.close()
    assert [] == journal.rows("meta")
    assert 7 == journal.meta("a", 7)
