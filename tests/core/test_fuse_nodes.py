"""Nodes: a file is one whatever its names, and what the kernel forgot is gone."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from redird.fuse.errnos import ERRNOS, NotDone, errno_of
from redird.fuse.nodes import NodeTable
from redird.wire.errors import Refused
from redird.wire.messages import FileInfo
from redird.wire.status import Status


def info(file_id, kind="file", links=1):
    return FileInfo(file_id, kind, 0, links, 0o644, 0, 0, 0)


def test_a_renamed_folder_takes_along_what_is_below():
    table = NodeTable()
    folder = table.look_up(table.root, "a", info(2, "directory"))
    file = table.look_up(folder, "f", info(3))
    table.rename(table.root, "a", table.root, "b")

    assert ("b", "b/f") == (folder.path, file.path)
    assert file is table.find("b/f")
    assert table.find("a/f") is None


def test_two_names_of_one_file_are_one_node():
    table = NodeTable()
    first = table.look_up(table.root, "a", info(2, links=2))
    second = table.look_up(table.root, "b", info(2, links=2))
    table.unlink(table.root, "b")

    assert first is second
    assert "a" == first.path


def test_a_file_that_took_a_gone_ones_number_is_another():
    table = NodeTable()
    old = table.look_up(table.root, "a", info(2))
    new = table.look_up(table.root, "b", info(2))

    assert old is not new
    assert old.path is None


def test_a_folder_found_elsewhere_was_moved():
    table = NodeTable()
    old = table.look_up(table.root, "a", info(2, "directory"))

    assert old is table.look_up(table.root, "b", info(2, "directory"))
    assert "b" == old.path


def test_a_name_that_leads_to_another_file_is_another_node():
    table = NodeTable()
    old = table.look_up(table.root, "a", info(2))
    new = table.look_up(table.root, "a", info(3))

    assert old.path is None
    assert "a" == new.path


def test_a_rename_over_another_name_of_the_same_file_changes_nothing():
    table = NodeTable()
    node = table.look_up(table.root, "a", info(2, links=2))
    table.look_up(table.root, "b", info(2, links=2))
    table.rename(table.root, "a", table.root, "b")

    assert node is table.find("a") is table.find("b")


def test_an_unlinked_file_keeps_its_node_until_it_is_forgotten():
    table = NodeTable()
    node = table.look_up(table.root, "a", info(2))
    table.unlink(table.root, "a")
    assert node is table.get(node.number)
    table.forget(node.number, 1)

    with pytest.raises(NotDone):
        table.get(node.number)


class Nodes(RuleBasedStateMachine):
    """Names in two folders come, move and go, as a server has them; the kernel forgets."""

    names = st.sampled_from("abc")
    folders = st.integers(0, 1)

    def __init__(self):
        super().__init__()
        self.table = NodeTable()
        self.folder = [self.table.root, self.table.look_up(self.table.root, "d", FOLDER)]
        self.server: dict[tuple[int, str], int] = {}  # where which file is
        self.looked_up: dict[int, int] = {}
        self.last = 10

    def links(self, file):
        return list(self.server.values()).count(file)

    @rule(folder=folders, name=names)
    def make(self, folder, name):
        if (folder, name) not in self.server:
            self.last += 1
            self.server[folder, name] = self.last
            self.look_up(folder, name)

    @rule(folder=folders, name=names)
    def look_up(self, folder, name):
        file = self.server.get((folder, name))
        if file is not None:
            found = info(file, links=self.links(file))
            node = self.table.look_up(self.folder[folder], name, found)
            self.looked_up[node.number] = self.looked_up.get(node.number, 0) + 1
            assert file == node.file_id

    @rule(folder=folders, name=names, to_folder=folders, to_name=names)
    def link(self, folder, name, to_folder, to_name):
        if (folder, name) in self.server and (to_folder, to_name) not in self.server:
            self.server[to_folder, to_name] = self.server[folder, name]
            self.look_up(folder, name)
            self.look_up(to_folder, to_name)

    @rule(folder=folders, name=names)
    def unlink(self, folder, name):
        if self.server.pop((folder, name), None) is not None:
            self.table.unlink(self.folder[folder], name)

    @rule(folder=folders, name=names, to_folder=folders, to_name=names)
    def rename(self, folder, name, to_folder, to_name):
        file = self.server.get((folder, name))
        if file is None or file == self.server.get((to_folder, to_name)):
            return
        del self.server[folder, name]
        self.server[to_folder, to_name] = file
        self.table.rename(self.folder[folder], name, self.folder[to_folder], to_name)

    @rule(data=st.data())
    def forget(self, data):
        if self.looked_up:
            number = data.draw(st.sampled_from(sorted(self.looked_up)))
            self.table.forget(number, self.looked_up.pop(number))

    @invariant()
    def what_is_known_is_where_the_server_has_it(self):
        for index, folder in enumerate(self.folder):
            for name, node in folder.children.items():
                if node.kind == "file":
                    assert node.file_id == self.server[index, name]
                    assert (folder, name) in node.names
                    assert node is self.table.get(node.number)

    @invariant()
    def the_kernels_numbers_are_all_there_is(self):
        assert len(self.table) == 2 + len(self.looked_up)


FOLDER = info(2, "directory")
TestNodes = Nodes.TestCase


def test_every_status_has_an_errno():
    assert set(Status) - {Status.STATUS_SUCCESS} == set(ERRNOS)
    assert all(errno_of(Refused(status)) > 0 for status in ERRNOS)
