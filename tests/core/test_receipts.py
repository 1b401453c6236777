"""Receipts of refusals: the verdict at the refusal's instant, and what would have admitted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redird.wire.messages import UseDescription
from shareserver import receipts as module
from shareserver.ledger import Use
from shareserver.receipts import Holder, ReceiptTable

SECOND = 1_000_000_000
REFUSED_AT = 100 * SECOND


def told(tree, state="live", gone_s=None, **fields):
    """What a redirector says of one slot."""
    values = {
        "open_files": 1,
        "dormant_files": 0,
        "oldest_dormant_s": None,
        "release_in_s": None,
        "release_by": "",
    }
    return UseDescription(tree, state, gone_s, **values | fields)


def refused(uses_max, holders):
    """A refusal with so many holders, of whom nothing is known yet."""
    since = REFUSED_AT - 12 * SECOND
    uses = [Use(number, "docs", number, 1, f"user{number}", since) for number in range(holders)]
    rows = [Holder(use, "ts1") for use in uses]
    return ReceiptTable().open("docs", "zoe", 4, REFUSED_AT, uses_max, rows)


def judged(uses_max, *, live=0, ghosts=0, unknown=0):
    receipt = refused(uses_max, live + ghosts + unknown)
    for number in range(live):
        receipt.describe(number, told(number), REFUSED_AT, REFUSED_AT)
    for number in range(live, live + ghosts):
        receipt.describe(number, told(number, "orphan", 5.0), REFUSED_AT, REFUSED_AT)
    return receipt


def opinion(receipt):
    row = receipt.row()
    return row["verdict"], row["sp6_would_admit"], row["recall_would_admit"]


GENUINE, SPURIOUS = ("genuine", False, False), ("spurious", True, True)
UNDECIDED = ("undecided", None, None)


@pytest.mark.parametrize(
    ("uses_max", "live", "ghosts", "unknown", "expected"),
    [
        (10, 10, 0, 0, GENUINE),
        (10, 9, 1, 0, SPURIOUS),
        (10, 0, 10, 0, SPURIOUS),
        (10, 0, 0, 10, UNDECIDED),
        (10, 9, 0, 1, UNDECIDED),
        (10, 8, 1, 1, SPURIOUS),  # at most 9 of the 10
        (10, 9, 2, 1, UNDECIDED),  # the limit was lowered: 12 hold a slot
        (10, 10, 1, 1, GENUINE),
        (10, 10, 5, 0, GENUINE),
        (1, 1, 0, 0, GENUINE),
        (1, 0, 1, 0, SPURIOUS),
        (1, 0, 0, 1, UNDECIDED),
        (0, 0, 0, 0, GENUINE),  # a share that admits nobody
        (0, 0, 1, 0, GENUINE),
    ],
)
def test_the_verdict(uses_max, live, ghosts, unknown, expected):
    receipt = judged(uses_max, live=live, ghosts=ghosts, unknown=unknown)
    row = receipt.row()

    assert expected == opinion(receipt)
    assert (live, ghosts, unknown) == (row["live"], row["ghosts"], row["unknown"])
    assert live + ghosts + unknown == row["uses"] == len(row["holders"])


counts = st.integers(0, 4)


@given(counts, counts, counts, counts)
def test_a_verdict_holds_whatever_the_unknown_turn_out_to_be(uses_max, live, ghosts, unknown):
    verdict = judged(uses_max, live=live, ghosts=ghosts, unknown=unknown).verdict
    turned_out = {
        judged(uses_max, live=live + more, ghosts=ghosts + unknown - more).verdict
        for more in range(unknown + 1)
    }

    assert "undecided" not in turned_out
    assert ({verdict} if verdict != "undecided" else {"genuine", "spurious"}) == turned_out


# --- judged at the refusal's instant ----------------------------------------------------------


@pytest.mark.parametrize(
    ("gone_s", "asked_after_s", "answered_after_s", "verdict"),
    [
        (None, 0.0, 0.3, "genuine"),  # still logged on
        (5.0, 0.0, 0.3, "spurious"),  # logged off long before
        (0.3, 0.0, 0.3, "spurious"),  # at that instant, if the answer came at once
        (0.2, 0.0, 0.3, "undecided"),  # before or after, as the answer took its time
        (0.1, 0.2, 0.3, "genuine"),  # after the refusal, whenever it was said
        (0.0, 0.0, 0.0, "spurious"),
    ],
)
def test_a_holder_is_judged_as_it_was_when_the_refusal_was_made(
    gone_s, asked_after_s, answered_after_s, verdict
):
    receipt = refused(1, 1)
    asked, answered = (
        REFUSED_AT + round(after_s * SECOND) for after_s in (asked_after_s, answered_after_s)
    )
    receipt.describe(0, told(0, "orphan", gone_s), asked, answered)

    assert verdict == receipt.verdict


def test_a_redirector_that_does_not_know_the_slot_leaves_it_unknown():
    receipt = refused(1, 1)
    receipt.describe(0, told(0, "unknown", 9.0), REFUSED_AT, REFUSED_AT)

    assert receipt.holders[0].ghost is None
    assert "undecided" == receipt.verdict


# --- what another policy would have done ------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "gone_s", "sp6", "recall"),
    [
        ("live", None, False, False),
        ("closing", None, False, False),
        ("dormant_only", None, False, True),  # logged on, but needs no slot just now
        ("orphan", 5.0, True, True),
        ("orphan", 0.1, False, True),  # logged off between the refusal and the answer
        ("closing", 5.0, True, True),
        ("unknown", None, None, None),
    ],
)
def test_what_sp6_and_recall_would_have_done_about_the_last_slot(state, gone_s, sp6, recall):
    receipt = refused(2, 2)
    asked = REFUSED_AT + SECOND // 2
    receipt.describe(0, told(0), asked, asked)
    receipt.describe(1, told(1, state, gone_s), asked, REFUSED_AT + SECOND)

    assert (sp6, recall) == opinion(receipt)[1:]


def test_a_plain_clients_slot_is_live_and_cannot_be_recalled():
    receipt = refused(1, 1)
    receipt.holders[0].ghost = False  # nobody describes it

    assert GENUINE == opinion(receipt)
    assert "live" == receipt.row()["holders"][0]["state"]


# --- what is shown ----------------------------------------------------------------------------


def test_the_earliest_release_is_the_first_of_those_that_are_known():
    receipt = refused(3, 3)
    assert receipt.row()["earliest_release_s"] is None
    for number, release_in_s in enumerate([None, 7.5, 3.25]):
        receipt.describe(
            number, told(number, release_in_s=release_in_s), REFUSED_AT, REFUSED_AT
        )

    assert 3.25 == receipt.row()["earliest_release_s"]


def test_a_holder_is_shown_with_what_was_told_of_it():
    receipt = refused(2, 2)
    detail = {
        "open_files": 0,
        "dormant_files": 3,
        "oldest_dormant_s": 8.0,
        "release_in_s": 22.0,
        "release_by": "dormant_age_max_s",
    }
    receipt.describe(1, told(1, "orphan", 5.0, **detail), REFUSED_AT, REFUSED_AT)
    described = {"tree": 1, "session": 1, "user": "user1", "redirector": "ts1", "since_s": 12.0}
    silent = {"state": "unknown", "ghost": None, "open_files": 0, "dormant_files": 0}
    rows = receipt.row()["holders"]

    assert described | detail | {"state": "orphan", "ghost": True} == rows[1]
    assert silent.items() <= rows[0].items()
    assert [None, None, ""] == [
        rows[0][key] for key in ("oldest_dormant_s", "release_in_s", "release_by")
    ]


def test_a_receipt_says_who_was_refused_where_and_when():
    row = refused(2, 2).row()
    expected = {
        "number": 1,
        "share": "docs",
        "user": "zoe",
        "at_ns": REFUSED_AT,
        "uses": 2,
        "uses_max": 2,
        "complete": False,
    }

    assert expected.items() <= row.items()


def test_receipts_are_numbered_and_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(module, "RECEIPTS_MAX", 3)
    table = ReceiptTable()
    made = [table.open("docs", "zoe", 4, REFUSED_AT, 1, []) for _ in range(5)]

    assert [1, 2, 3, 4, 5] == [receipt.number for receipt in made]
    assert [one.row() for one in made[2:]] == table.rows(0)
    assert [made[4].row()] == table.rows(4)
    assert table.find(2) is None
    assert made[2] is table.find(3)
