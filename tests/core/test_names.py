"""A folder's names against what is really there, with answers that come late."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from redird.leased import names
from redird.leased.names import Names
from redird.wire.messages import Entry, FileInfo


def info(number, kind="file", links=1):
    return FileInfo(number, kind, number, links, 0o644, 0, 0, 0)


class Folder(RuleBasedStateMachine):
    """Names in a folder that nobody else changes; answers may be overtaken by changes."""

    def __init__(self):
        super().__init__()
        self.names = Names()
        self.there = {}
        self.asked = []
        self.last = 0

    name = st.sampled_from("abcd")

    def a_file(self, kind, links):
        self.last += 1
        return info(self.last, kind, links)

    def same_file_changed(self, old):
        self.last += 1
        return replace(old, size=self.last)

    @rule(
        name=name,
        kind=st.sampled_from(["file", "directory"]),
        links=st.integers(1, 2),
    )
    def make(self, name, kind, links):
        self.there[name] = self.a_file(kind, links)
        self.names.made(name, self.there[name])

    @rule(name=name, other=name)
    def rename(self, name, other):
        if name in self.there and name != other:
            self.there[other] = self.there.pop(name)
            self.names.moved_here(other, self.names.take(name))

    @rule(name=name, told=st.booleans())
    def change_while_others_see_it(self, name, told):
        self.names.begin(name)
        self.there.pop(name, None)
        assert self.names.info(name) is None
        assert not self.names.is_missing(name)
        assert self.names.leads_to(name) is None
        assert self.names.lines() is None
        assert self.names.entries(bool) is None
        if told:
            self.names.removed(name)
        self.names.end(name, known=told)

    @rule(name=name)
    def remove(self, name):
        self.there.pop(name, None)
        self.names.removed(name)

    @rule(name=name, gone=st.booleans())
    def delete_at_last_close(self, name, gone):
        if gone:
            self.there.pop(name, None)
        self.names.unsure(name)

    @rule(name=name)
    def change(self, name):
        if name in self.there:
            self.there[name] = self.same_file_changed(self.there[name])
        self.names.changed(name)

    @rule(name=name)
    def change_elsewhere(self, name):
        """Another name of the file, or the subfolder's own content, changes it."""
        old = self.there.get(name)
        if old is not None and (old.links > 1 or old.kind == "directory"):
            self.there[name] = self.same_file_changed(old)

    @rule(name=name)
    def ask(self, name):
        self.asked.append((self.names.version, name, self.there.get(name)))

    @rule()
    def ask_all(self):
        entries = [Entry(name, found) for name, found in sorted(self.there.items())]
        self.asked.append((self.names.version, None, entries))

    @rule()
    def hear(self):
        if self.asked:
            version, name, answer = self.asked.pop(0)
            if name is None:
                self.names.listed(answer, version)
            elif answer is None:
                self.names.found_missing(name, version)
            else:
                self.names.found(name, answer, version)

    @rule()
    def forget(self):
        self.names.forget()

    @rule(name=name)
    def look(self, name):
        known = self.names.info(name)
        assert known is None or known == self.there.get(name)
        if self.names.is_missing(name):
            assert name not in self.there
        number = self.names.leads_to(name)
        assert number is None or number == self.there[name].file_id
        listing = self.names.entries(bool)
        if listing is not None:
            assert listing == [Entry(name, self.there[name]) for name in sorted(self.there)]
        lines = self.names.lines()
        if lines is not None:
            assert [(one.name, one.file_id, one.kind) for one in lines] == [
                (one, self.there[one].file_id, self.there[one].kind)
                for one in sorted(self.there)
            ]
            assert all(one.info in (None, self.there[one.name]) for one in lines)
        some = self.names.entries(lambda one: one > name)
        if some is not None:
            assert [one.name for one in some] == sorted(one for one in self.there if one > name)


TestFolder = Folder.TestCase


def test_a_folder_too_large_is_never_complete(monkeypatch):
    monkeypatch.setattr(names, "NAMES_MAX", 2)
    known = Names()
    known.listed([Entry("a", info(1)), Entry("b", info(2))], 0)
    assert known.is_missing("c")

    known.made("c", info(3))

    assert not known.is_missing("c")
    assert not known.is_missing("d")
