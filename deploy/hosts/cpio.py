"""Archives that a kernel unpacks as its first file system, in the format `newc`.

Written without root and without the program `cpio`, and byte for byte the same every time:
everything belongs to user 0, has no time, and a folder's files come in the order of their
names. An archive is a multiple of 4 bytes, so one may be appended to another.
"""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = "070701"
END = "TRAILER!!!"
ALIGNED_TO = 4
SIZE_MAX = 0xFFFF_FFFF  # eight hexadecimal digits


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder, symlink or device; a symlink's content is its target."""

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(path: str, content: bytes, permissions: int = 0o644) -> Entry:
    """An ordinary file."""
    return Entry(path, stat.S_IFREG | permissions, content)


def folder(path: str, permissions: int = 0o755) -> Entry:
    """A folder."""
    return Entry(path, stat.S_IFDIR | permissions)


def link(path: str, target: str) -> Entry:
    """A symlink."""
    return Entry(path, stat.S_IFLNK | 0o777, _bytes(target))


def device(path: str, permissions: int, major: int, minor: int) -> Entry:
    """A character device."""
    return Entry(path, stat.S_IFCHR | permissions, device=(major, minor))


def write(out: BinaryIO, entries: Iterable[Entry]) -> None:
    """Write an archive of `entries`; a folder comes before what is in it.

    Raises ValueError for what a kernel would not unpack as it stands.
    """
    for number, entry in enumerate(entries, start=1):
        _check(entry)
        _write_one(out, number, entry)
    _write_one(out, 0, Entry(END, 0))


def tree(top: Path, under: str = "") -> Iterator[Entry]:
    """All that is in the folder `top`, with the folder `under` before every path."""
    if under:
        yield folder(under)
    for path in sorted(top.iterdir()):
        name = f"{under}/{path.name}" if under else path.name
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _branch(path, name, mode)
        elif stat.S_ISLNK(mode):
            yield link(name, str(path.readlink()))
        elif stat.S_ISREG(mode):
            yield Entry(name, mode, path.read_bytes())


def _branch(path: Path, name: str, mode: int) -> Iterator[Entry]:
    inside = tree(path, name)
    next(inside)  # the folder itself, which has its own permissions
    yield Entry(name, mode)
    yield from inside


def _check(entry: Entry) -> None:
    steps = entry.path.split("/")
    if entry.path == END or "\0" in entry.path or {"", ".", ".."} & set(steps):
        raise ValueError(f"not a path in an archive: {entry.path!r}")
    if len(entry.content) > SIZE_MAX:
        raise ValueError(f"{entry.path} is too large for an archive")


def _write_one(out: BinaryIO, number: int, entry: Entry) -> None:
    name = _bytes(entry.path) + b"\0"
    size = len(entry.content)
    # Its number; mode; user, group; 1 name; no time; size; disk; device; name's size; no sum.
    fields = (number, entry.mode, 0, 0, 1, 0, size, 0, 0, *entry.device, len(name), 0)
    head = MAGIC + "".join(f"{field:08x}" for field in fields)
    for part in (head.encode() + name, entry.content):
        out.write(part + bytes(-len(part) % ALIGNED_TO))


def _bytes(name: str) -> bytes:
    """A name as the disk has it, which need not be UTF-8."""
    return name.encode(errors="surrogateescape")
