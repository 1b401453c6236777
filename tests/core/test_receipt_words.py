"""What a person reads of a refusal's receipt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.receipt import WIDTH, ghosts_first, seconds, standing, words


def holder(user, *, ghost=False, **fields):
    return {
        "tree": 5,
        "session": 9,
        "user": user,
        "redirector": "ts1",
        "since_s": 12.0,
        "state": {True: "orphan", False: "live", None: "unknown"}[ghost],
        "ghost": ghost,
        "open_files": 0 if ghost else 1,
        "dormant_files": 3 if ghost else 0,
        "oldest_dormant_s": None,
        "release_in_s": None,
        "release_by": "",
    } | fields


def orphan(user, release_in_s=20.0, **fields):
    due = {"release_in_s": release_in_s, "release_by": "dormant_age_max_s"}
    return holder(user, ghost=True, **due | fields)


def receipt(holders, uses_max=10, **fields):
    live = sum(one["ghost"] is False for one in holders)
    unknown = sum(one["ghost"] is None for one in holders)
    due = [one["release_in_s"] for one in holders if one["release_in_s"] is not None]
    spurious = "spurious" if live + unknown < uses_max else "undecided"
    return {
        "number": 3,
        "share": "docs",
        "user": "zoe",
        "at_ns": (12 * 3600 + 3 * 60 + 4) * 10**9 + 5,
        "uses": len(holders),
        "uses_max": uses_max,
        "holders": holders,
        "live": live,
        "ghosts": len(holders) - live - unknown,
        "unknown": unknown,
        "verdict": "genuine" if live >= uses_max else spurious,
        "earliest_release_s": min(due, default=None),
        "sp6_would_admit": live < uses_max,
        "recall_would_admit": None if unknown else live < uses_max,
        "complete": not unknown,
    } | fields


def said(receipt):
    """The words without their line breaks."""
    return " ".join(words(receipt).split())


def test_a_spurious_refusal_from_head_to_toe():
    holders = [holder("ann"), holder("bob")]
    holders += [orphan(f"user{n}", release_in_s=20.0 + n, since_s=30.0 - n) for n in range(8)]

    assert words(receipt(holders)).splitlines() == [
        "Refusal 3, 12:03:04 UTC: zoe was refused on docs, 10 of 10 slots were in use.",
        "Behind them: 2 logged-on users, 8 ghosts.",
        "  8 x ghost, logged off, 3 dormant files; held for 23.0 to 30.0 s, free in",
        "    20.0 to 27.0 s by dormant_age_max_s: user0, user1, user2, user3, user4,",
        "    user5, user6, user7",
        "  2 x logged on, 1 open file; held for 12.0 s: ann, bob",
        "The first slot to go is user0's, free in 20.0 s, by dormant_age_max_s.",
        "Spurious: only 2 of the 10 slots had a user behind them.",
        "Would sp6's logoff have admitted zoe? Yes. Would slot recall? Yes.",
    ]


def test_a_genuine_refusal_has_no_release_to_wait_for():
    text = said(receipt([holder("ann"), holder("bob")], uses_max=2))

    assert "No timer is known to free a slot." in text
    assert "Genuine: 2 of the 2 slots had a user behind them." in text
    assert "sp6's logoff have admitted zoe? No. Would slot recall? No." in text


def test_a_silent_redirector_leaves_it_undecided_and_incomplete():
    text = said(receipt([holder("ann"), holder("bob", ghost=None)], uses_max=2))

    assert "Behind them: 1 logged-on user, 0 ghosts, 1 unknown." in text
    assert "1 x unknown: its redirector did not say" in text
    assert "Undecided: 1 to 2 of the 2 slots had a user behind them." in text
    assert "Would slot recall? That cannot be told." in text
    assert text.endswith("a redirector had not described its uses when this was written.")


def test_unknown_holders_may_still_be_too_few():
    text = said(receipt([orphan("ann"), holder("bob", ghost=None)], uses_max=2))

    assert "Spurious: at most 1 of the 2 slots had a user behind them." in text


def test_one_user_with_many_slots_is_named_once():
    text = said(receipt([orphan("ann"), orphan("ann"), orphan("bob")], uses_max=3))

    assert text.count("ann (2), bob") == 1


def test_names_and_redirectors_are_bounded():
    crowd = [orphan(f"user{n}", redirector="ts1") for n in range(40)]
    crowd += [holder(f"other{n}", redirector=f"ts{n}") for n in range(2, 60)]
    text = said(receipt(crowd, uses_max=98))

    assert "40 x ghost, logged off, 3 dormant files, via ts1;" in text
    assert "user11 and 28 more" in text
    assert "58 x logged on, 1 open file, via 58 redirectors; held for 12.0 s: 58 users" in text


def test_kinds_are_bounded():
    crowd = [orphan(f"user{n}", release_by=f"timer{n}") for n in range(40)]

    assert "and 28 more The first slot" in said(receipt(crowd, uses_max=40))


def test_files_that_differ_are_a_range():
    text = said(receipt([orphan("ann", dormant_files=1), orphan("bob", open_files=2)]))

    assert "0 to 2 open files, 1 to 3 dormant files" in text


@pytest.mark.parametrize(
    ("ghost", "state", "expected"),
    [
        (True, "orphan", "ghost, logged off"),
        (True, "closing", "ghost, logged off and closing"),
        (False, "closing", "logging off now"),
        (False, "dormant_only", "logged on, nothing open"),
        (False, "live", "logged on"),
    ],
)
def test_standing(ghost, state, expected):
    assert expected == standing(holder("ann", ghost=ghost, state=state))


def test_ghosts_come_first_and_the_oldest_of_them():
    young, old = orphan("young", since_s=1.0), orphan("old", since_s=9.0)
    silent = holder("silent", ghost=None)

    assert [old, young, silent, holder("ann")] == ghosts_first(
        [holder("ann"), young, silent, old]
    )


@pytest.mark.parametrize(
    ("value", "expected"), [(0.046, "0.05 s"), (1, "1.0 s"), (28.43, "28.4 s"), (600, "600 s")]
)
def test_seconds(value, expected):
    assert expected == seconds(value)


some_holder = st.builds(
    holder,
    st.text("abc", min_size=1, max_size=30),
    ghost=st.sampled_from([True, False, None]),
    release_in_s=st.none() | st.floats(0, 1e6),
    release_by=st.sampled_from(["", "keep_connection_s"]),
    redirector=st.sampled_from(["ts1", "ts2"]),
)


@given(st.lists(some_holder, max_size=30), st.integers(0, 40))
def test_any_receipt_reads_in_a_few_lines_of_bounded_width(holders, uses_max):
    lines = words(receipt(holders, uses_max)).splitlines()

    assert len(lines) < 70
    assert max(map(len, lines)) <= WIDTH
