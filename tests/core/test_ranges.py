"""Ranges that are locked through handles, against one set of bytes for each owner."""

from hypothesis import given
from hypothesis import strategies as st

from redird.ranges import END, RangeTable, asked
from tests.core.dormancy import connection, handle

BYTES = 8
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["lock", "unlock"]),
        st.integers(0, 1),  # by which handle
        st.integers(1, 2),  # owner
        st.integers(0, BYTES - 1),
        st.integers(0, BYTES),
        st.booleans(),
    ),
    max_size=20,
)


def two_handles():
    where = connection(1)
    first, second = handle(where, number=1), handle(where, number=2)
    second.file = first.file
    first.file.handles |= {first: None, second: None}
    return first, second


@given(STEPS)
def test_posix_ranges_merge_split_and_change_as_bytes_would(steps):
    table, handles = RangeTable(), two_handles()
    held: dict[tuple[int, int], tuple[int, bool]] = {}  # (owner, byte): by which, exclusive
    for what, at, owner, offset, length, exclusive in steps:
        one = asked("posix", owner, offset, length, exclusive=exclusive)
        getattr(table, what)(handles[at], one)
        for byte in range(offset, BYTES if length == 0 else min(offset + length, BYTES)):
            held.pop((owner, byte), None)
            if what == "lock":
                held[owner, byte] = at, exclusive
    found = {
        (one.owner, byte): (at, one.exclusive)
        for at in (0, 1)
        for one in table.of(handles[at])
        for byte in range(one.start, min(one.end, BYTES))
    }
    assert held == found
    assert all(one.start < one.end for at in (0, 1) for one in table.of(handles[at]))


def test_nt_locks_are_each_one_of_their_own():
    table, (first, _) = RangeTable(), two_handles()
    one = asked("nt", 1, 0, 4, exclusive=False)
    table.lock(first, one)
    table.lock(first, one)
    table.unlock(first, one)
    assert [one] == table.of(first)
    table.unlock(first, asked("nt", 1, 0, 5))
    assert [one] == table.of(first)
    table.unlock(first, one)
    assert 0 == len(table)


def test_a_flock_is_one_whatever_the_range_says():
    table, (first, second) = RangeTable(), two_handles()
    table.lock(first, asked("flock", 1, 3, 4, exclusive=False))
    table.lock(second, asked("flock", 2, 0, 0, exclusive=False))
    table.lock(first, asked("flock", 1, 0, 0))
    assert [(0, END, True)] == [(one.start, one.end, one.exclusive) for one in table.of(first)]
    assert 0 == table.of(first)[0].length
    table.unlock(first, asked("flock", 1, 9, 1))
    assert (0, 1) == (len(table.of(first)), len(table))


def test_a_closed_handle_has_none():
    table, (first, _) = RangeTable(), two_handles()
    table.lock(first, asked("posix", 1, 0, 0))
    table.forget(first)
    assert 0 == len(table)
