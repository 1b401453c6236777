"""Locks through mounts: two hosts, and two programs on one, exclude each other."""

import errno
import fcntl
import os
import re
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import pytest
import trio

from clients.session import logon

HOLD = """
import fcntl, os, sys
path, how, start, length = sys.argv[1:]
file = os.open(path, os.O_RDWR)
if how == "flock":
    fcntl.flock(file, fcntl.LOCK_EX)
else:
    fcntl.lockf(file, fcntl.LOCK_EX, int(length), int(start))
print("held", flush=True)
sys.stdin.read()
"""

COUNT = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
for _ in range(50):
    database.execute("begin immediate")
    (value,) = database.execute("select value from counter").fetchone()
    database.execute("update counter set value = ?", (value + 1,))
    database.execute("commit")
"""


@pytest.fixture(params=["here", "elsewhere"])
def there(request, share, elsewhere):
    """Where the other program sees the share."""
    return share[1] if request.param == "here" else elsewhere


@pytest.fixture
def path(share, request):
    """A new file on the mount."""
    path = share[1] / re.sub(r"\W", "_", request.node.name)
    path.write_bytes(bytes(100))
    return path


class Holder:
    """Another program that holds a lock until it is told to end."""

    def __init__(self, path, how, start=0, length=0):
        arguments = [sys.executable, "-c", HOLD, str(path), how, str(start), str(length)]
        self.program = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.program.stdout is not None
        assert b"held\n" == self.program.stdout.readline()

    def end(self, kill=False):
        if kill:
            self.program.kill()
        self.program.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


in_thread = trio.to_thread.run_sync


def locked(act, *args):
    with pytest.raises(OSError, match="temporarily unavailable") as no:
        act(*args)
    assert errno.EAGAIN == no.value.errno


def test_an_flock_excludes_another_program(path, there):
    with path.open("rb") as file:
        with Holder(there / path.name, "flock"):
            locked(fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked(fcntl.flock, file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel tells of the last close a moment later


def test_ranges_exclude_another_program(path, there):
    with path.open("r+b") as file:
        now = fcntl.LOCK_EX | fcntl.LOCK_NB
        with Holder(there / path.name, "posix", 10, 10):
            locked(fcntl.lockf, file, now, 1, 19)
            locked(fcntl.lockf, file, now)
            fcntl.lockf(file, now, 10, 20)
            fcntl.lockf(file, now, 10, 0)
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 15, 1, 0)
            kind, _, start, length, _ = struct.unpack(
                "hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, asked)
            )
            assert (fcntl.F_WRLCK, 10, 10) == (kind, start, length)
        fcntl.lockf(file, fcntl.LOCK_EX)


@pytest.mark.parametrize("how", ["flock", "posix"])
@pytest.mark.parametrize("kill", [False, True], ids=["ends", "is killed"])
def test_who_waits_is_served_when_the_other_program(path, there, how, kill):
    with path.open("r+b") as file:
        holder = Holder(there / path.name, how)
        ends = threading.Timer(0.5, holder.end, [kill])
        ends.start()
        began = time.monotonic()
        lock = fcntl.flock if how == "flock" else fcntl.lockf
        lock(file, fcntl.LOCK_EX)
        assert 0.4 < time.monotonic() - began < 5
        ends.join()


async def test_a_mandatory_lock_is_seen_by_programs(path, there, share):
    """What the kernel has read before is no way around it."""
    with (there / path.name).open("r+b", 0) as file:
        assert bytes(100) == await in_thread(file.read)
        descriptor = file.fileno()
        async with (
            logon(share[0].redirector.unix, "guest") as session,
            session.open(rf"\\files\docs\{path.name}", "r+b") as other,
        ):
            await other.lock(0, 10)
            with pytest.raises(PermissionError):
                await in_thread(os.pread, descriptor, 5, 5)
            with pytest.raises(PermissionError):
                await in_thread(os.pwrite, descriptor, b"x", 5)
            await other.unlock(0, 10)
            assert bytes(5) == await in_thread(os.pread, descriptor, 5, 5)


def test_two_programs_count_in_one_database(path, there):
    """Every increment reads what the last one wrote, whichever mount that came through."""
    path.unlink()
    with sqlite3.connect(path, timeout=60) as database:
        database.execute("create table counter (value integer)")
        database.execute("insert into counter values (0)")
    database.close()
    both = [
        subprocess.Popen([sys.executable, "-c", COUNT, str(at)])
        for at in (path, there / path.name)
    ]
    assert [0, 0] == [one.wait(60) for one in both]
    database = sqlite3.connect(path)
    assert [(100,)] == database.execute("select value from counter").fetchall()
    assert [("ok",)] == database.execute("pragma integrity_check").fetchall()
    database.close()
