"""When a lost link is dialled again, how handles are reclaimed, and when we were heard."""

from hypothesis import given
from hypothesis import strategies as st

from redird.reclaims import PAGE_MAX, TREES_MAX, Patience, came_before, pages
from redird.wire.confirming import Confirmed
from tests.core.dormancy import connection, handle

CHANCE = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), CHANCE, CHANCE)
def test_pauses_double_up_to_their_bound_and_spread(attempts, one, other):
    patience = Patience(30.0, 0.05, 1.0)
    longest = min(0.05 * 2 ** min(attempts - 1, 10), 1.0)
    for chance in (one, other):
        assert longest / 2 <= patience.pause_s(attempts, chance) <= longest
    assert (one < other) <= (
        patience.pause_s(attempts, one) <= patience.pause_s(attempts, other)
    )


@given(st.integers(0, 3 * PAGE_MAX))
def test_every_handle_is_named_once_and_the_last_page_says_so(count):
    where = connection(1)
    handles = [handle(where, number=number) for number in range(count)]
    found = list(pages(handles))
    assert handles == [one for some, _ in found for one in some]
    assert [True] * (len(found) - 1) + [False] == [more for _, more in found]
    assert all(len(some) <= PAGE_MAX for some, _ in found)


def test_of_earlier_trees_the_latest_are_kept():
    where = connection(1)
    for tree in [*range(20), 19]:
        came_before(where, tree)
    assert tuple(range(20 - TREES_MAX, 20)) == where.trees


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 9)), max_size=40))
def test_we_were_heard_when_what_is_answered_was_sent_and_no_later(steps):
    """Requests are sent, marked, and answered in any order; the truth is known here."""
    confirmed, now = Confirmed(0.0), 0.0
    sent: list[float] = []
    open_: list[int] = []
    for marks, after, pick in steps:
        now += after
        if marks:
            confirmed.mark(len(sent), now)
        sent.append(now)
        open_.append(len(sent))
        if pick < len(open_):
            confirmed.answered(open_.pop(pick))
        answered = {*range(1, len(sent) + 1)} - {*open_}
        truth = max((sent[number - 1] for number in answered), default=0.0)
        assert confirmed.at <= truth
    if sent:
        confirmed.mark(len(sent), now + 1)
        confirmed.answered(len(sent) + 1)
        assert now + 1 == confirmed.at
