"""Open files against a plain list: share modes pairwise, deletion at the last close."""

from itertools import product
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redird.wire.files import conflicts
from shareserver.handles import HandleTable

READ, WRITE, APPEND, DELETE, ATTRIBUTES = 0x1, 0x2, 0x4, 0x10000, 0x80
SHARE_READ, SHARE_WRITE, SHARE_DELETE = 1, 2, 4
FILES = [(1, 10), (1, 11), (2, 10)]  # (device, inode)
ACCESSES = [READ, WRITE, APPEND, DELETE, READ | WRITE, READ | DELETE | ATTRIBUTES]
NO_FILE: Any = object()

accesses = st.sampled_from(ACCESSES)
shares = st.integers(0, 7)
files = st.sampled_from(FILES)


def refuses(access, share):
    """Say whether an open that grants others `share` is in the way of `access`."""
    return (
        (bool(access & READ) and not share & SHARE_READ)
        or (bool(access & (WRITE | APPEND)) and not share & SHARE_WRITE)
        or (bool(access & DELETE) and not share & SHARE_DELETE)
    )


def exclude(access, share, other_access, other_share):
    return refuses(access, other_share) or refuses(other_access, share)


def opened(table, identity=(1, 10), path="a", **fields):
    wanted = {
        "tree": 1,
        "session": 5,
        "lessee": "ts1",
        "access": READ,
        "share": 7,
        "delete_on_close": False,
        "now_ns": 9,
    }
    return table.open(identity, "docs", path, NO_FILE, **wanted | fields)


# --- the rules, pairwise ----------------------------------------------------------------------


def test_two_opens_exclude_each_other_exactly_as_their_share_modes_say():
    for a, s, other_a, other_s in product(ACCESSES, range(8), ACCESSES, range(8)):
        expected = exclude(a, s, other_a, other_s)

        assert expected is conflicts(a, s, other_a, other_s), (a, s, other_a, other_s)


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ((READ, SHARE_READ), (READ, SHARE_READ), False),
        ((READ, SHARE_READ), (WRITE, SHARE_READ | SHARE_WRITE), True),
        ((READ, SHARE_READ | SHARE_WRITE), (WRITE, SHARE_READ), False),
        ((READ, 0), (READ, 7), True),
        ((DELETE, 7), (READ, SHARE_READ | SHARE_WRITE), True),
        ((DELETE, 7), (READ, 7), False),
        ((APPEND, 7), (READ, SHARE_READ), True),
        ((ATTRIBUTES, 7), (READ | WRITE, 0), False),
    ],
)
def test_examples_of_share_modes(mine, theirs, expected):
    assert expected is conflicts(*mine, *theirs)
    assert expected is conflicts(*theirs, *mine)


# --- the table --------------------------------------------------------------------------------


class OpenFiles(RuleBasedStateMachine):
    """The model: a list of handles, and which files are to be deleted."""

    def __init__(self):
        super().__init__()
        self.table = HandleTable()
        self.handles: list[Any] = []
        self.doomed: set[tuple[int, int]] = set()
        self.opened = 0

    def on(self, identity):
        return [handle for handle in self.handles if handle.entry.identity == identity]

    @rule(identity=files, access=accesses, share=shares, tree=st.integers(1, 3))
    def open(self, identity, access, share, tree):
        in_way = [h for h in self.on(identity) if exclude(access, share, h.access, h.share)]

        assert in_way == self.table.in_conflict(identity, access, share)
        if not in_way and identity not in self.doomed:
            self.add(identity, access=access, share=share, tree=tree)

    @rule(identity=files, tree=st.integers(1, 3))
    def open_to_delete_on_close(self, identity, tree):
        if not self.on(identity):
            self.add(identity, access=DELETE, tree=tree, delete_on_close=True)

    def add(self, identity, **fields):
        handle = opened(self.table, identity, **fields)
        assert handle.number > max((one.number for one in self.handles), default=0)
        self.handles.append(handle)
        self.opened += 1

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), delete=st.booleans())
    def mark(self, data, delete):
        """What SetInfo does with `delete`."""
        entry = data.draw(st.sampled_from(self.handles)).entry
        entry.delete_pending = delete
        self.doomed = (
            self.doomed | {entry.identity} if delete else self.doomed - {entry.identity}
        )

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def close(self, data):
        handle = data.draw(st.sampled_from(self.handles))
        identity = handle.entry.identity
        self.handles.remove(handle)
        if handle.delete_on_close:
            self.doomed.add(identity)
        last = not self.on(identity)

        assert (last and identity in self.doomed) is self.table.close(handle)
        if last:
            self.doomed.discard(identity)

    @invariant()
    def the_table_agrees(self):
        self.table.validate()
        assert self.handles == self.table.all()
        assert len(self.handles) == len(self.table)
        for tree in (1, 2, 3):
            held = [handle for handle in self.handles if handle.tree == tree]
            assert held == self.table.of_tree(tree)
            found = [one for one in self.handles if self.table.find(tree, one.number) is one]
            assert held == found

    @invariant()
    def files_are_known_while_they_are_open(self):
        for identity in FILES:
            entry = self.table.entry(identity)
            assert self.on(identity) == (list(entry.handles.values()) if entry else [])
            assert entry is None or entry.delete_pending is (identity in self.doomed)
        expected = {
            "handles": len(self.handles),
            "handles_opened": self.opened,
            "files_open": len({handle.entry.identity for handle in self.handles}),
        }
        assert expected == self.table.statistics()


TestOpenFiles = OpenFiles.TestCase
TestOpenFiles.settings = settings(stateful_step_count=25)


def test_a_handle_is_nothing_under_another_tree():
    table = HandleTable()
    handle = opened(table, tree=1)
    number = handle.number

    assert handle is table.find(1, number)
    assert table.find(2, number) is None
    assert table.find(1, number + 1) is None


def test_a_number_is_never_given_again():
    table = HandleTable()
    first = opened(table)
    table.close(first)
    second = opened(table)

    assert second.number > first.number
    assert second.entry.number > first.entry.number


def test_a_file_goes_at_the_last_close_whoever_asked_for_it():
    table = HandleTable()
    asking, staying = opened(table, delete_on_close=True), opened(table, tree=2)

    assert not table.close(asking)
    assert staying.entry.delete_pending
    assert table.close(staying)
    assert not table.close(opened(table))  # the next file of that identity is another one


# --- names ------------------------------------------------------------------------------------


def three_names(table):
    paths = ["foo/a", "foo.tmp/a", "foo/b/c"]
    return [opened(table, (1, n), path).entry for n, path in enumerate(paths)]


def test_a_folder_has_what_is_below_it_by_whole_components():
    table = HandleTable()
    a, other, c = three_names(table)

    assert [a, c] == table.entries_under("docs", "foo")
    assert [other] == table.entries_under("docs", "foo.tmp")
    assert [] == table.entries_under("mail", "foo")
    assert [] == table.entries_under("docs", "foo/a")


def test_open_files_follow_the_rename_of_a_folder():
    table = HandleTable()
    entries = three_names(table)
    table.moved("docs", "foo", "bar/foo")

    assert ["bar/foo/a", "foo.tmp/a", "bar/foo/b/c"] == [entry.path for entry in entries]


def test_what_a_rename_replaces_has_no_name_any_more():
    table = HandleTable()
    entries = three_names(table)
    table.moved("docs", "foo/a", "foo.tmp/a")

    assert ["foo.tmp/a", None, "foo/b/c"] == [entry.path for entry in entries]


def test_nothing_moves_to_where_it_is():
    table = HandleTable()
    entries = three_names(table)
    table.moved("docs", "foo/a", "foo/a")

    assert ["foo/a", "foo.tmp/a", "foo/b/c"] == [entry.path for entry in entries]


def test_a_file_without_a_name_does_not_come_back_with_the_name():
    table = HandleTable()
    a, other, c = three_names(table)
    table.removed("mail", "foo/a")
    assert "foo/a" == a.path == a.subject
    table.removed("docs", "foo/a")
    assert a.path is None
    assert "gone" in a.subject

    again = opened(table, (1, 9), "foo/a").entry
    table.moved("docs", "foo", "bar")

    assert [None, "foo.tmp/a", "bar/b/c", "bar/a"] == [one.path for one in (a, other, c, again)]
    assert [c, again] == table.entries_under("docs", "bar")


def test_open_files_follow_their_own_rename_on_their_own_share():
    table = HandleTable()
    entries = three_names(table)
    table.moved("mail", "foo/a", "x")
    table.moved("docs", "foo/a", "y")

    assert ["y", "foo.tmp/a", "foo/b/c"] == [entry.path for entry in entries]
