"""Programs that people use, at work on a mount: what they leave is what a local disk has."""

import filecmp
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.foreground_mounts import House, Mount, house, run

pytestmark = pytest.mark.time_limit(120)


@pytest.fixture(name="there")
def there_fixture(tmp_path):
    with house(tmp_path) as made:
        yield made


@pytest.fixture(name="mnt")
def mnt_fixture(there: House) -> Mount:
    return there.mount()


@pytest.fixture(name="tree")
def tree_fixture(tmp_path) -> Path:
    """A small tree of all kinds: files, folders, symlinks, a hard link, modes, odd names."""
    root = tmp_path / "tree"
    (root / "folder" / "deeper").mkdir(parents=True)
    (root / "folder" / "deeper" / "empty").touch()
    (root / "folder" / "data.bin").write_bytes(os.urandom(300_000))
    (root / "script").write_text("#!/bin/sh\necho yes\n")
    (root / "script").chmod(0o755)
    (root / "read only").write_text("as it is\n")
    (root / "read only").chmod(0o444)
    (root / "ünïcödé").write_text("ok")
    (root / "relative").symlink_to("folder/data.bin")
    (root / "dangling").symlink_to("/nowhere/at/all")
    os.link(root / "script", root / "second name")
    for number in range(200):
        (root / "folder" / f"{number:03}").write_text(str(number))
    os.utime(root / "script", ns=(1_234_567_890_123_456_789, 1_234_567_890_987_654_321))
    return root


def assert_same(one: Path, other: Path) -> None:
    """The same names, kinds, contents, modes, and times to the nanosecond of files."""
    names = sorted(os.listdir(one))
    assert names == sorted(os.listdir(other))
    for name in names:
        a, b = one / name, other / name
        x, y = a.lstat(), b.lstat()
        assert (x.st_mode, x.st_nlink) == (y.st_mode, y.st_nlink), name
        if a.is_symlink():
            assert os.readlink(a) == os.readlink(b)
        elif a.is_dir():
            assert_same(a, b)
        else:
            assert filecmp.cmp(a, b, shallow=False), name
            assert x.st_mtime_ns == y.st_mtime_ns, name


def test_cp_archives(mnt, there, tree):
    run("cp", "-a", tree, mnt.at)
    assert_same(tree, mnt.at / "tree")
    assert_same(tree, there.docs / "tree")


def test_rsync_finds_nothing_left_to_do(mnt, there, tree, requires):
    requires("rsync")
    run("rsync", "-aH", f"{tree}/", mnt.at / "copy")
    assert "" == run("rsync", "-aHi", f"{tree}/", mnt.at / "copy")
    assert_same(tree, there.docs / "copy")


def test_tar_there_and_back(mnt, there, tree, tmp_path):
    run("tar", "--format=posix", "-cf", mnt.at / "tree.tar", "-C", tree.parent, "tree")
    (mnt.at / "out").mkdir()
    run("tar", "xf", mnt.at / "tree.tar", "-C", mnt.at / "out")
    assert_same(tree, there.docs / "out" / "tree")


def test_git_lives_there(mnt, there, tree, tmp_path, requires):
    requires("git")
    env = {
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    work = mnt.at / "work"
    run("git", "init", "-q", work, env=env)
    run("cp", "-a", f"{tree}/.", work)
    run("git", "add", "-A", cwd=work, env=env)
    run("git", "commit", "-qm", "all of it", cwd=work, env=env)
    assert "" == run("git", "status", "--porcelain", cwd=work, env=env)
    for number in range(3):
        (work / "script").write_text(f"version {number}\n")
        run("git", "commit", "-qam", f"version {number}", cwd=work, env=env)
    run("git", "gc", "-q", cwd=work, env=env)
    run("git", "fsck", "--strict", cwd=work, env=env)
    run("git", "clone", "-q", work, mnt.at / "clone", env=env)
    assert "version 2\n" == (there.docs / "clone" / "script").read_text()
    assert "" == run("git", "status", "--porcelain", cwd=mnt.at / "clone", env=env)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_sqlite_keeps_its_word(mnt, there, journal):
    path = mnt.at / "data.db"
    with sqlite3.connect(path) as db:
        assert journal == db.execute(f"pragma journal_mode={journal}").fetchone()[0]
        db.execute("create table t (n integer primary key, text)")
        db.executemany("insert into t values (?, ?)", [(n, "x" * n) for n in range(500)])
    with sqlite3.connect(path) as db, sqlite3.connect(path) as other:
        db.execute("delete from t where n % 2")
        assert 500 == other.execute("select count(*) from t").fetchone()[0]
        db.commit()
        assert 250 == other.execute("select count(*) from t").fetchone()[0]
        assert [("ok",)] == other.execute("pragma integrity_check").fetchall()
    db.close()
    other.close()
    with sqlite3.connect(there.docs / "data.db") as db:
        assert 250 == db.execute("select count(*) from t").fetchone()[0]
    db.close()


def test_two_mounts_do_not_tear_one_database(there):
    first, second = there.mount("one").at, there.mount("two").at
    with sqlite3.connect(first / "data.db", timeout=30) as db:
        db.execute("create table t (who, n)")
    db.close()
    script = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n"
        "for n in range(25):\n"
        "    db.execute('begin immediate')\n"
        "    db.execute('insert into t values (?, ?)', (sys.argv[2], n))\n"
        "    db.execute('commit')\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(at / "data.db"), at.name])
        for at in (first, second)
    ]
    assert [0, 0] == [one.wait(100) for one in both]
    with sqlite3.connect(second / "data.db") as db:
        found = db.execute("select who, count(*) from t group by who order by who").fetchall()
        assert [("one", 25), ("two", 25)] == found
        assert [("ok",)] == db.execute("pragma integrity_check").fetchall()
    db.close()


def test_an_editor_saves_by_rename(mnt, there):
    """As vim and others do: write beside, sync, rename over."""
    target = mnt.at / "notes.txt"
    target.write_text("old")
    for number in range(20):
        beside = mnt.at / f".notes.{number}"
        with beside.open("w") as file:
            file.write(f"version {number}")
            file.flush()
            os.fsync(file.fileno())
        beside.rename(target)
        assert f"version {number}" == target.read_text()
    assert ["notes.txt"] == os.listdir(there.docs)
