"""One trace under several presets in virtual time: what each does, and where they part."""

import json
from collections import Counter
from typing import Any

import pytest

from clients.lab.compare.divergence import Divergence, first_divergence, never_parted
from clients.lab.compare.logons import SUCCESS, Played
from clients.lab.compare.story import concerned, story
from clients.lab.compare.virtual import Setting, play
from clients.swarm.trace import PlannedSession, Trace, Visit

LIMIT = 4


def visits(user, *at_s, write=False):
    """Visits of a file of one's own, and at the end of the one that all share."""
    own = [Visit(one, user + 1, write) for one in at_s[:-1]]
    return (*own, Visit(at_s[-1], 0, False))


def q248371(users=3, sessions=4):
    """Fewer users than the limit, each of whom logs off and is back at once."""
    return Trace(
        True,
        tuple(
            PlannedSession(user, 1.0 + user / 10, 4.0, visits(user, 0.5, 1.0, 3.5))
            for user in range(users)
            for _ in range(sessions)
        ),
    )


def compared(trace, *presets, **options) -> list[Played]:
    options = {"limit": LIMIT} | options
    return [play(trace, Setting(preset, **options), seed=7) for preset in presets]


def parted(runs) -> Divergence:
    where = first_divergence(runs)
    assert where is not None
    return where


def told(where: Divergence, runs: list[Played]) -> list[dict[str, Any]]:
    """Every preset's story."""
    return [story(where, run, concerned(where, runs)) for run in runs]


def test_sp5_refuses_spuriously_where_sp6_admits_and_the_story_names_the_ghost():
    runs = compared(q248371(), "sp5", "sp6")
    sp5, sp6 = (run.row() for run in runs)
    where = parted(runs)
    stories = told(where, runs)

    assert (12, 12) == (sp5["logons"], sp6["logons"])
    assert sp5["refused"] == sp5["spurious"] > 0
    assert (0, 0) == (sp6["refused"], sp6["ghost_slot_seconds"])
    assert sp5["ghost_slot_seconds"] > 30
    assert {"sp5": "refused", "sp6": "admitted"} == where.fates
    first = next(one for one in runs[0].logons if one.attempt.outcome == "refused")
    assert (first.key, first.began_s) == (where.key, where.at_s)
    ghosts = {one["user"] for one in stories[0]["receipt"]["holders"] if one["ghost"]}
    assert ghosts
    assert all(ghost in "\n".join(stories[0]["words"]) for ghost in ghosts)
    assert "Spurious" in "\n".join(stories[0]["words"])
    assert "slot given back" in "\n".join(stories[1]["words"])
    assert stories[0]["slots"]["orphan"] == stories[0]["receipt"]["ghosts"]


def test_recall_admits_whom_sp6_admits_by_taking_slots_from_ghosts():
    runs = compared(q248371(), "sp6", "recall")

    assert first_divergence(runs) is None
    assert [("sp6", "recall")] == never_parted(runs)
    sp6, recall = (run.row() for run in runs)
    assert (0, 0) == (sp6["refused"], recall["refused"])
    assert recall["ghost_slot_seconds"] > 0


def test_a_recalled_slot_is_part_of_the_story():
    runs = compared(q248371(), "sp5", "recall")
    words = told(parted(runs), runs)[1]["words"]

    assert "gave back" in "\n".join(words)


def test_under_w2k_another_users_logoff_takes_a_file_away():
    opener = PlannedSession(0, 0.0, 5.0, (Visit(1.0, 9, False),))
    reader = PlannedSession(1, 0.5, 9.0, (Visit(4.0, 9, False), Visit(8.0, 9, False)))
    runs = compared(Trace(False, (opener, reader)), "sp6", "w2k", hold_s=2.0)
    where = parted(runs)

    assert [0, 1] == [run.row()["visits_failed"] for run in runs]
    assert ((1, 1), 0, "done") == (where.key, where.visit, where.fates["sp6"])
    assert where.fates["w2k"].startswith("STATUS_")
    words = " ".join(" ".join(told(where, runs)[1]["words"]).split())
    assert "user0, who had visited it too, logged off" in words


def test_under_recall_a_visit_may_find_its_slot_given_to_another():
    idle = PlannedSession(0, 0.0, 9.0, (Visit(1.0, 9, False), Visit(8.0, 9, False)))
    other = PlannedSession(1, 2.0, 20.0, ())  # in no state from which it can be recalled
    runs = compared(Trace(False, (idle, other)), "sp6", "recall", limit=1)
    where = parted(runs)
    words = [" ".join(one["words"]) for one in told(where, runs)]

    assert {"sp6": "refused", "recall": "admitted"} == where.fates
    assert "the redirector gave back user0's at once" in words[1]
    failed = next(one for one in runs[1].logons if one.failed)
    assert (0, [SUCCESS, "STATUS_REQUEST_NOT_ACCEPTED"]) == (failed.user, failed.statuses)


def test_a_session_without_visits_holds_its_slot_and_goes():
    [run] = compared(Trace(True, (PlannedSession(0, 0.0, 5.0, ()),)), "sp5")

    assert (1, 0, None) == tuple(
        run.row()[key] for key in ("logons", "opens", "reuse_hit_ratio")
    )
    assert 5.0 == round(run.simulated_s, 1)


def test_presets_that_do_the_same_never_part():
    runs = compared(q248371(), "sp6", "cifs-5s", "macos-30")

    assert first_divergence(runs) is None
    assert 3 == len(never_parted(runs))


@pytest.mark.parametrize("preset", ["sp3", "sp4", "sp5", "sp6", "w2k", "recall"])
def test_verdicts_agree_also_where_everything_happens_on_the_second(preset):
    """Constant arrivals and stays: logoffs and logons would fall into the same instants."""
    planned = tuple(PlannedSession(n, n * 1.0, 5.0, visits(n, 2.0, 4.999)) for n in range(60))
    [run] = compared(Trace(False, planned), preset, limit=5)
    row = run.row()

    assert 0 == row["disagreements"]
    assert 0 == row["failed"]
    assert row["refused"] > 0 or preset in ("sp3", "sp6", "w2k", "recall")


def test_the_figures_count_what_the_sessions_did():
    trace = q248371(users=2, sessions=1)
    [run] = compared(trace, "sp6")
    row = run.row()

    assert 6 == row["opens"] == sum(len(one.statuses) for one in run.logons)
    assert {SUCCESS} == {status for one in run.logons for status in one.statuses}
    # Each session's second visit of its own file revives it.
    assert (2, round(2 / 6, 4)) == (row["reused"], row["reuse_hit_ratio"])
    assert row["log_on_ms"] is None
    # Open for no time, from the first visit to the logoff nothing is in use.
    assert row["dormant_only_slot_seconds"] == pytest.approx(2 * 3.5, abs=0.2)


@pytest.mark.parametrize("preset", ["sp3", "sp5", "sp6", "w2k", "recall"])
def test_calls_and_memory_streams_come_to_the_same(preset):
    called, wired = (
        play(q248371(), Setting(preset, LIMIT, hold_s=0.2, wired=wired), seed=3)
        for wired in (False, True)
    )

    def outcomes(run):
        return [(one.key, one.attempt.outcome, one.statuses) for one in run.logons]

    def figures(run):
        return {key: value for key, value in run.row().items() if key != "spent_s"}

    assert outcomes(called) == outcomes(wired)
    assert figures(called) == figures(wired)


def test_with_a_delay_the_time_to_log_on_means_something():
    [run] = compared(q248371(users=2, sessions=2), "sp6", delay_s=0.01)

    assert 20.0 <= run.row()["log_on_ms"]["mean"] <= 100.0


def test_the_event_log_tells_all_in_order():
    lines: list[str] = []
    play(q248371(), Setting("sp5", LIMIT), seed=1, write=lines.append)
    events = [json.loads(line) for line in lines]
    counts = Counter(event["event"] for event in events)

    assert [event["at_s"] for event in events] == sorted(event["at_s"] for event in events)
    assert 12 == counts["attempt_started"] == counts["admitted"] + counts["refused"]
    assert counts["refused"] == counts["receipt_completed"] > 0
    assert counts["admitted"] == counts["logged_off"]
    assert counts["use_admitted"] == counts["use_released"] == counts["admitted"]
    assert 3 * counts["admitted"] == counts["visited"]
    assert {"live", "orphan", "released"} <= {event.get("state") for event in events}
