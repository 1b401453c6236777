"""The dormant table by hand: limits, deadlines, who may revive what, and what a tick costs."""

import pytest

from redird.dormant import DormantTable
from redird.holdings import Handle
from tests.core.dormancy import AGE_S, PATHS, READ, WRITE, connection, handle


def parked(table, where, count, path="foo", now=0.0):
    """Park so many handles, one a second."""
    made = [handle(where, path, n) for n in range(count)]
    for n, one in enumerate(made):
        table.park(one, now + n)
    return made


def numbers(handles):
    return [one.number for one in handles]


@pytest.mark.parametrize(("files_max", "kept"), [(0, 0), (1, 1), (45, 45), (None, 60)])
def test_over_the_limit_of_a_connection_its_oldest_closes(files_max, kept):
    table, where, evicted = DormantTable(AGE_S, files_max, shared=False), connection(1), []
    parked(table, connection(2), kept)  # another connection's do not count
    for number in range(60):
        evicted += table.park(handle(where, number=number), 100.0 + number)

    assert list(range(60 - kept)) == numbers(evicted)
    assert list(range(60 - kept, 60)) == numbers(table.of_connection(where))
    assert all(table.is_closing(one) for one in evicted)


def test_a_handle_is_due_at_its_age_and_not_before():
    table = DormantTable(AGE_S, None, shared=False)
    made = parked(table, connection(1), 3, now=100.0)

    assert 130.0 == table.next_due()
    assert [] == table.take_due(129.999)
    assert made[:2] == table.take_due(131.0)
    assert 132.0 == table.next_due()
    assert [] == table.take_due(131.0)


def test_a_revived_handle_starts_anew_when_it_is_parked_again():
    table, where = DormantTable(AGE_S, None, shared=False), connection(1)
    first, second = parked(table, where, 2, now=0.0)
    revived = table.revive(where, "foo", READ, 7)
    table.park(first, 10.0)

    assert first is revived
    assert [second, first] == table.all()
    assert [second] == table.take_due(31.0)
    assert 40.0 == table.next_due()


@pytest.mark.parametrize("shared", [False, True])
def test_a_handle_is_anothers_only_if_handles_are_shared(shared):
    table = DormantTable(AGE_S, None, shared=shared)
    (made,) = parked(table, connection(1), 1)

    assert (made if shared else None) is table.revive(connection(2), "foo", READ, 7)


@pytest.mark.parametrize(
    ("path", "access", "share"),
    [("foo", READ | WRITE, 7), ("foo", READ, 3), ("foo", WRITE, 7), ("FOO", READ, 7)],
)
def test_a_handle_is_revived_for_the_same_path_access_and_share_mode_only(path, access, share):
    table, where = DormantTable(AGE_S, None, shared=False), connection(1)
    parked(table, where, 1)

    assert table.revive(where, path, access, share) is None
    assert 1 == len(table)


def test_a_handle_being_closed_is_not_revived_and_not_forgotten():
    table, where = DormantTable(AGE_S, None, shared=False), connection(1)
    (made,) = parked(table, where, 1)
    table.take_due(AGE_S)

    assert table.revive(where, "foo", READ, 7) is None
    assert table.is_closing(made)
    table.confirm_closed([made])
    assert not table.is_closing(made)
    assert 0 == table.statistics()["closing"]


def test_below_a_folder_means_whole_components():
    table, where = DormantTable(AGE_S, None, shared=False), connection(1)
    made = {path: parked(table, where, 1, path)[0] for path in PATHS}

    assert [made["foo/a"], made["foo/b/c"]] == table.take_below("files", "docs", "foo")
    assert [made["foo.tmp/a"]] == table.take_below("files", "docs", "foo.tmp")
    assert [made["foo"]] == table.take_path("files", "docs", "foo")
    assert [made["foo.tmp"], made["bar"]] == table.all()


class Looked(Handle):
    """A handle that counts how often its deadline is looked at."""

    looks = 0

    @property
    def due_at(self):
        type(self).looks += 1
        return self._due_at

    @due_at.setter
    def due_at(self, value):
        self._due_at = value


@pytest.mark.parametrize("dormant", [10, 1000])
@pytest.mark.parametrize("due", [0, 3])
def test_a_tick_looks_at_what_is_due_and_one_more_however_many_are_dormant(dormant, due):
    table, where = DormantTable(AGE_S, None, shared=False), connection(1)
    made = [handle(where, number=n, kind=Looked) for n in range(dormant)]
    for n, one in enumerate(made):
        table.park(one, float(n))
    Looked.looks = 0

    assert made[:due] == table.take_due(AGE_S + due - 1)
    assert due + 1 == Looked.looks


@pytest.mark.parametrize("step", ["again", "closing", "in use"])
def test_only_a_handle_nobody_uses_can_be_parked_and_only_once(step):
    table, where = DormantTable(AGE_S, None, shared=False), connection(1)
    made = handle(where)
    table.park(made, 0.0)
    if step == "closing":
        table.take([made])
    if step == "in use":
        table.revive(where, "foo", READ, 7)
        made.opens.add(1)

    with pytest.raises(AssertionError):
        table.park(made, 1.0)
