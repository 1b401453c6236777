"""Sessions, connections, handles and opens against plain lists of them."""

from itertools import product
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redird.connections import ConnectionTable
from redird.holdings import Connection
from redird.sessions import SessionState, SessionTable
from redird.wire.messages import FileInfo

INFO = FileInfo(1, "file", 0, 1, 0o644, 0, 0, 0)
OWNERS = [1, 2]  # the links that clients came over
SHARES = ["docs", "mail"]
PATHS = ["a", "b"]
FILES = [7, 8]  # the server's numbers of open files
LINKS = ["one", "two"]


class House(RuleBasedStateMachine):
    """The model: everything that was begun and has not ended, in order."""

    def __init__(self):
        super().__init__()
        self.sessions, self.table = SessionTable(), ConnectionTable()
        self.logged_on: list[Any] = []
        self.connections: list[Any] = []
        self.handles: list[Any] = []
        self.opens: list[Any] = []
        self.ended: list[Any] = []
        self.left: set[Connection] = set()
        self.numbers: set[int] = set()
        self.last_tree = 0

    def pick(self, data, things):
        return data.draw(st.sampled_from(range(len(things))).map(things.__getitem__))

    def number(self, thing):
        assert thing.number not in self.numbers  # across all three kinds
        self.numbers.add(thing.number)
        return thing

    # --- what the redirector does ---

    @rule(owner=st.sampled_from(OWNERS))
    def log_on(self, owner):
        self.logged_on.append(self.sessions.begin("ann", owner, 1000, 5))

    @precondition(lambda self: self.logged_on)
    @rule(data=st.data(), share=st.sampled_from(SHARES), link=st.sampled_from(LINKS))
    def connect(self, data, share, link):
        session = self.pick(data, self.logged_on)
        if self.table.to_share(session, "files", share) is None:
            made = self.table.begin(session, "files", share, link)
            self.connections.append(self.number(made))

    @precondition(lambda self: self.connections)
    @rule(data=st.data())
    def give_tree(self, data):
        connection = self.pick(data, self.connections)
        if connection.tree is None:
            self.last_tree += 1
            connection.recalled = True
            self.table.given_tree(connection, self.last_tree, True)
            assert not connection.recalled

    @precondition(lambda self: self.connections)
    @rule(data=st.data())
    def lose_tree(self, data):
        self.table.lost_tree(self.pick(data, self.connections))

    @precondition(lambda self: self.connections)
    @rule(data=st.data(), path=st.sampled_from(PATHS), number=st.sampled_from(FILES))
    def open_at_server(self, data, path, number):
        connection = self.pick(data, self.connections)
        file = self.table.file(connection.link, number, INFO, 7)
        handle = self.table.add_handle(connection, path, file, 17, 1, 1, 7, True)
        self.handles.append(self.number(handle))

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def serve(self, data):
        """By the connection's own handle, or by another's as under w2k."""
        connection, handle = self.pick(data, self.connections), self.pick(data, self.handles)
        self.opens.append(self.number(self.table.add_open(connection, handle)))

    @precondition(lambda self: self.opens)
    @rule(data=st.data())
    def close(self, data):
        opened = self.pick(data, self.opens)
        self.opens.remove(opened)

        assert opened.handle is self.table.drop_open(opened)
        assert opened.number not in opened.handle.opens

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def close_at_server(self, data):
        """Confirmed, or lost with its slot under those who use it; twice is once."""
        handle = self.pick(data, self.handles)
        self.handles.remove(handle)
        self.table.drop_handle(handle)
        self.table.drop_handle(handle)
        assert handle.dead

    @precondition(lambda self: self.connections)
    @rule(data=st.data())
    def leave(self, data):
        connection = self.pick(data, self.connections)
        if connection not in self.left:
            self.table.leave(connection, 3.0)
            self.left.add(connection)

    @precondition(lambda self: self.connections)
    @rule(data=st.data())
    def end(self, data):
        connection = self.pick(data, self.connections)
        if not any(one.connection is connection for one in self.handles + self.opens):
            self.table.end(connection)
            self.table.end(connection)
            self.connections.remove(connection)
            self.ended.append(connection)

    # --- what must hold ---

    @invariant()
    def connections_are_found_by_everything_that_names_them(self):
        assert self.connections == self.table.all()
        for link in LINKS:
            held = [one for one in self.connections if one.link == link]
            assert held == self.table.of_link(link)
        for session in self.logged_on:
            held = [one for one in self.connections if one.session is session]
            assert held == self.table.of_session(session)
        for one in self.connections + self.ended:
            assert one.tree is None or one is self.table.by_tree(one.link, one.tree)
            assert not self.table.by_tree("another", one.tree)
            for owner in OWNERS:
                theirs = one in self.connections and owner == one.session.owner
                found = self.table.find(owner, one.number)
                assert found is (one if theirs and one not in self.left else None)

    @invariant()
    def a_slot_names_one_connection(self):
        for link, tree in product(LINKS, range(1, self.last_tree + 1)):
            expected = [one for one in self.connections if (one.link, one.tree) == (link, tree)]
            found = self.table.by_tree(link, tree)
            assert expected == ([] if found is None else [found])

    @invariant()
    def a_session_has_at_most_one_connection_to_a_share_and_never_an_orphan(self):
        for session, share in product(self.logged_on, SHARES):
            mine = [
                one
                for one in self.connections
                if one.session is session and one.share == share and one not in self.left
            ]
            found = self.table.to_share(session, "Files", share.upper())
            assert mine == ([] if found is None else [found])

    @invariant()
    def handles_in_use_are_found_by_path(self):
        for share, path in product(SHARES, PATHS):
            expected = {
                handle
                for handle in self.handles
                if handle.connection.share == share and handle.path == path and handle.opens
            }
            found = self.table.live_at("files", share, path)
            assert expected == set(found)
            assert len(expected) == len(found)

    @invariant()
    def files_are_known_while_a_handle_is_on_them(self):
        known = set()
        for link, number in product(LINKS, FILES):
            file = self.table.known_file(link, number)
            on = {one for one in self.handles if one.file.key == (link, number)}
            assert on == (set(file.handles) if file else set())
            known |= {file} if file else set()
        assert {handle.file for handle in self.handles} == known

    @invariant()
    def the_counters_agree(self):
        expected = {
            "connections": len(self.connections),
            "connections_left": len(self.left & set(self.connections)),
            "opens": len(self.opens),
            "files_known": len({handle.file.key for handle in self.handles}),
        }
        assert expected == self.table.statistics()


TestHouse = House.TestCase
TestHouse.settings = settings(stateful_step_count=25)


# --- by hand ----------------------------------------------------------------------------------


def test_a_file_is_shared_by_its_handles_and_the_last_news_of_it_count():
    sessions, table = SessionTable(), ConnectionTable()
    one = table.begin(sessions.begin("ann", 1, None, 0), "files", "docs", "files")
    first = table.file("files", 7, INFO, 7)
    table.add_handle(one, "a", first, 17, 1, 1, 7, True)
    second = table.file("files", 7, INFO, 3)

    assert first is second
    assert 3 == first.lease
    assert table.known_file("elsewhere", 7) is None


def test_an_orphan_is_found_by_nobody_but_still_counted():
    sessions, table = SessionTable(), ConnectionTable()
    session = sessions.begin("ann", 1, None, 0)
    orphan = table.begin(session, "files", "docs", "files")
    table.given_tree(orphan, 9, False)
    table.leave(orphan, 12.0)

    assert table.find(1, orphan.number) is None
    assert table.to_share(session, "files", "docs") is None
    assert orphan is table.by_tree("files", 9)
    assert [orphan] == table.of_session(session)
    assert (12.0, 1) == (orphan.left_at, table.statistics()["connections_left"])


# --- sessions ---------------------------------------------------------------------------------


def test_a_session_belongs_to_the_link_it_came_over():
    sessions = SessionTable()
    ann, bob = sessions.begin("ann", 1, 1000, 5), sessions.begin("bob", 2, None, 6)

    assert ann is sessions.find(1, ann.number)
    assert sessions.find(2, ann.number) is None
    assert sessions.find(1, 99) is None
    assert ([ann], [bob], []) == tuple(sessions.of_owner(owner) for owner in (1, 2, 3))
    assert [ann, bob] == sessions.all()


def test_a_session_begins_to_end_once():
    sessions = SessionTable()
    session = sessions.begin("ann", 1, None, 0)

    assert session.active
    assert sessions.start_logoff(session)
    assert not sessions.start_logoff(session)
    assert (False, SessionState.LOGGING_OFF) == (session.active, session.state)
    assert session in sessions  # it is there until its logoff has been answered


def test_a_session_that_has_ended_is_gone_and_its_number_with_it():
    sessions = SessionTable()
    session = sessions.begin("ann", 1, None, 0)
    sessions.end(session)
    other = sessions.begin("ann", 1, None, 0)

    assert session not in sessions
    assert not sessions.start_logoff(session)
    assert other.number > session.number
    assert {"sessions": 1, "sessions_begun": 2} == sessions.statistics()
    assert 1 == len(sessions)
