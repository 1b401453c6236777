"""Two mounts of one share, as on two hosts: what one does the other sees, at once."""

import fcntl
import mmap
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes.foreground_mounts import house

pytestmark = pytest.mark.time_limit(120)

PROMISED_S = 11  # longer than win10 keeps a closed file


@pytest.fixture(name="there")
def there_fixture(tmp_path):
    with house(tmp_path) as made:
        yield made


@pytest.fixture(name="both")
def both_fixture(there) -> tuple[Path, Path]:
    return there.mount("one").at, there.mount("two").at


def test_content_size_and_times_agree_after_every_write(both):
    one, two = both
    (one / "a").write_bytes(b"")
    for number in range(50):
        writer, reader = (one, two) if number % 2 else (two, one)
        with (writer / "a").open("ab") as file:
            file.write(b"%d " % number)
        assert (writer / "a").read_bytes() == (reader / "a").read_bytes()
        assert (writer / "a").stat().st_size == (reader / "a").stat().st_size
        assert (writer / "a").stat().st_mtime_ns == (reader / "a").stat().st_mtime_ns


def test_an_open_file_sees_what_the_other_mount_writes(both):
    one, two = both
    (one / "a").write_bytes(b"x" * 8192)
    with (one / "a").open("r+b", buffering=0) as a, (two / "a").open("r+b", buffering=0) as b:
        for number in range(20):
            mark = b"%04d" % number
            os.pwrite(a.fileno(), mark, 4096)
            assert mark == os.pread(b.fileno(), 4, 4096)
            os.pwrite(b.fileno(), mark, 0)
            assert mark == os.pread(a.fileno(), 4, 0)


def test_who_only_wrote_sees_what_the_other_mount_writes_much_later(both):
    one, two = both
    with (one / "a").open("w+b", buffering=0) as a:
        a.write(b"x" * 8192)
        time.sleep(PROMISED_S)  # what the kernel was told of names and attributes is over
        with (two / "a").open("r+b", buffering=0) as b:
            os.pwrite(b.fileno(), b"news", 0)
        assert b"news" == os.pread(a.fileno(), 4, 0)


def test_names_agree(both):
    one, two = both
    assert not (two / "d").exists()
    (one / "d").mkdir()
    (one / "d" / "a").write_text("a")
    assert ["a"] == os.listdir(two / "d")
    (two / "d" / "a").rename(two / "d" / "b")
    assert not (one / "d" / "a").exists()
    assert "a" == (one / "d" / "b").read_text()
    (one / "d" / "b").unlink()
    assert not (two / "d" / "b").exists()
    assert [] == os.listdir(two / "d")
    (two / "d").rmdir()
    assert not (one / "d").exists()


def write(path, data, chance):
    data = chance.randbytes(chance.randrange(9000))
    path.write_bytes(data)
    return data


def append(path, data, chance):
    more = chance.randbytes(chance.randrange(1, 100))
    with path.open("ab") as file:
        file.write(more)
    return data + more


def read(path, data, chance):
    assert data == path.read_bytes()
    return data


def stat(path, data, chance):
    assert len(data) == path.stat().st_size
    return data


def truncate(path, data, chance):
    size = chance.randrange(9000)
    os.truncate(path, size)
    return data[:size].ljust(size, b"\0")


def unlink(path, data, chance):
    path.unlink()


MAKE = """
import os, sys
for number in range(40):
    path = f"{sys.argv[1]}-{number}"
    with open(path, "w") as file:
        file.write("x")
    os.stat(path)
    if number % 3 == 0:
        os.unlink(path)
"""


def test_two_who_make_files_in_one_folder_do_not_wait_for_each_other(both):
    if [int(part) for part in os.uname().release.split(".")[:2]] < [6, 16]:
        pytest.skip("a kernel before 6.16 forgets names under the folder's lock")
    one, two = both
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKE, str(mount / name)])
        for mount, name in ((one, "one"), (two, "two"))
    ]
    assert [0, 0] == [maker.wait(30) for maker in makers]
    assert 52 == len(os.listdir(one)) == len(os.listdir(two))


def test_random_work_leaves_both_with_the_same(both, there):
    chance, model = random.Random(248371), dict[str, bytes]()
    for _ in range(400):
        mount, name = chance.choice(both), f"f{chance.randrange(8)}"
        act = chance.choice([write, append, read, stat, truncate, unlink, None])
        if name not in model and act is not write:
            assert not (mount / name).exists()
            continue
        data, old = model.pop(name, b""), mount / name
        if act is None:
            name = f"f{chance.randrange(8)}"
            old.rename(mount / name)
        else:
            data = act(old, data, chance)
        if data is not None:
            model[name] = data
    for folder in (*both, there.docs):
        assert model == {one.name: one.read_bytes() for one in folder.iterdir()}


def test_appends_of_two_processes_are_not_lost(both):
    script = (
        "import os, sys\n"
        "fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)\n"
        "for n in range(200):\n"
        "    os.write(fd, b'%s %03d\\n' % (sys.argv[2].encode(), n))\n"
        "os.close(fd)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(at / "log"), at.name])
        for at in both
    ]
    assert [0, 0] == [one.wait(60) for one in writers]
    lines = (both[0] / "log").read_text().splitlines()
    assert sorted(f"{at.name} {n:03}" for at in both for n in range(200)) == sorted(lines)


def lock_attempt(fd: int, kind: str) -> bool:
    try:
        if kind == "flock":
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
    except (BlockingIOError, PermissionError):  # POSIX allows either
        return False
    return True


@pytest.mark.parametrize("kind", ["flock", "fcntl"])
def test_locks_exclude_each_other(both, kind):
    one, two = both
    (one / "a").write_bytes(bytes(100))
    with (one / "a").open("r+b") as a:
        assert lock_attempt(a.fileno(), kind)
        with (two / "a").open("r+b") as b:
            assert not lock_attempt(b.fileno(), kind)
            if kind == "flock":
                fcntl.flock(a.fileno(), fcntl.LOCK_UN)
            else:
                fcntl.lockf(a.fileno(), fcntl.LOCK_UN, 10, 5)
            assert lock_attempt(b.fileno(), kind)
        wait_for_lock(a.fileno(), kind)  # the kernel answers a close before it gives flock up


def wait_for_lock(fd: int, kind: str) -> None:
    deadline = time.monotonic() + 10
    while not lock_attempt(fd, kind):
        assert time.monotonic() < deadline, "the other's close has given nothing up"
        time.sleep(0.01)


def test_a_blocking_lock_is_granted_when_the_other_mount_gives_it_up(both):
    one, two = both
    (one / "a").write_bytes(bytes(100))
    script = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'r+b') as file:\n"
        "    print('asking', flush=True)\n"
        "    fcntl.lockf(file.fileno(), fcntl.LOCK_EX)\n"
        "    print('granted', flush=True)\n"
    )
    with (one / "a").open("r+b") as a:
        fcntl.lockf(a.fileno(), fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "-c", script, str(two / "a")], stdout=subprocess.PIPE, text=True
        )
        assert waiting.stdout is not None
        assert "asking\n" == waiting.stdout.readline()
        fcntl.lockf(a.fileno(), fcntl.LOCK_UN)
        assert "granted\n" == waiting.stdout.readline()
        waiting.stdout.close()
        assert 0 == waiting.wait(20)


def test_a_shared_mapping_reaches_the_other_mount(both):
    one, two = both
    (one / "a").write_bytes(bytes(8192))
    with (one / "a").open("r+b") as file, mmap.mmap(file.fileno(), 8192) as mapped:
        mapped[5000:5005] = b"hello"
        mapped.flush()
        assert b"hello" == (two / "a").read_bytes()[5000:5005]
