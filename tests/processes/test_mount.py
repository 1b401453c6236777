"""A share as a folder: what a local disk does, a mount does, with this host's kernel."""

import ctypes
import errno
import mmap
import os
import re
import subprocess
import time

import pytest

AT_FDCWD = -100
NOREPLACE, EXCHANGE = 1, 2


@pytest.fixture
def here(share, request):
    """A new folder on the mount, by the test's name."""
    folder = share[1] / request.node.name[:200]
    folder.mkdir()
    return folder


@pytest.fixture
def behind(share, here):
    """The same folder at the server."""
    return share[0].docs / here.name


def refused(error, act, *args):
    with pytest.raises(OSError, match=re.escape(f"[Errno {error}]")):
        act(*args)


def rename2(old, new, flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags):
        raise OSError(ctypes.get_errno(), "renameat2")


# --- content ----------------------------------------------------------------------------------


def test_what_is_written_is_at_the_server(here, behind):
    (here / "a").write_bytes(b"one")
    with (here / "a").open("ab") as file:
        file.write(b"two")
    os.truncate(here / "a", 4)

    assert b"onet" == (behind / "a").read_bytes() == (here / "a").read_bytes()


def test_what_is_written_elsewhere_is_seen(here, elsewhere):
    (here / "a").write_bytes(b"old")
    with (here / "a").open("rb") as file:
        assert b"old" == file.read()
        (elsewhere / here.name / "a").write_bytes(b"newer")
        assert b"newer" == (here / "a").read_bytes()
        file.seek(0)
        assert b"newer" == file.read()


def test_long_data_goes_through_whole(here, behind):
    data = os.urandom(5_000_001)
    (here / "a").write_bytes(data)

    assert data == (here / "a").read_bytes() == (behind / "a").read_bytes()


def test_those_who_append_do_not_overwrite_each_other(here, elsewhere, behind):
    with (here / "a").open("ab", 0) as one, (here / "a").open("ab", 0) as other:
        one.write(b"1")
        other.write(b"2")
        with (elsewhere / here.name / "a").open("ab", 0) as third:
            third.write(b"3")
        one.write(b"4")

    assert b"1234" == (behind / "a").read_bytes()


def test_a_mapped_file_is_written_back(here, behind):
    data = bytearray(os.urandom(1_000_000))
    (here / "a").write_bytes(data)
    with (here / "a").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        assert mapped[:] == data
        mapped[5:8] = data[5:8] = b"xyz"
        mapped.flush()

    assert data == (behind / "a").read_bytes()


def test_a_sparse_file_has_holes_and_can_be_allocated(here):
    with (here / "a").open("w+b") as file:
        os.pwrite(file.fileno(), b"end", 10 << 20)
        assert 0 == os.lseek(file.fileno(), 0, os.SEEK_HOLE)
        assert 0 < os.lseek(file.fileno(), 0, os.SEEK_DATA) <= 10 << 20
        refused(errno.ENXIO, os.lseek, file.fileno(), 11 << 20, os.SEEK_DATA)
        os.posix_fallocate(file.fileno(), 0, 20 << 20)
        assert 20 << 20 == os.fstat(file.fileno()).st_size


def test_a_copy_is_made_by_the_server(here):
    data = os.urandom(3_000_000)
    (here / "a").write_bytes(data)
    with (here / "a").open("rb") as source, (here / "b").open("wb") as target:
        while os.copy_file_range(source.fileno(), target.fileno(), 1 << 24):
            pass

    assert data == (here / "b").read_bytes()


def test_files_and_folders_are_brought_to_the_disk(here):
    with (here / "a").open("wb") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
        os.fdatasync(file.fileno())
    folder = os.open(here, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# --- names ------------------------------------------------------------------------------------


def test_an_exclusive_creation_fails_if_the_name_is_taken(here):
    (here / "a").touch()

    refused(errno.EEXIST, os.open, here / "a", os.O_CREAT | os.O_EXCL | os.O_WRONLY)


def test_names_have_at_most_255_bytes(here, behind):
    (here / ("n" * 255)).touch()

    assert ["n" * 255] == os.listdir(behind)
    refused(errno.ENAMETOOLONG, os.stat, here / ("n" * 256))


def test_an_absent_name_is_absent_until_it_is_made_elsewhere(here, elsewhere):
    refused(errno.ENOENT, os.stat, here / "a")
    (elsewhere / here.name / "a").touch()

    assert (here / "a").exists()


def test_a_rename_replaces_unless_told_not_to(here):
    (here / "a").write_text("a")
    (here / "b").write_text("b")
    with (here / "b").open() as replaced:
        os.rename(here / "a", here / "b")
        assert ("b", "a") == (replaced.read(), (here / "b").read_text())
    (here / "c").touch()

    refused(errno.EEXIST, rename2, here / "b", here / "c", NOREPLACE)
    refused(errno.EINVAL, rename2, here / "b", here / "c", EXCHANGE)


def test_a_folder_moves_with_what_is_open_in_it(here):
    (here / "p/q").mkdir(parents=True)
    (here / "p/q/f").write_text("x")
    with (here / "p/q/f").open() as file:
        os.rename(here / "p", here / "pp")
        assert ("x", "x") == (file.read(), (here / "pp/q/f").read_text())


def test_an_unlinked_file_can_be_used_while_it_is_open(here, behind):
    with (here / "a").open("w+") as file:
        file.write("abc")
        file.flush()
        os.unlink(here / "a")
        assert [] == os.listdir(behind)
        file.write("d")
        file.seek(0)
        assert "abcd" == file.read()
        os.ftruncate(file.fileno(), 1)
        os.fchmod(file.fileno(), 0o600)
        assert (1, 0) == (os.fstat(file.fileno()).st_size, os.fstat(file.fileno()).st_nlink)


def test_hard_links_are_one_file(here):
    (here / "a").write_text("x")
    os.link(here / "a", here / "b")
    one, other = os.stat(here / "a"), os.stat(here / "b")

    assert (one.st_ino, 2) == (other.st_ino, other.st_nlink)


def test_a_symbolic_link_says_what_it_was_told(here, behind):
    os.symlink("a", here / "s")
    os.symlink("/nowhere/x", here / "t")
    (here / "a").write_text("x")

    assert ("a", "/nowhere/x") == (os.readlink(behind / "s"), os.readlink(here / "t"))
    assert "x" == (here / "s").read_text()


def test_a_folder_is_removed_when_it_is_empty(here):
    (here / "d").mkdir()
    (here / "d/x").touch()
    refused(errno.ENOTEMPTY, os.rmdir, here / "d")
    os.unlink(here / "d/x")
    os.rmdir(here / "d")

    assert [] == os.listdir(here)


def test_a_folder_of_ten_thousand_files_is_listed_whole(here, behind):
    names = {str(number) for number in range(10_000)}
    for name in names:
        (behind / name).touch()

    listed = os.listdir(here)
    assert (names, 10_000) == (set(listed), len(listed))


# --- attributes -------------------------------------------------------------------------------


def test_times_are_kept_to_the_nanosecond(here, behind):
    (here / "a").touch()
    os.utime(here / "a", ns=(123456789_123456789, 987654321_987654321))
    there, seen = os.stat(behind / "a"), os.stat(here / "a")

    assert (123456789_123456789, 987654321_987654321) == (seen.st_atime_ns, seen.st_mtime_ns)
    assert (there.st_atime_ns, there.st_mtime_ns) == (seen.st_atime_ns, seen.st_mtime_ns)
    os.utime(here / "a")
    assert abs(time.time() - os.stat(here / "a").st_mtime) < 60


def test_permissions_are_kept(here, behind):
    (here / "a").touch()
    os.chmod(here / "a", 0o640)

    assert 0o100640 == os.stat(here / "a").st_mode == os.stat(behind / "a").st_mode


def test_the_owner_stays_who_he_is(here):
    (here / "a").touch()
    os.chown(here / "a", os.getuid(), os.getgid())

    refused(errno.EPERM, os.chown, here / "a", 12345, -1)


def test_extended_attributes(here):
    (here / "a").touch()
    os.setxattr(here / "a", "user.k", b"v")
    assert (b"v", ["user.k"]) == (os.getxattr(here / "a", "user.k"), os.listxattr(here / "a"))
    refused(errno.EEXIST, os.setxattr, here / "a", "user.k", b"w", os.XATTR_CREATE)
    os.removexattr(here / "a", "user.k")

    refused(errno.ENODATA, os.getxattr, here / "a", "user.k")
    refused(errno.EOPNOTSUPP, os.setxattr, here / "a", "trusted.k", b"v")


def test_the_disk_under_the_share(here):
    found = os.statvfs(here)

    assert 255 == found.f_namemax
    assert found.f_blocks >= found.f_bavail > 0


# --- programs ---------------------------------------------------------------------------------


def shell(text, where):
    done = subprocess.run(["sh", "-ec", text], cwd=where, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr


def test_trees_are_copied_and_archived(here):
    (here / "t/a").mkdir(parents=True)
    (here / "t/a/f").write_text("f")
    os.symlink("f", here / "t/a/s")
    os.link(here / "t/a/f", here / "t/a/h")
    shell("cp -a t t2; diff -r t t2", here)
    shell("mkdir t3; tar cf - t | tar xf - -C t3; diff -r t t3/t", here)

    assert 2 == os.stat(here / "t2/a/h").st_nlink


def test_git_keeps_a_repository_there(here, requires):
    requires("git")
    who = "-c user.name=n -c user.email=e@x"
    shell(f"git init -q .; echo x >f; git add f; git {who} commit -qm m; git fsck", here)
