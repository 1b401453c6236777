"""Where runs part: the earliest difference, whichever attempt or visit it is in."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clients.lab.compare.divergence import first_divergence, never_parted
from clients.lab.compare.logons import SUCCESS, Change, Logon, Played
from clients.lab.compare.story import concerned, slots_at, story
from clients.lab.history import Attempt
from clients.lab.timeline import Timeline

LOST = "STATUS_FILE_CLOSED"
KEYS = [(user, number) for user in range(3) for number in (1, 2)]


def logon(key, began_s, outcome="admitted", statuses=()):
    attempt = Attempt(f"user{key[0]}", began_s, began_s, outcome)
    visited = [began_s + 1 + at for at in range(len(statuses))]
    files = [7] * len(statuses)
    return Logon(key[0], key[1], attempt, began_s, 0.0, files, list(statuses), visited)


def played(preset, logons, changes=()):
    return Played(preset, 2, list(logons), list(changes), Timeline([], 0), 0, 0, 0, 9.0, 0.1)


def test_an_earlier_visit_comes_before_a_later_logon():
    one = [logon((0, 1), 1.0, statuses=[SUCCESS, SUCCESS]), logon((1, 1), 5.0, "refused")]
    other = [logon((0, 1), 1.0, statuses=[SUCCESS, LOST]), logon((1, 1), 5.0)]
    where = first_divergence([played("sp6", one), played("w2k", other)])

    assert where is not None
    assert ((0, 1), 1, 3.0) == (where.key, where.visit, where.at_s)
    assert {"sp6": "done", "w2k": LOST} == where.fates
    assert [["sp6"], ["w2k"]] == where.groups()


def test_a_visit_that_was_never_made_is_a_difference():
    one = [logon((0, 1), 1.0, statuses=[SUCCESS, SUCCESS])]
    other = [logon((0, 1), 1.0, statuses=[SUCCESS])]
    where = first_divergence([played("a", one), played("b", other)])

    assert where is not None
    assert (1, {"a": "done", "b": "not made"}) == (where.visit, where.fates)


def test_the_reason_of_a_failure_counts():
    logons = [[logon((0, 1), 1.0, "failed")] for _ in range(2)]
    logons[0][0].attempt.reason = "STATUS_A"

    assert first_divergence([played("a", logons[0]), played("b", logons[1])]) is not None


def test_one_run_parts_from_nobody():
    assert first_divergence([played("a", [logon((0, 1), 1.0)])]) is None


FATES = st.lists(st.sampled_from(["admitted", "refused"]), min_size=6, max_size=6)


@given(fates=st.lists(FATES, min_size=2, max_size=4))
def test_the_first_difference_in_time_is_found_and_pairs_agree_with_it(fates):
    runs = [
        played(f"p{index}", [logon(KEYS[at], at, one) for at, one in enumerate(row)])
        for index, row in enumerate(fates)
    ]
    differing = [at for at in range(6) if len({row[at] for row in fates}) > 1]
    where = first_divergence(runs)

    assert (min(differing) if differing else None) == (where.at_s if where else None)
    same = [
        (f"p{a}", f"p{b}")
        for a in range(len(fates))
        for b in range(a + 1, len(fates))
        if fates[a] == fates[b]
    ]
    assert same == never_parted(runs)


CHANGES = [
    Change(1.0, 1, "user1", "live"),
    Change(2.0, 1, "user1", "dormant_only"),
    Change(2.0, 1, "user1", "closing"),
    Change(2.0, 1, "user1", "orphan"),
    Change(3.0, 2, "user2", "live"),
    Change(4.0, 3, "user0", "live"),
    Change(90.0, 1, "user1", "closing"),
    Change(90.0, 1, "user1", "released"),
]


def test_slots_are_those_just_before_an_instant():
    def states(at_s):
        return [(slot.user, slot.state) for slot in slots_at(CHANGES, at_s)]

    assert [] == states(1.0)
    assert [("user1", "live")] == states(2.0)
    assert [("user1", "orphan"), ("user2", "live")] == states(4.0)
    assert [("user2", "live"), ("user0", "live")] == states(91.0)


def test_the_story_names_ghosts_and_leaves_out_what_was_over_at_once():
    runs = [
        played("sp5", [logon((0, 1), 4.0, "refused")], CHANGES[:5]),
        played("sp6", [logon((0, 1), 4.0)], CHANGES[4:6]),
    ]
    where = first_divergence(runs)
    assert where is not None
    users = concerned(where, runs)
    told: list[dict[str, Any]] = [story(where, run, users) for run in runs]

    assert ["user0", "user1"] == users
    assert {"orphan": 1, "live": 1} == told[0]["slots"]
    assert [
        "2 of 2 slots were in use just before: 1 with a user at work, 1 with a ghost.",
        "The minute before:",
        "  user1: 3.0 s before: logged on; 2.0 s before: logged off, slot kept (ghost)",
    ] == told[0]["words"]
    assert ["1 of 2 slots were in use just before: 1 with a user at work."] == told[1]["words"]
