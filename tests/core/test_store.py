"""One suite for every store: on the disk by either way beneath a folder, and in memory."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from redird.wire.errors import Refused
from shareserver.store import Entry, FileInfo, Store, StoreFile, components
from shareserver.store.beneath import by_walk
from shareserver.store.disk import DiskStore
from shareserver.store.memory import MemoryStore
from tests.core import stores
from tests.core.stores import BY_PATH, MAKING, get, names, put, refused

nothing_leaks = pytest.fixture(autouse=True)(stores.nothing_leaks)
root = pytest.fixture(stores.shared_folder)
store = pytest.fixture(params=["openat2", "walk", "memory"])(stores.store)
opened = pytest.fixture(stores.opened)


# --- paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a/b c/…", ("a", "b c", "…")),
        ("...", ("...",)),
        ("..a/.b", ("..a", ".b")),
        ("\\", ("\\",)),
        ("é" * 127, ("é" * 127,)),
        ("a" * 255, ("a" * 255,)),
        ("/".join(["abc"] * 1024), ("abc",) * 1024),
    ],
)
def test_a_path_is_split(path, split):
    assert components(path) == split


BAD_PATHS = [
    ("/", "OBJECT_PATH_SYNTAX_BAD"),
    ("/a", "OBJECT_PATH_SYNTAX_BAD"),
    ("a/", "OBJECT_PATH_SYNTAX_BAD"),
    ("a//b", "OBJECT_PATH_SYNTAX_BAD"),
    (".", "OBJECT_PATH_SYNTAX_BAD"),
    ("a/./b", "OBJECT_PATH_SYNTAX_BAD"),
    ("..", "OBJECT_PATH_SYNTAX_BAD"),
    ("a/../b", "OBJECT_PATH_SYNTAX_BAD"),
    ("a\0b", "OBJECT_NAME_INVALID"),
    ("a\ud800", "OBJECT_NAME_INVALID"),
    ("\udcff", "OBJECT_NAME_INVALID"),
    ("a" * 256, "NAME_TOO_LONG"),
    ("é" * 128, "NAME_TOO_LONG"),
    ("b/" + "a" * 256, "NAME_TOO_LONG"),
    ("/".join(["abc"] * 1025), "NAME_TOO_LONG"),
    ("/".join(["éé"] * 1024), "NAME_TOO_LONG"),
    ("/" * 1_000_000, "NAME_TOO_LONG"),
]


@pytest.mark.parametrize("operation", BY_PATH)
def test_a_bad_path_is_refused_by_every_operation(store, operation):
    put(store, "there")

    for path, status in BAD_PATHS:
        with refused(status):
            BY_PATH[operation](store, path)

    assert names(store) == ["there"]


@pytest.mark.parametrize("operation", BY_PATH)
def test_a_folder_on_the_way_must_be_there(store, operation):
    put(store, "there")

    for path in ("no/a", "no/no/a", "there/a", "there/a/b"):
        with refused("OBJECT_PATH_NOT_FOUND", path):
            BY_PATH[operation](store, path)

    assert names(store) == ["there"]


@pytest.mark.parametrize("operation", sorted(set(BY_PATH) - MAKING))
def test_what_is_not_made_must_be_there(store, operation):
    store.make_directory("f")

    for path in ("a", "f/a"):
        with refused("OBJECT_NAME_NOT_FOUND", path):
            BY_PATH[operation](store, path)


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("open", "FILE_IS_A_DIRECTORY"),
        ("make", "OBJECT_NAME_COLLISION"),
        ("make folder", "OBJECT_NAME_COLLISION"),
        ("make_directory", "OBJECT_NAME_COLLISION"),
        ("rename", "ACCESS_DENIED"),
        ("rename to", "ACCESS_DENIED"),
        ("unlink", "ACCESS_DENIED"),
        ("remove_directory", "ACCESS_DENIED"),
    ],
)
def test_the_root_stays_what_it_is(store, operation, status):
    put(store, "there")

    with refused(status, ""):
        BY_PATH[operation](store, "")


def test_the_root_can_be_opened_and_asked_about(store, opened):
    assert store.info("").kind == "directory"
    assert opened("", directory=True).is_directory
    assert opened("", writable=True, create="may").is_directory
    assert opened("").info().file_id == store.info("").file_id


# --- opening ----------------------------------------------------------------------------------

FILE, FOLDER = "file", "folder"


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize(
    ("there", "create", "directory", "outcome"),
    [
        (None, "never", None, "OBJECT_NAME_NOT_FOUND"),
        (None, "never", True, "OBJECT_NAME_NOT_FOUND"),
        (None, "never", False, "OBJECT_NAME_NOT_FOUND"),
        (None, "may", None, (FILE, True)),
        (None, "may", True, (FOLDER, True)),
        (None, "may", False, (FILE, True)),
        (None, "must", None, (FILE, True)),
        (None, "must", True, (FOLDER, True)),
        (None, "must", False, (FILE, True)),
        (FILE, "never", None, (FILE, False)),
        (FILE, "never", True, "NOT_A_DIRECTORY"),
        (FILE, "never", False, (FILE, False)),
        (FILE, "may", None, (FILE, False)),
        (FILE, "may", True, "NOT_A_DIRECTORY"),
        (FILE, "may", False, (FILE, False)),
        (FILE, "must", None, "OBJECT_NAME_COLLISION"),
        (FILE, "must", True, "OBJECT_NAME_COLLISION"),
        (FILE, "must", False, "OBJECT_NAME_COLLISION"),
        (FOLDER, "never", None, (FOLDER, False)),
        (FOLDER, "never", True, (FOLDER, False)),
        (FOLDER, "never", False, "FILE_IS_A_DIRECTORY"),
        (FOLDER, "may", None, (FOLDER, False)),
        (FOLDER, "may", True, (FOLDER, False)),
        (FOLDER, "may", False, "FILE_IS_A_DIRECTORY"),
        (FOLDER, "must", None, "OBJECT_NAME_COLLISION"),
        (FOLDER, "must", True, "OBJECT_NAME_COLLISION"),
        (FOLDER, "must", False, "OBJECT_NAME_COLLISION"),
    ],
)
@pytest.mark.parametrize("path", ["a", "f/a"])
def test_open(store, path, there, create, directory, outcome, writable):
    store.make_directory("f")
    if there == FILE:
        put(store, path, b"kept")
    if there == FOLDER:
        store.make_directory(path)

    if isinstance(outcome, str):
        with refused(outcome, path):
            store.open(path, writable=writable, create=create, directory=directory)
        assert (there is not None) == ("a" in names(store, path[:-2]))
        return
    file, created = store.open(path, writable=writable, create=create, directory=directory)
    file.close()

    assert (FOLDER if file.is_directory else FILE, created) == outcome
    if there == FILE:
        assert get(store, path) == b"kept"


def test_a_new_file_has_the_mode_asked_for(store, opened):
    opened("file", create="must", mode=0o640)
    opened("bare", create="must", writable=True, mode=0o400)
    opened("shut", create="must", mode=0)
    opened("open", create="must", mode=0o666)
    opened("folder", create="must", directory=True, mode=0o640)
    store.make_directory("plain")
    store.make_directory("sticky", 0o1777)
    store.make_directory("locked", 0)

    modes = {name: store.info(name).mode for name in names(store)}

    assert modes == {
        "bare": 0o400,
        "file": 0o640,
        "folder": 0o640,
        "locked": 0,
        "open": 0o666,
        "plain": 0o755,
        "shut": 0,
        "sticky": 0o1777,
    }


def test_a_made_folder_is_described(store):
    assert store.make_directory("a", 0o700) == store.info("a")


def test_what_is_looked_at_is_changed_in_its_attributes_only(store):
    put(store, "a", b"kept")
    store.make_directory("f", 0)
    for path, status in (("a", "ACCESS_DENIED"), ("f", "FILE_IS_A_DIRECTORY")):
        file = store.look(path)
        file.set_info(mode=0o600, mtime_ns=5)
        file.flush()
        for use in (
            lambda file=file: file.read(0, 1),
            lambda file=file: file.read_now(0, 1),
            lambda file=file: file.append(b"x"),
            lambda file=file: file.set_info(size=0),
        ):
            with refused(status, path):
                use()
        with refused("ACCESS_DENIED" if path == "f" else "NOT_A_DIRECTORY", path):
            file.entries()
        file.close()

        assert (store.info(path).mode, store.info(path).mtime_ns) == (0o600, 5)
    assert get(store, "a") == b"kept"


@pytest.mark.parametrize("mode", [-1, 0o10000, 2**70])
def test_a_mode_that_cannot_be_is_refused(store, mode):
    with refused("INVALID_PARAMETER"):
        store.open("a", writable=True, create="must", directory=False, mode=mode)
    with refused("INVALID_PARAMETER"):
        store.make_directory("a", mode)
    assert names(store) == []


def test_identity_is_the_files_not_the_names(store, opened):
    put(store, "a")
    put(store, "b")
    first, second, other = opened("a"), opened("a", writable=True), opened("b")
    store.rename("a", "c", replace=False)

    assert first.identity == second.identity == opened("c").identity
    assert first.identity != other.identity
    assert first.info().file_id == first.identity[1]
    assert store.identify("c") == (first.identity, "file")
    assert store.identify("") == (opened("").identity, "directory")


# --- data -------------------------------------------------------------------------------------


def test_what_is_written_is_read(store, opened):
    file = opened("a", writable=True, create="must")

    assert file.write(0, b"hello world") == 11
    assert file.write(6, b"there") == 5

    assert file.read(0, 100) == b"hello there"
    assert file.read(6, 3) == b"the"
    assert file.read(4, 0) == b""
    assert file.read_now(0, 5) == b"hello"
    assert file.read_now(6, 100) == b"there"


def test_the_end_of_a_file_reads_as_nothing(store, opened):
    file = opened("a", writable=True, create="must")
    file.write(0, b"12345")

    for read in (file.read, file.read_now):
        assert read(5, 1) == read(6, 10) == read(2**62, 10) == b""


def test_a_hole_reads_as_zeros(store, opened):
    file = opened("a", writable=True, create="must")
    file.write(100_000, b"x")

    assert file.read(0, 200_000) == bytes(100_000) + b"x"
    assert file.info().size == 100_001


def test_nothing_written_is_nothing_changed(store, opened):
    file = opened("a", writable=True, create="must")

    assert file.write(1000, b"") == 0
    assert file.append(b"") == 0
    assert file.info().size == 0


def test_an_append_goes_to_the_end_wherever_that_is(store, opened):
    one, two = opened("a", writable=True, create="must"), opened("a", writable=True)

    offsets = [one.append(b"aa"), two.append(b"bbb"), one.write(10, b"c"), one.append(b"dd")]

    assert offsets == [0, 2, 1, 11]
    assert two.append(b"") == 13
    assert two.read(0, 100) == b"aabbb" + bytes(5) + b"cdd"


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (2**63, 1), (2**70, 1)])
def test_a_range_that_cannot_be_is_refused(store, opened, offset, length):
    file = opened("a", writable=True, create="must")

    with refused("INVALID_PARAMETER", "a"):
        file.read(offset, length)
    with refused("INVALID_PARAMETER", "a"):
        file.read_now(offset, length)
    if length > 0:
        with refused("INVALID_PARAMETER", "a"):
            file.write(offset, b"x")


def test_no_write_goes_beyond_what_offsets_can_say(store, opened):
    file = opened("a", writable=True, create="must")

    with refused("INVALID_PARAMETER"):
        file.write(2**63 - 1, b"xx")
    assert file.info().size == 0


def test_a_file_opened_for_reading_is_not_written(store, opened):
    put(store, "a", b"kept")
    file = opened("a")

    for change in (
        lambda: file.write(0, b"x"),
        lambda: file.append(b"x"),
        lambda: file.set_info(size=0),
    ):
        with refused("ACCESS_DENIED", "a"):
            change()
    file.flush()
    file.set_info(mode=0o600, mtime_ns=5)
    assert get(store, "a") == b"kept"


@pytest.mark.parametrize("writable", [False, True])
def test_a_folder_holds_no_data(store, opened, writable):
    folder = opened("f", create="must", directory=True, writable=writable)

    for use in (
        lambda: folder.read(0, 1),
        lambda: folder.read_now(0, 1),
        lambda: folder.write(0, b"x"),
        lambda: folder.append(b"x"),
        lambda: folder.set_info(size=0),
    ):
        with refused("FILE_IS_A_DIRECTORY", "f"):
            use()
    folder.flush()


# --- what is known of a file ------------------------------------------------------------------


def test_info(store, opened):
    file = opened("a", writable=True, create="must", mode=0o640)
    file.write(0, b"123")

    assert file.info() == store.info("a")
    found = file.info()
    assert (found.kind, found.size, found.links, found.mode) == ("file", 3, 1, 0o640)
    assert found.mtime_ns == found.ctime_ns > 0


def test_a_size_is_set(store, opened):
    file = opened("a", writable=True, create="must")
    file.write(0, b"12345")

    file.set_info(size=2)
    assert file.read(0, 10) == b"12"
    file.set_info(size=4)
    assert file.read(0, 10) == b"12\0\0"


def test_each_time_is_set_alone(store, opened):
    file = opened("a", writable=True, create="must")
    file.set_info(mtime_ns=1_000_000_007, atime_ns=2_000_000_009)
    file.set_info(mtime_ns=3_000_000_011)
    assert (file.info().mtime_ns, file.info().atime_ns) == (3_000_000_011, 2_000_000_009)
    file.set_info(atime_ns=4_000_000_013)
    assert (file.info().mtime_ns, file.info().atime_ns) == (3_000_000_011, 4_000_000_013)


def test_a_time_given_with_a_size_stays(store, opened):
    file = opened("a", writable=True, create="must")

    file.set_info(size=9, mode=0o4711, mtime_ns=77)

    found = file.info()
    assert (found.size, found.mode, found.mtime_ns) == (9, 0o4711, 77)


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": 2**63},
        {"mode": -1},
        {"mode": 0o10000},
        {"mtime_ns": 2**63},
        {"atime_ns": -(2**63) - 1},
    ],
)
def test_a_change_that_cannot_be_changes_nothing(store, opened, change):
    file = opened("a", writable=True, create="must")
    file.write(0, b"123")
    before = file.info()

    with refused("INVALID_PARAMETER", "a"):
        file.set_info(**{"size": 1, "mode": 0o600, **change})

    assert file.info() == before


def test_entries_are_sorted_and_described(store, opened):
    for name in ("b", "é", "a", "Z"):
        put(store, name, name.encode())
    store.make_directory("c")

    folder = opened("", directory=True)

    assert [entry.name for entry in folder.entries()] == ["Z", "a", "b", "c", "é"]
    assert all(entry.info == store.info(entry.name) for entry in folder.entries())


def test_entries_are_those_of_now(store, opened):
    folder = opened("f", create="must", directory=True)
    assert folder.entries() == []
    put(store, "f/a")
    assert [entry.name for entry in folder.entries()] == ["a"]
    store.unlink("f/a")
    assert folder.entries() == []


def test_a_file_has_no_entries(store, opened):
    with refused("NOT_A_DIRECTORY", "a"):
        opened("a", create="must").entries()


def test_volume(store):
    volume = store.volume()

    assert 0 <= volume.free_bytes <= volume.total_bytes
    assert 0 <= volume.files_free <= volume.files
    assert volume.name_max == 255


# --- names ------------------------------------------------------------------------------------


def tree(store: Store) -> None:
    """Two files, an empty folder and a full one."""
    put(store, "file", b"file")
    put(store, "other", b"other")
    store.make_directory("empty")
    store.make_directory("full")
    put(store, "full/inner", b"inner")


@pytest.mark.parametrize(
    ("path", "target", "replace", "outcome"),
    [
        ("file", "new", False, None),
        ("file", "new", True, None),
        ("file", "full/new", False, None),
        ("full", "new", False, None),
        ("full", "empty/new", False, None),
        ("file", "other", False, ("OBJECT_NAME_COLLISION", "other")),
        ("file", "other", True, None),
        ("file", "file", False, ("OBJECT_NAME_COLLISION", "file")),
        ("file", "file", True, None),
        ("full", "full", False, ("OBJECT_NAME_COLLISION", "full")),
        ("full", "full", True, None),
        ("file", "empty", False, ("OBJECT_NAME_COLLISION", "empty")),
        ("file", "empty", True, ("FILE_IS_A_DIRECTORY", "empty")),
        ("empty", "file", False, ("OBJECT_NAME_COLLISION", "file")),
        ("empty", "file", True, ("NOT_A_DIRECTORY", "file")),
        ("full", "empty", False, ("OBJECT_NAME_COLLISION", "empty")),
        ("full", "empty", True, None),
        ("empty", "full", True, ("DIRECTORY_NOT_EMPTY", "full")),
        ("full", "full/new", False, ("INVALID_PARAMETER", "full/new")),
        ("full", "full/new", True, ("INVALID_PARAMETER", "full/new")),
        ("full/inner", "full", True, ("DIRECTORY_NOT_EMPTY", "full")),
        ("full/inner", "full", False, ("OBJECT_NAME_COLLISION", "full")),
        ("none", "new", False, ("OBJECT_NAME_NOT_FOUND", "none")),
        ("none", "file", True, ("OBJECT_NAME_NOT_FOUND", "none")),
        ("file", "none/new", False, ("OBJECT_PATH_NOT_FOUND", "none/new")),
        ("file", "other/new", True, ("OBJECT_PATH_NOT_FOUND", "other/new")),
    ],
)
def test_rename(store, path, target, replace, outcome):
    tree(store)
    if outcome is not None:
        before = {name: names(store, name) for name in ("", "full", "empty")}
        with refused(*outcome):
            store.rename(path, target, replace=replace)
        assert before == {name: names(store, name) for name in ("", "full", "empty")}
        assert get(store, "file") == b"file"
        assert get(store, "other") == b"other"
        return
    before = store.info(path)

    store.rename(path, target, replace=replace)

    assert store.info(target).file_id == before.file_id
    if path != target:
        with refused("OBJECT_NAME_NOT_FOUND"):
            store.info(path)


def test_an_open_file_outlives_its_name(store, opened):
    put(store, "a", b"data")
    put(store, "b", b"other")
    first, second = opened("a", writable=True), opened("b")
    store.unlink("a")
    put(store, "a", b"another")
    store.rename("a", "b", replace=True)

    first.append(b"!")

    assert (first.read(0, 9), second.read(0, 9)) == (b"data!", b"other")
    assert first.info().links == second.info().links == 0
    assert names(store) == ["b"]


def test_folders_are_made_and_removed(store):
    store.make_directory("a")
    store.make_directory("a/b")
    put(store, "f")

    with refused("OBJECT_NAME_COLLISION", "a"):
        store.make_directory("a")
    with refused("OBJECT_NAME_COLLISION", "f"):
        store.make_directory("f")
    with refused("DIRECTORY_NOT_EMPTY", "a"):
        store.remove_directory("a")
    with refused("NOT_A_DIRECTORY", "f"):
        store.remove_directory("f")
    with refused("FILE_IS_A_DIRECTORY", "a/b"):
        store.unlink("a/b")
    store.remove_directory("a/b")
    store.remove_directory("a")
    assert names(store) == ["f"]


# --- closing ----------------------------------------------------------------------------------


def test_a_closed_file_says_so(store, opened):
    file, folder = opened("a", writable=True, create="must"), opened("")
    for one in (file, folder, file):
        one.close()

    for use in (
        lambda: file.read(0, 1),
        lambda: file.read_now(0, 1),
        lambda: file.write(0, b"x"),
        lambda: file.append(b"x"),
        lambda: file.set_info(size=1),
        file.flush,
        file.info,
        folder.entries,
    ):
        with refused("FILE_CLOSED"):
            use()


def test_a_closed_store_says_so_and_leaves_files_open(store, opened):
    file = opened("there", writable=True, create="must")
    store.close()
    store.close()

    for operation in BY_PATH.values():
        with refused("FILE_CLOSED"):
            operation(store, "a")
    with refused("FILE_CLOSED"):
        store.volume()
    for about_the_root in (store.info, store.identify):
        with refused("FILE_CLOSED"):
            about_the_root("")
    assert file.append(b"still") == 0


# --- memory -----------------------------------------------------------------------------------


def test_memory_is_as_bounded_as_a_disk():
    store = MemoryStore(bytes_max=1000, files_max=4)
    put(store, "kept", b"k" * 400)
    file, _ = store.open("a", writable=True, create="must", directory=False)
    file.write(0, b"a" * 600)
    for attempt in (
        lambda: file.write(600, b"b"),
        lambda: file.append(b"b"),
        lambda: file.set_info(size=601),
    ):
        with refused("DISK_FULL", "a"):
            attempt()
    assert store.volume().free_bytes == 0
    assert file.read(0, 1000) == b"a" * 600

    store.unlink("a")
    assert store.volume().free_bytes == 0  # it is open still
    file.close()
    assert store.volume().free_bytes == 600
    store.make_directory("b")
    put(store, "c")
    assert store.volume().files_free == 0
    with refused("DISK_FULL", "d"):
        put(store, "d")


def test_memory_takes_its_time_and_numbers_from_outside():
    def run():
        ticks = iter(range(1000, 2000, 10))
        made = MemoryStore(lambda: next(ticks), device=7)
        put(made, "a", b"1")
        made.rename("a", "b", replace=False)
        return made.identify("b"), made.info("b"), made.info("")

    assert run() == run()
    assert run()[0] == ((7, 2), "file")
    assert run()[1].mtime_ns >= 1000


# --- all stores agree -------------------------------------------------------------------------

PATHS = st.lists(st.sampled_from("ab"), max_size=3).map("/".join)
TARGETS = st.sampled_from(
    [
        "a",
        "b",
        "a/b",
        "b/a/a",
        "../a",
        "../b/a",
        "..",
        ".",
        "a/",
        "b/.",
        "./b",
        "a/..",
        "/a",
        "",
    ]
)
DATA = st.binary(max_size=8)
OFFSETS = st.integers(-1, 12)


def plain(answer):
    """What must be the same everywhere: not times, nor numbers, nor a folder's size."""
    if isinstance(answer, FileInfo):
        folder = answer.kind == "directory"
        return answer.kind, answer.mode, None if folder else (answer.size, answer.links)
    if isinstance(answer, Entry):
        return answer.name, plain(answer.info)
    return [plain(one) for one in answer] if isinstance(answer, list) else answer


class Agreement(RuleBasedStateMachine):
    """The same operations on every store give the same answers and the same refusals."""

    def __init__(self):
        super().__init__()
        # A disk in memory if there is one: every flush would wait for a real one.
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folders = [Path(tempfile.mkdtemp(dir=place)) for _ in range(2)]
        for folder in self.folders:
            folder.chmod(0o755)
        self.stores: list[Store] = [MemoryStore(), DiskStore(str(self.folders[0]), by_walk)]
        self.stores += [DiskStore(str(self.folders[1]))]
        self.files: list[list[StoreFile]] = []

    def teardown(self):
        self.same_tree("")
        for file in (file for files in self.files for file in files):
            file.close()
        for store in self.stores:
            store.close()
        for folder in self.folders:
            shutil.rmtree(folder)

    def same_tree(self, path):
        self.open(path, False, "never", None, False)
        if isinstance(listed := self.on_file(-1, "entries"), list):
            for name, _ in listed:
                self.same_tree(f"{path}/{name}".lstrip("/"))
        for file in self.files.pop():
            file.close()

    def same(self, *actions):
        answers = []
        for action in actions:
            try:
                answers.append(action())
            except Refused as no:
                answers.append((no.status.name, no.subject))
        shown = [plain(answer) for answer in answers]
        assert shown[0] == shown[1] == shown[2]
        return answers, shown[0]

    def on_store(self, operation, *arguments, **words):
        return self.same(
            *(
                lambda store=store: getattr(store, operation)(*arguments, **words)
                for store in self.stores
            )
        )

    def on_file(self, which, operation, *arguments, **words):
        if self.files:
            files = self.files[which % len(self.files)]
            return self.same(
                *(
                    lambda file=file: getattr(file, operation)(*arguments, **words)
                    for file in files
                )
            )[1]
        return None

    @rule(
        path=PATHS,
        writable=st.booleans(),
        create=st.sampled_from(["never", "may", "must"]),
        directory=st.sampled_from([None, True, False]),
        follow=st.booleans(),
    )
    def open(self, path, writable, create, directory, follow=True):
        opened = []

        def opening(store):
            file, created = store.open(
                path, writable=writable, create=create, directory=directory, follow=follow
            )
            opened.append(file)
            return created, file.is_directory, file.followed

        self.same(*(lambda store=store: opening(store) for store in self.stores))
        if opened:
            self.files.append(opened)

    @rule(which=st.integers(0, 9), offset=OFFSETS, length=OFFSETS)
    def read(self, which, offset, length):
        self.on_file(which, "read", offset, length)

    @rule(which=st.integers(0, 9), offset=OFFSETS, data=DATA)
    def write(self, which, offset, data):
        self.on_file(which, "write", offset, data)

    @rule(which=st.integers(0, 9), data=DATA)
    def append(self, which, data):
        self.on_file(which, "append", data)

    @rule(which=st.integers(0, 9), size=OFFSETS, mode=st.sampled_from([None, 0o600, 0o755]))
    def set_info(self, which, size, mode):
        self.on_file(which, "set_info", size=size, mode=mode)

    @rule(
        which=st.integers(0, 9),
        operation=st.sampled_from(["info", "entries", "flush", "close", "names"]),
    )
    def ask(self, which, operation):
        self.on_file(which, operation)

    @rule(
        path=PATHS,
        operation=st.sampled_from(
            ["info", "unlink", "make_directory", "remove_directory", "read_link"]
        ),
    )
    def by_path(self, path, operation):
        self.on_store(operation, path)

    @rule(path=PATHS, new=PATHS, replace=st.booleans())
    def rename(self, path, new, replace):
        self.on_store("rename", path, new, replace=replace)

    @rule(path=PATHS, new=PATHS)
    def link(self, path, new):
        self.on_store("link", path, new)

    @rule(path=PATHS, says=TARGETS)
    def symlink(self, path, says):
        self.on_store("symlink", path, says)

    @rule(path=PATHS)
    def info_of_itself(self, path):
        self.on_store("info", path, follow=False)

    @rule(
        which=st.integers(0, 9),
        how=st.sampled_from([0, 1, 2, 3, 0x10, 0x11]),
        offset=OFFSETS,
        length=OFFSETS,
    )
    def allocate(self, which, how, offset, length):
        self.on_file(which, "allocate", how, offset, length)

    @rule(which=st.integers(0, 9), source=st.integers(0, 9), start=OFFSETS, offset=OFFSETS)
    def copy(self, which, source, start, offset):
        if self.files:
            pairs = zip(
                self.files[which % len(self.files)],
                self.files[source % len(self.files)],
                strict=True,
            )
            self.same(
                *(
                    lambda to=to, what=what: to.copy_from(what, start, offset, 3)
                    for to, what in pairs
                )
            )

    @rule(
        which=st.integers(0, 9),
        name=st.sampled_from(["user.a", "user.b", "user.", "a"]),
        must=st.sampled_from(["", "create", "replace"]),
    )
    def set_xattr(self, which, name, must):
        self.on_file(which, "set_xattr", name, must.encode(), must)

    @rule(
        which=st.integers(0, 9),
        name=st.sampled_from(["user.a", "user.b", "a"]),
        operation=st.sampled_from(["xattr", "remove_xattr"]),
    )
    def ask_xattr(self, which, name, operation):
        self.on_file(which, operation, name)
        self.on_file(which, "xattrs")

    @rule(path=PATHS, follow=st.booleans())
    def look(self, path, follow):
        looked = []

        def looking(store):
            looked.append(store.look(path, follow=follow))
            return looked[-1].info()

        self.same(*(lambda store=store: looking(store) for store in self.stores))
        if looked:
            self.files.append(looked)


Agreement.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, print_blob=False
)
TestAgreement = Agreement.TestCase
