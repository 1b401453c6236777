"""What only a real disk does: symlinks, things that are no files, faults, and running full."""

import ctypes
import errno
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from redird.wire.errors import Refused
from shareserver.store import beneath, renaming
from shareserver.store.beneath import best, by_openat2, by_walk
from shareserver.store.disk import DiskStore
from tests.core import stores
from tests.core.stores import BY_PATH, MAKING, get, names, put, refused

ROOT = Path(__file__).parents[2]

nothing_leaks = pytest.fixture(autouse=True)(stores.nothing_leaks)
root = pytest.fixture(stores.shared_folder)
store = pytest.fixture(params=["openat2", "walk"])(stores.store)
opened = pytest.fixture(stores.opened)


# --- symlinks ---------------------------------------------------------------------------------


def link(root: Path, **targets: str) -> None:
    for name, target in targets.items():
        (root / name).symlink_to(target)


@pytest.mark.parametrize(
    "path",
    ["to_file", "to_folder/f", "chain3", "up/f", "f1/round/f1/f", "dot/f1/f", "folder_slash/f"],
)
def test_symlinks_beneath_the_root_are_followed(store, opened, root, path):
    (root / "f1" / "f2").mkdir(parents=True)
    (root / "f1" / "f").write_bytes(b"found")
    link(root, to_file="f1/f", to_folder="f1", chain1="f1/f", chain2="chain1")
    link(root, chain3="./chain2", up="f1/f2/..", dot=".", folder_slash="f1//")
    link(root / "f1", round="../f1/f2/../..")

    file = opened(path, writable=True, create="may")

    assert file.read(0, 9) == b"found"
    assert store.info(path) == store.info("f1/f")
    assert store.info(path).kind == "file"
    with refused("NOT_A_DIRECTORY", path):
        opened(path, directory=True)


def test_a_symlink_may_insist_on_a_folder(store, opened, root):
    (root / "file").write_bytes(b"")
    (root / "folder").mkdir()
    link(root, to_file="file/", to_folder="folder/")

    assert opened("to_folder").is_directory
    with refused("NOT_A_DIRECTORY", "to_file"):
        opened("to_file")
    with refused("OBJECT_PATH_NOT_FOUND", "to_file/a"):
        opened("to_file/a", create="may")


ESCAPES = {
    "absolute": "/etc/passwd",
    "to_neighbour": "../secret",
    "up_and_in": "../share/inside",
    "deep": "folder/../../secret",
    "chained": "to_neighbour",
    "to_root": "/",
    "to_parent": "..",
    "around": "folder/up/../secret",
    "self": "self",
    "ping": "pong",
    "pong": "ping",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_symlinks_that_leave_are_refused(store, root, name):
    (root / "inside").write_bytes(b"inside")
    (root / "folder").mkdir()
    link(root, **ESCAPES, whole=str(root / "inside"))
    link(root / "folder", up="..")

    for path in (name, f"{name}/secret", "whole"):
        for operation in ("open", "make or open", "info"):
            with refused("ACCESS_DENIED", path):
                BY_PATH[operation](store, path)
    for operation in ("make", "make folder", "unlink", "make_directory", "remove_directory"):
        with refused("ACCESS_DENIED"):
            BY_PATH[operation](store, f"{name}/outside/made")
    with refused("ACCESS_DENIED"):
        store.rename("inside", f"{name}/stolen", replace=True)


def test_a_symlink_is_a_name_of_its_own(store, root):
    (root / "f").write_bytes(b"kept")
    (root / "folder").mkdir()
    link(root, link="f", folder_link="folder", gone="none", out="../secret")
    (root / "list").mkdir()

    kinds = {name: store.identify(name)[1] for name in names(store)}
    listed, _ = store.open("", writable=False, create="never", directory=True)
    assert kinds == {entry.name: entry.info.kind for entry in listed.entries()}
    listed.close()
    assert kinds["out"] == kinds["link"] == kinds["folder_link"] == "symlink"

    store.rename("link", "list/moved", replace=False)
    assert (root / "list" / "moved").is_symlink()
    for name in ("list/moved", "folder_link", "gone", "out"):
        store.unlink(name)
    assert names(store) == ["f", "folder", "list"]
    assert get(store, "f") == b"kept"
    assert (root.parent / "secret").read_bytes() == b"secret"


def test_nothing_is_made_through_a_symlink_to_nothing(store, root):
    link(root, gone="none", out="../none", way="none/deep")

    for name in ("gone", "way"):
        with refused("OBJECT_NAME_NOT_FOUND", name):
            BY_PATH["open"](store, name)
        for operation in ("make", "make or open", "make folder", "make_directory"):
            with refused("OBJECT_NAME_COLLISION", name):
                BY_PATH[operation](store, name)
    with refused("OBJECT_PATH_NOT_FOUND"):
        BY_PATH["make"](store, "gone/a")
    with refused("OBJECT_NAME_COLLISION"):
        BY_PATH["make"](store, "out")
    assert not (root / "none").exists()
    assert not (root.parent / "none").exists()


def test_as_many_symlinks_are_followed_as_linux_does(store, root):
    (root / "0").write_bytes(b"end")
    for number in range(1, 42):
        (root / str(number)).symlink_to(str(number - 1))

    assert get(store, "40") == b"end"
    with refused("ACCESS_DENIED"):
        get(store, "41")


def test_a_folder_swapped_for_a_symlink_gives_nothing_away(store, root):
    (root / "real").mkdir()
    (root / "real" / "secret").write_bytes(b"public")
    link(root, trap="../outside")
    over = threading.Event()

    def swap():
        while not over.is_set():
            os.rename(root / "real", root / "folder")
            os.rename(root / "folder", root / "real")
            os.rename(root / "trap", root / "folder")
            os.rename(root / "folder", root / "trap")

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen, until = set(), time.monotonic() + 0.3
    while time.monotonic() < until:
        with suppress(Refused):
            seen.add(get(store, "folder/secret"))
    over.set()
    swapping.join()

    assert seen <= {b"public"}


# --- what is no file --------------------------------------------------------------------------


@pytest.mark.parametrize("writable", [False, True])
def test_opening_what_is_no_file_is_refused_at_once(store, root, writable):
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))
    kinds = ["fifo", "socket"]
    with suppress(PermissionError):
        os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        kinds.append("null")
    began = time.monotonic()

    for name in kinds:
        for create in ("never", "may"):
            with refused("ACCESS_DENIED", name):
                store.open(name, writable=writable, create=create, directory=None)
        assert store.info(name).kind == "file"
    assert names(store) == sorted(kinds)
    assert time.monotonic() - began < 1
    for name in kinds:
        store.unlink(name)
    assert names(store) == []


def test_names_that_cannot_be_said_are_left_out(store, root):
    for name in (b"\xff", b"a\xe9b", "é".encode(), b"plain"):
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(b"")

    assert names(store) == ["plain", "é"]


def test_entries_that_vanish_meanwhile_are_left_out(store, root, opened, monkeypatch):
    for name in "abc":
        put(store, name)
    scandir = os.scandir

    @contextmanager
    def with_one_gone(descriptor):
        with scandir(descriptor) as found:
            listed = list(found)
            (root / "b").unlink()
            yield iter(listed)

    folder = opened("", directory=True)
    monkeypatch.setattr(os, "scandir", with_one_gone)

    assert [entry.name for entry in folder.entries()] == ["a", "c"]


# --- a disk that misbehaves -------------------------------------------------------------------


def test_short_reads_and_writes_are_gone_on_with(store, opened, monkeypatch):
    file = opened("a", writable=True, create="must")
    pread, preadv, pwrite, pwritev = os.pread, os.preadv, os.pwrite, os.pwritev
    monkeypatch.setattr(os, "pread", lambda fd, n, at: pread(fd, min(n, 3), at))
    monkeypatch.setattr(
        os, "preadv", lambda fd, rooms, *rest: preadv(fd, [memoryview(rooms[0])[:3]], *rest)
    )
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:3], at))
    monkeypatch.setattr(
        os, "pwritev", lambda fd, data, *rest: pwritev(fd, [data[0][:3]], *rest)
    )

    assert file.write(0, b"0123456789") == 10
    assert file.append(b"abcdefgh") == 10
    for read in (file.read, file.read_now):
        assert read(1, 8) == b"12345678"
        assert read(12, 100) == b"cdefgh"


def test_an_append_torn_by_another_writer_is_no_success(store, opened, monkeypatch):
    file, other = opened("a", writable=True, create="must"), opened("a", writable=True)
    pwritev = os.pwritev

    def torn(descriptor, data, *rest):
        count = pwritev(descriptor, [data[0][:3]], *rest)
        monkeypatch.setattr(os, "pwritev", pwritev)
        other.append(b"!")
        return count

    monkeypatch.setattr(os, "pwritev", torn)
    with refused("IO_DEVICE_ERROR"):
        file.append(b"abcdef")


def test_a_full_disk_keeps_what_was_written_before(store, opened, monkeypatch):
    file = opened("a", writable=True, create="must")
    file.write(0, b"before")
    pwrite = os.pwrite

    def filling(descriptor, data, at):
        if len(data) <= 2:
            raise OSError(errno.ENOSPC, "full")
        return pwrite(descriptor, data[:-2], at)

    monkeypatch.setattr(os, "pwrite", filling)
    with refused("DISK_FULL", "a"):
        file.write(6, b"after")
    assert file.read(0, 6) == b"before"


@pytest.mark.parametrize("cold_from", [0, 3])
def test_a_read_that_would_wait_is_not_done_now(store, opened, monkeypatch, cold_from):
    put(store, "a", b"0123456789")
    file, preadv = opened("a"), os.preadv

    def partly_cached(descriptor, rooms, offset, flags):
        if offset >= cold_from:
            raise BlockingIOError(errno.EAGAIN, "cold")
        return preadv(descriptor, [memoryview(rooms[0])[: cold_from - offset]], offset, flags)

    monkeypatch.setattr(os, "preadv", partly_cached)
    assert file.read_now(0, 5) is None
    assert file.read(0, 5) == b"01234"
    monkeypatch.undo()
    assert file.read_now(0, 5) == b"01234"


def test_a_disk_that_cannot_say_whether_it_would_wait_is_asked_once(store, opened, monkeypatch):
    put(store, "a", b"0123456789")
    file, asked = opened("a"), []

    def unsupported(*arguments):
        asked.append(arguments)
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(os, "preadv", unsupported)
    assert [file.read_now(0, 5), file.read_now(5, 50)] == [b"01234", b"56789"]
    assert len(asked) == 1


def test_a_cold_file_is_read_in_a_thread(store, opened, root):
    put(store, "a", bytes(1 << 20))
    file = opened("a")
    with open(root / "a", "rb") as raw:
        os.fsync(raw.fileno())
        for _ in range(20):
            os.posix_fadvise(raw.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if (cold := file.read_now(0, 1 << 20)) is None:
                break

    assert file.read(0, 1 << 20) == bytes(1 << 20)
    if cold is not None:
        pytest.skip("this disk keeps everything in memory")


@pytest.mark.parametrize(
    ("number", "status", "detail"),
    [
        (errno.EACCES, "ACCESS_DENIED", {}),
        (errno.EPERM, "ACCESS_DENIED", {}),
        (errno.ELOOP, "ACCESS_DENIED", {}),
        (errno.EXDEV, "ACCESS_DENIED", {}),
        (errno.EROFS, "MEDIA_WRITE_PROTECTED", {}),
        (errno.ENOSPC, "DISK_FULL", {}),
        (errno.EDQUOT, "QUOTA_EXCEEDED", {}),
        (errno.ENFILE, "TOO_MANY_OPENED_FILES", {}),
        (errno.ENOMEM, "INSUFFICIENT_RESOURCES", {}),
        (errno.EIO, "IO_DEVICE_ERROR", {}),
        (errno.EMLINK, "TOO_MANY_LINKS", {}),
        (errno.ETXTBSY, "SHARING_VIOLATION", {}),
        (errno.ESTALE, "UNEXPECTED_IO_ERROR", {"errno": "ESTALE"}),
        (9999, "UNEXPECTED_IO_ERROR", {"errno": "9999"}),
    ],
)
def test_what_the_disk_says_has_one_word_on_the_wire(root, number, status, detail):
    def failing(*_, **__):
        raise OSError(number, "as told")

    store = DiskStore(str(root), failing)
    for operation, path in [("open", "a"), ("info", "a"), ("make", "a"), ("unlink", "a/b")]:
        with refused(status, path) as caught:
            BY_PATH[operation](store, path)
        assert caught.value.detail == detail
    store.close()


def test_a_root_must_be_a_folder(root, tmp_path):
    for path, status in [
        (tmp_path / "none", "OBJECT_NAME_NOT_FOUND"),
        (tmp_path / "secret", "NOT_A_DIRECTORY"),
        ("nul\0", "INVALID_PARAMETER"),
    ]:
        with refused(status, str(path)):
            DiskStore(str(path))


def test_a_new_folder_that_cannot_be_opened_is_taken_away_again(root):
    def short_of_descriptors(folder, path, flags, mode, plain=False):
        if path == b"f" and (root / "f").exists():
            raise OSError(errno.EMFILE, "too many")
        return by_walk(folder, path, flags, mode, plain)

    store = DiskStore(str(root), short_of_descriptors)
    for create in ("must", "may"):
        with refused("TOO_MANY_OPENED_FILES"):
            store.open("f", writable=False, create=create, directory=True)
        assert os.listdir(root) == []
    store.close()


def test_a_rename_cut_short_leaves_one_name(root, monkeypatch):
    def failing(*_, **__):
        raise OSError(errno.EIO, "no")

    (root / "file").write_bytes(b"")
    (root / "folder").mkdir()
    folder, unlink = os.open(root, os.O_PATH), os.unlink
    monkeypatch.setattr(os, "rename", failing)
    monkeypatch.setattr(
        os, "unlink", lambda name, **at: (failing if name == b"file" else unlink)(name, **at)
    )

    for name in (b"file", b"folder"):
        with pytest.raises(OSError, match="no"):
            renaming.by_taking(folder, name, folder, b"new")
    os.close(folder)

    assert sorted(os.listdir(root)) == ["file", "folder"]


def test_the_way_beneath_is_chosen_by_trying(root, monkeypatch):
    folder = os.open(root, os.O_PATH)
    monkeypatch.setattr(beneath, "_OPENAT2", ctypes.c_long(9999))
    assert best(folder) is by_walk
    os.close(folder)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EINTR])
def test_a_kernel_that_is_never_sure_is_not_asked_for_ever(monkeypatch, number):
    asked = []

    def unsure(*arguments):
        asked.append(arguments)
        ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(beneath, "_syscall", unsure)
    with pytest.raises(OSError, match=os.strerror(number)):
        by_openat2(0, b"a", os.O_RDONLY, 0)
    assert len(asked) == beneath.TRIES_MAX


# --- threads ----------------------------------------------------------------------------------


def test_a_close_waits_for_a_read_in_another_thread(store, opened, monkeypatch):
    put(store, "a", b"mine")
    put(store, "b", b"theirs")
    file = opened("a")
    reading, go_on, got = threading.Event(), threading.Event(), []

    def slow(descriptor, length, offset, pread=os.pread):
        reading.set()
        assert go_on.wait(10)
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", slow)
    thread = threading.Thread(target=lambda: got.append(file.read(0, 4)))
    thread.start()
    assert reading.wait(10)
    before = len(stores.descriptors())
    file.close()
    others = [opened("b") for _ in range(8)]
    assert len(stores.descriptors()) == before + len(others)
    go_on.set()
    thread.join()

    assert got == [b"mine"]
    assert len(stores.descriptors()) == before + len(others) - 1
    with refused("FILE_CLOSED"):
        file.read(0, 4)


# --- a small disk, few descriptors ------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Mount a tmpfs of 64 KiB; return its folder and a way to make it read-only."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k,nr_inodes=16", "none"]
    try:
        mounted = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.splitlines()[0]}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("kind", ["openat2", "walk"])
def test_a_full_disk_is_told_and_loses_nothing(small_disk, kind):
    store = stores.store_of(kind, small_disk)
    put(store, "kept", b"kept" * 1024)
    full, _ = store.open("full", writable=True, create="must", directory=False)

    for attempt in (lambda: full.write(0, bytes(100_000)), lambda: full.append(bytes(4096))):
        with refused("DISK_FULL", "full"):
            attempt()
    assert store.volume().free_bytes == 0
    assert full.read_now(0, 4096) == bytes(4096)
    full.close()
    store.unlink("full")
    assert get(store, "kept") == b"kept" * 1024

    with refused("DISK_FULL"):
        for number in range(16):
            put(store, f"{number}")
    made = names(store)
    with refused("DISK_FULL"):
        store.open("folder", writable=False, create="must", directory=True)
    assert names(store) == made
    store.close()


@pytest.mark.parametrize("kind", ["openat2", "walk"])
def test_a_read_only_disk_is_told(small_disk, kind):
    store = stores.store_of(kind, small_disk)
    put(store, "a", b"kept")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    harmless = {"info", "identify", "look", "read_link", "rename to", "link to", "make"}
    for operation in sorted(set(BY_PATH) - harmless):
        if operation != "remove_directory":
            path = "b" if operation in MAKING else "a"
            with refused("MEDIA_WRITE_PROTECTED"):
                BY_PATH[operation](store, path)
    assert get(store, "a") == b"kept"
    store.close()


SHORT_OF_DESCRIPTORS = """
import os, resource, sys
from redird.wire.errors import Refused
from shareserver.store import beneath
from shareserver.store.disk import DiskStore

root, way = sys.argv[1:]
os.makedirs(f"{root}/deep/er")
open(f"{root}/deep/er/f", "w").close()
store = DiskStore(root, getattr(beneath, way))
used = max(map(int, os.listdir("/proc/self/fd"))) + 1
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

def told(spare, action, *arguments, **words):
    resource.setrlimit(resource.RLIMIT_NOFILE, (used - 1 + spare, hard))
    try:
        done = action(*arguments, **words)
    except Refused as refused:
        return refused.status.name
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if isinstance(done, tuple):
        done[0].close()
    return "done"

for spare in range(5):
    words = dict(writable=True, create="must")
    print(
        told(spare, store.open, "deep/er/f", writable=True, create="never", directory=None),
        told(spare, store.open, f"deep/er/f{spare}", directory=False, **words),
        told(spare, store.open, f"deep/er/d{spare}", directory=True, **words),
        *sorted(os.listdir(f"{root}/deep/er")),
    )
"""


@pytest.mark.parametrize("way", ["by_openat2", "by_walk"])
def test_too_few_descriptors_are_told_and_leave_nothing_behind(root, way):
    stores.store_of(way.removeprefix("by_"), root).close()
    ran = subprocess.run(
        [sys.executable, "-c", SHORT_OF_DESCRIPTORS, str(root), way],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stderr == ""
    lines = [line.split() for line in ran.stdout.splitlines()]

    assert {word for line in lines for word in line[:3]} == {
        "done",
        "STATUS_TOO_MANY_OPENED_FILES",
    }
    expected = ["f"]
    for spare, (old, file, folder, *listed) in enumerate(lines):
        expected += [f"f{spare}"] if file == "done" else []
        expected += [f"d{spare}"] if folder == "done" else []
        assert listed == sorted(expected)
        assert old == file
    assert lines[0][:3] == ["STATUS_TOO_MANY_OPENED_FILES"] * 3
    assert lines[-1][:3] == ["done"] * 3
