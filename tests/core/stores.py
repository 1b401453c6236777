"""What the tests of the stores share: how to make one, and how to say what is expected of it.

The generators are made fixtures by the modules that use them.
"""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver.store import Store, renaming
from shareserver.store.beneath import best, by_openat2, by_walk
from shareserver.store.disk import DiskStore
from shareserver.store.memory import MemoryStore

BY_PATH = {
    "open": lambda store, path: store.open(
        path, writable=True, create="never", directory=False
    ),
    "make": lambda store, path: store.open(path, writable=True, create="must", directory=None),
    "make or open": lambda store, path: store.open(
        path, writable=True, create="may", directory=None
    ),
    "make folder": lambda store, path: store.open(
        path, writable=False, create="must", directory=True
    ),
    "info": lambda store, path: store.info(path),
    "identify": lambda store, path: store.identify(path),
    "rename": lambda store, path: store.rename(path, "free", replace=False),
    "rename to": lambda store, path: store.rename("there", path, replace=True),
    "unlink": lambda store, path: store.unlink(path),
    "link": lambda store, path: store.link(path, "free"),
    "link to": lambda store, path: store.link("there", path),
    "symlink": lambda store, path: store.symlink(path, "there"),
    "read_link": lambda store, path: store.read_link(path),
    "look": lambda store, path: store.look(path),
    "make_directory": lambda store, path: store.make_directory(path),
    "remove_directory": lambda store, path: store.remove_directory(path),
}
MAKING = {
    "make",
    "make or open",
    "make folder",
    "make_directory",
    "rename to",
    "link to",
    "symlink",
}


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def nothing_leaks():
    umask = os.umask(0o022)
    before = len(descriptors())
    yield
    os.umask(umask)
    assert len(descriptors()) == before


def shared_folder(tmp_path):
    """The folder that is shared, with neighbours that are not."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (tmp_path / "share").mkdir()
    return tmp_path / "share"


def store(request, root, monkeypatch):
    made = store_of(request.param, root)
    if request.param == "walk":
        monkeypatch.setattr(renaming, "_renameat2", None)
    yield made
    made.close()


def store_of(kind: str, root: Path) -> Store:
    if kind == "memory":
        return MemoryStore()
    if kind == "walk":
        return DiskStore(str(root), by_walk)
    folder = os.open(root, os.O_PATH)
    try:
        if best(folder) is not by_openat2:
            pytest.skip("this kernel, or its sandbox, has no openat2")
    finally:
        os.close(folder)
    return DiskStore(str(root), by_openat2)


def opened(store):
    """Open a file for the length of the test."""
    files = []

    def open_one(path, *, writable=False, create="never", directory=None, **more):
        file, _ = store.open(
            path, writable=writable, create=create, directory=directory, **more
        )
        files.append(file)
        return file

    yield open_one
    for file in files:
        file.close()


@contextmanager
def refused(status, subject=None):
    with pytest.raises(Refused) as caught:
        yield caught
    assert caught.value.status is Status[f"STATUS_{status}"]
    assert subject is None or caught.value.subject == subject


def put(store: Store, path: str, data: bytes = b"") -> None:
    file, _ = store.open(path, writable=True, create="may", directory=False)
    file.set_info(size=0)
    file.write(0, data)
    file.close()


def get(store: Store, path: str) -> bytes:
    file, _ = store.open(path, writable=False, create="never", directory=False)
    try:
        return file.read(0, 1 << 20)
    finally:
        file.close()


def names(store: Store, path: str = "") -> list[str]:
    file, _ = store.open(path, writable=False, create="never", directory=True)
    try:
        return [entry.name for entry in file.entries()]
    finally:
        file.close()
