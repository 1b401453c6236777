"""Archives for a kernel: what `cpio` unpacks is what was packed, and always the same bytes."""

import io
import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.hosts import cpio

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=9)
TREES = st.recursive(
    st.one_of(st.binary(max_size=9), st.text("abc/", min_size=1, max_size=9)),
    lambda inside: st.dictionaries(NAMES.filter(lambda name: name not in "..."), inside),
    max_leaves=20,
)


def packed(entries) -> bytes:
    out = io.BytesIO()
    cpio.write(out, entries)
    return out.getvalue()


def entries_of(content, path: str) -> list[cpio.Entry]:
    """A folder (a dict), a file (bytes) or a symlink (a str) as entries."""
    if isinstance(content, bytes):
        return [cpio.file(path, content)]
    if isinstance(content, str):
        return [cpio.link(path, content)]
    inside = (entries_of(one, f"{path}/{name}") for name, one in content.items())
    return [cpio.folder(path), *(entry for some in inside for entry in some)]


def read(data: bytes) -> tuple[list[cpio.Entry], bytes]:
    """Read an archive as the format's description has it; also what follows it."""
    found: list[cpio.Entry] = []
    at = 0
    while True:
        assert 0 == at % 4
        assert b"070701" == data[at : at + 6]
        fields = [int(data[at + n : at + n + 8], 16) for n in range(6, 110, 8)]
        assert [0, 0, 1, 0] == fields[2:6]  # user, group, names, time
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length]
        assert b"\0" == name[-1:]
        at += 110 + length + -(110 + length) % 4
        content, at = data[at : at + size], at + size + -size % 4
        if name == b"TRAILER!!!\0":
            return found, data[at:]
        device = (fields[9], fields[10])
        path = name[:-1].decode(errors="surrogateescape")
        found.append(cpio.Entry(path, mode, content, device))


@settings(max_examples=40)
@given(TREES)
def test_what_is_packed_is_read_again(content):
    entries = entries_of(content, "top")

    assert (entries, b"") == read(packed(entries))


@settings(max_examples=40)
@given(TREES, TREES)
def test_one_archive_may_follow_another(first, second):
    first, second = entries_of(first, "a"), entries_of(second, "b")
    found, rest = read(packed(first) + packed(second))

    assert first == found
    assert (second, b"") == read(rest)


def test_the_program_cpio_unpacks_it(tmp_path, requires):
    requires("cpio")
    entries = [
        cpio.folder("a"),
        cpio.file("a/b", b"12345"),
        cpio.file("a/run", b"\0\xff" * 3000, 0o755),
        cpio.folder("a/ümlaut", 0o700),
        cpio.link("a/ümlaut/link", "../b"),
        cpio.file("empty", b""),
    ]
    subprocess.run(["cpio", "-idm", "--quiet"], input=packed(entries), cwd=tmp_path, check=True)

    assert entries == list(cpio.tree(tmp_path))


def test_a_name_that_is_not_utf_8_is_kept_as_it_is(tmp_path):
    name = os.fsdecode(b"\xff")
    (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to(name)

    found, _ = read(packed(cpio.tree(tmp_path)))

    assert [("link", b"\xff"), (name, b"x")] == [(one.path, one.content) for one in found]


def test_a_device_has_its_numbers():
    (console,), _ = read(packed([cpio.device("dev/console", 0o600, 5, 1)]))

    assert (5, 1) == console.device
    assert stat.S_ISCHR(console.mode)


def test_a_tree_comes_in_the_order_of_its_names_whatever_made_it(tmp_path):
    def made(top: Path, names: str) -> bytes:
        (top / "under").mkdir(parents=True)
        for name in names:
            (top / "under" / name).write_text(name)
            os.utime(top / "under" / name, (ord(names[0]), 7))
        return packed(cpio.tree(top, "x"))

    one = made(tmp_path / "1", "cab")

    assert one == made(tmp_path / "2", "abc")
    assert ["x", "x/under", "x/under/a", "x/under/b", "x/under/c"] == [
        entry.path for entry in read(one)[0]
    ]


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0", "TRAILER!!!"])
def test_a_path_that_a_kernel_would_not_take_is_refused(path):
    with pytest.raises(ValueError, match="not a path"):
        packed([cpio.file(path, b"")])
