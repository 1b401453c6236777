"""Numbers of requests that must not be done twice: unique, growing, acknowledged in order."""

from hypothesis import given
from hypothesis import strategies as st

from redird.once import UNANSWERED_MAX, OnceNumbers
from redird.wire import messages as m


@given(st.lists(st.integers(0, 9)))
def test_what_is_acknowledged_was_answered_and_nothing_before_it_is_open(ends):
    numbers = OnceNumbers(1000)
    open_: list[int] = []
    used: list[int] = []
    for end in ends:
        if end < len(open_):
            numbers.end(open_.pop(end))
        number = numbers.begin()
        assert all(number > one for one in used)
        open_.append(number)
        used.append(number)
        for acknowledging in (
            numbers.asking(number, m.Unlink(1, "a")),
            numbers.acknowledging(),
        ):
            assert min(open_) - 1 == acknowledging.answered


def test_a_request_travels_whole():
    numbers = OnceNumbers(1)
    asked = numbers.asking(numbers.begin(), m.Write(3, 4, -1, b"data"))
    assert (("Write", 3, 4, -1), b"data") == (asked.part, asked.data)


def test_one_asked_long_ago_does_not_make_the_server_refuse_the_others():
    numbers = OnceNumbers(1)
    first = numbers.begin()
    for _ in range(UNANSWERED_MAX - 1):
        numbers.end(numbers.begin())
    assert 0 == numbers.begin() == numbers.begin()
    numbers.end(first)
    assert numbers.begin() > first


def test_a_redirector_started_later_begins_above_what_it_used_before():
    assert OnceNumbers(2000).begin() > OnceNumbers(1000).begin() + 900 * 2**20
