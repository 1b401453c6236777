"""Extended attributes, extents and copies: one suite for every store."""

import errno
import os

import pytest

from redird.wire import files as f
from shareserver.store import diskparts
from shareserver.store.parts import COPY_BYTES_MAX, XATTR_BYTES_MAX
from tests.core import stores
from tests.core.stores import get, put, refused

nothing_leaks = pytest.fixture(autouse=True)(stores.nothing_leaks)
root = pytest.fixture(stores.shared_folder)
store = pytest.fixture(params=["openat2", "walk", "memory"])(stores.store)
opened = pytest.fixture(stores.opened)
KEEP, PUNCH, ZERO = f.ALLOCATE_KEEP_SIZE, f.ALLOCATE_PUNCH_HOLE, f.ALLOCATE_ZERO_RANGE


@pytest.fixture
def xattrs(root):
    """Skip where the file system has none."""
    try:
        os.setxattr(root, "user.try", b"")
        os.removexattr(root, "user.try")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error}")


# --- extended attributes ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "folder", "looked at"])
def test_xattrs_are_kept_with_the_file(store, opened, xattrs, kind):
    put(store, "a")
    store.make_directory("f")
    file = store.look("a") if kind == "looked at" else opened("f" if kind == "folder" else "a")
    assert [] == file.xattrs()
    file.set_xattr("user.b", b"\0\xff", "")
    file.set_xattr("user.é", b"", "create")
    file.set_xattr("user.b", b"2", "replace")

    assert ["user.b", "user.é"] == file.xattrs()
    assert (b"2", b"") == (file.xattr("user.b"), file.xattr("user.é"))
    file.remove_xattr("user.b")
    assert ["user.é"] == file.xattrs()
    file.close()


def test_xattrs_that_cannot_be_are_refused(store, opened, xattrs):
    put(store, "a")
    file = opened("a")
    file.set_xattr("user.a", b"kept", "")
    for name, value, must, status in (
        ("user.a", b"", "create", "OBJECT_NAME_COLLISION"),
        ("user.b", b"", "replace", "NONEXISTENT_EA_ENTRY"),
        ("user.b", b"", "perhaps", "INVALID_PARAMETER"),
        ("user.", b"", "", "INVALID_PARAMETER"),
        ("user.\0", b"", "", "INVALID_PARAMETER"),
        ("user.\ud800", b"", "", "INVALID_PARAMETER"),
        ("user." + "b" * 251, b"", "", "NAME_TOO_LONG"),
        ("user.b", bytes(XATTR_BYTES_MAX + 1), "", "EA_TOO_LARGE"),
        ("security.selinux", b"", "", "ACCESS_DENIED"),
        ("trusted.b", b"", "", "ACCESS_DENIED"),
        ("b", b"", "", "ACCESS_DENIED"),
    ):
        with refused(status):
            file.set_xattr(name, value, must)
    for name in ("user.b", "security.selinux", "trusted.b", "b"):
        with refused("NONEXISTENT_EA_ENTRY"):
            file.xattr(name)
    for name, status in (("user.b", "NONEXISTENT_EA_ENTRY"), ("trusted.b", "ACCESS_DENIED")):
        with refused(status):
            file.remove_xattr(name)

    assert ["user.a"] == file.xattrs()
    assert b"kept" == file.xattr("user.a")


def test_a_symlink_has_no_xattrs_of_its_own(store, xattrs):
    put(store, "a")
    store.symlink("ln", "a")
    file = store.look("ln", follow=False)
    for use in (
        lambda: file.set_xattr("user.a", b"", ""),
        lambda: file.remove_xattr("user.a"),
    ):
        with refused("ACCESS_DENIED"):
            use()
    with refused("NONEXISTENT_EA_ENTRY"):
        file.xattr("user.a")
    assert [] == file.xattrs()
    file.close()


def test_only_xattrs_for_users_are_shown(root, opened, xattrs):
    store = stores.store_of("walk", root)
    put(store, "a")
    try:
        os.setxattr(root / "a", "trusted.secret", b"")
    except OSError:
        pytest.skip("not root")
    os.setxattr(root / "a", b"user.\xff", b"")
    os.setxattr(root / "a", "user.shown", b"")
    file = store.look("a")

    assert ["user.shown"] == file.xattrs()
    file.close()
    store.close()


def test_a_file_system_without_xattrs_says_so(root, monkeypatch):
    def unsupported(*_, **__):
        raise OSError(errno.EOPNOTSUPP, "no")

    for name in ("getxattr", "listxattr", "setxattr", "removexattr"):
        monkeypatch.setattr(os, name, unsupported)
    store = stores.store_of("walk", root)
    put(store, "a")
    file = store.look("a")
    for use in (
        lambda: file.xattr("user.a"),
        file.xattrs,
        lambda: file.set_xattr("user.a", b"", ""),
        lambda: file.remove_xattr("user.a"),
    ):
        with refused("NOT_SUPPORTED"):
            use()
    file.close()
    store.close()


# --- extents ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "offset", "length", "data"),
    [
        (0, 2, 3, b"0123456789"),
        (0, 8, 4, b"0123456789\0\0"),
        (KEEP, 8, 4, b"0123456789"),
        (KEEP | PUNCH, 2, 3, b"01\0\0\x0056789"),
        (KEEP | PUNCH, 8, 100, b"01234567\0\0"),
        (KEEP | PUNCH, 20, 5, b"0123456789"),
        (ZERO, 8, 4, b"01234567\0\0\0\0"),
        (ZERO | KEEP, 8, 4, b"01234567\0\0"),
    ],
)
def test_allocate(store, opened, how, offset, length, data):
    put(store, "a", b"0123456789")
    file = opened("a", writable=True)
    file.allocate(how, offset, length)

    assert data == file.read(0, 100)
    assert len(data) == file.info().size


@pytest.mark.parametrize("how", [PUNCH, PUNCH | ZERO | KEEP, 0x08, 0x20 | KEEP, -1, 1 << 40])
def test_an_allocation_nobody_knows_is_refused(store, opened, how):
    put(store, "a", b"kept")
    with refused("NOT_SUPPORTED", "a"):
        opened("a", writable=True).allocate(how, 0, 1)
    assert b"kept" == get(store, "a")


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, 0), (0, -1), (2**63 - 1, 1)])
def test_an_allocation_that_cannot_be_is_refused(store, opened, offset, length):
    with refused("INVALID_PARAMETER", "a"):
        opened("a", writable=True, create="must").allocate(0, offset, length)


def test_nothing_is_allocated_without_the_right(store, opened):
    put(store, "a")
    store.make_directory("f")
    with refused("ACCESS_DENIED", "a"):
        opened("a").allocate(0, 0, 1)
    with refused("FILE_IS_A_DIRECTORY", "f"):
        opened("f").allocate(0, 0, 1)


def test_a_range_is_zeroed_where_the_file_system_knows_no_way(root, opened, monkeypatch):
    def without_zero_range(descriptor, how, offset, length):
        if how & ZERO:
            raise OSError(errno.EOPNOTSUPP, "no")
        allocate(descriptor, how, offset, length)

    allocate = diskparts._allocate
    monkeypatch.setattr(diskparts, "_allocate", without_zero_range)
    store = stores.store_of("walk", root)
    put(store, "a", b"0123456789")
    file, _ = store.open("a", writable=True, create="never", directory=False)
    file.allocate(ZERO, 8, 4)
    assert b"01234567\0\0\0\0" == file.read(0, 100)
    file.close()
    store.close()


def test_data_and_holes_are_found(store, opened):
    file = opened("a", writable=True, create="must")
    file.write(0, b"x" * 5000)

    assert (0, 4321) == (file.seek(0, False), file.seek(4321, False))
    assert 5000 == file.seek(0, True)
    for offset in (5000, 6000):
        for hole in (False, True):
            with refused("END_OF_FILE", "a"):
                file.seek(offset, hole)
    with refused("INVALID_PARAMETER", "a"):
        file.seek(-1, False)
    assert 5000 == file.append(b"y")  # the position is nobody's business
    store.make_directory("f")
    with refused("FILE_IS_A_DIRECTORY", "f"):
        opened("f").seek(0, False)


def test_a_hole_on_the_disk_is_told(root):
    store = stores.store_of("walk", root)
    file, _ = store.open("a", writable=True, create="must", directory=False)
    file.write(1 << 20, b"x")
    file.set_info(size=4 << 20)
    data = file.seek(0, False)
    if data == 0:
        pytest.skip("this file system tells of no holes")
    assert 1 << 20 == data
    assert 0 == file.seek(0, True)
    with refused("END_OF_FILE"):
        file.seek(3 << 20, False)
    file.close()
    store.close()


# --- copying ----------------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_range_is_copied(store, opened, monkeypatch, by_hand):
    def refusing(*_, **__):
        raise OSError(errno.EXDEV, "no")

    if by_hand:
        monkeypatch.setattr(os, "copy_file_range", refusing)
    put(store, "a", b"0123456789")
    put(store, "b", b"abc")
    source, target = opened("a"), opened("b", writable=True)

    assert 4 == target.copy_from(source, 2, 1, 4)
    assert b"a2345" == target.read(0, 100)
    assert 2 == target.copy_from(source, 8, 6, 100)
    assert b"a2345\x0089" == target.read(0, 100)
    assert 0 == target.copy_from(source, 10, 0, 5) == target.copy_from(source, 0, 0, 0)
    assert 2 == target.copy_from(target, 6, 0, 2)
    assert b"89345\x0089" == target.read(0, 100)


def test_no_more_than_a_bound_is_copied_at_once(store, opened):
    source = opened("a", writable=True, create="must")
    source.set_info(size=COPY_BYTES_MAX + 5)
    target = opened("b", writable=True, create="must")

    assert COPY_BYTES_MAX == target.copy_from(source, 0, 0, COPY_BYTES_MAX + 5)
    assert 5 == target.copy_from(source, COPY_BYTES_MAX, COPY_BYTES_MAX, 10)
    assert COPY_BYTES_MAX + 5 == target.info().size


def test_a_copy_that_cannot_be_is_refused(store, opened):
    put(store, "a", b"0123456789")
    store.make_directory("f")
    file, reader, folder = opened("a", writable=True), opened("a"), opened("f")
    for where in ((-1, 0, 1), (0, -1, 1), (0, 0, -1), (2**63 - 1, 0, 1), (0, 2**63 - 1, 1)):
        with refused("INVALID_PARAMETER", "a"):
            file.copy_from(reader, *where)
    with refused("INVALID_PARAMETER", "a"):  # they overlap
        file.copy_from(reader, 0, 3, 4)
    with refused("ACCESS_DENIED", "a"):
        reader.copy_from(file, 0, 5, 5)
    with refused("FILE_IS_A_DIRECTORY", "f"):
        file.copy_from(folder, 0, 0, 1)
    reader.close()
    with refused("FILE_CLOSED", "a"):
        file.copy_from(reader, 0, 5, 5)
