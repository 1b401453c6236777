"""Every checker passes what is in order and fails what is not, in words that name it."""

import pytest

from clients.lab.checking.always import CHECKERS
from clients.lab.checking.verdict import FAIL, PASS, UNKNOWN
from tests.core.checked import Story

FULL, BUSY = "STATUS_REQUEST_NOT_ACCEPTED", "STATUS_SHARING_VIOLATION"
LOCKED, GONE = "STATUS_LOCK_NOT_GRANTED", "STATUS_FILE_CLOSED"


def refused(story: Story, who: str, verdict: str = "genuine") -> Story:
    """Refused at the limit, and a receipt says why."""
    op = story.refuse(who, "connect", FULL)
    process = f"host1/{who}#1"
    return story.note("receipt", op=op, process=process, number=7, verdict=verdict)


def wrote(value: int = 5, *, closed: bool = False) -> Story:
    """Ann writes to the file a, and may close it."""
    story = Story(uses_max=9).enter("ann").do("ann", "write", value=value)
    return story.do("ann", "close") if closed else story


def quiet(story: Story, **held: int) -> Story:
    return story.note("quiet", source="server", baseline={"slots": 0, "fds": 9}, **held)


def disk(story: Story, *blocks: int) -> Story:
    return story.note("disk", path="a", blocks=list(blocks))


def restarted(story: Story) -> Story:
    story.note("program", source="host1", event="killed", epoch=1)
    return story.note("program", source="host1", event="started", epoch=2)


def began() -> Story:
    return Story().note("program", source="host1", event="started", epoch=1).enter("ann")


def lost(story: Story, away_s: float, from_s: float = 10.0) -> Story:
    story.at(from_s).note("link", source="host1", to="server", event="lost", by="server")
    return story.at(from_s + away_s).note("link", source="host1", to="server", event="up")


def left_in_a_fault(until_s: float) -> Story:
    """A fault fires while what a logoff left is to go."""
    story = Story(preset="sp5").slot("admitted", 1, "ann", 1).leave("ann").at(20)
    return story.fault("fired").fault("healed").at(until_s).slot("released", 1, "ann", 0)


def given_up(story: Story) -> Story:
    """Its link is lost, and somebody connects over another one long after."""
    story.at(10).note("fact", source="host1", kind="link_lost", link="server")
    return story.at(60).enter("bob", 2)


def told_so(story: Story) -> Story:
    """Its link is lost and given up; an open asks for another one."""
    story.at(10).note("fact", source="host1", kind="link_lost", link="server")
    story.at(20).note("fact", source="host1", kind="link_given_up", link="server")
    return story.at(60).do("ann", "open", {"handle": 2, "size": 0})


def back(story: Story) -> Story:
    """Its link is lost, and soon there again."""
    story.note("fact", source="host1", kind="link_lost", link="server")
    return story.note("fact", source="host1", kind="link_recovered", link="server")


CLEAN = {
    "holders_within_limit": [
        Story().enter("ann").leave("ann").enter("bob").leave("bob"),
        Story(uses_max=None).enter("ann").enter("bob"),
    ],
    "ledger_within_limit": [
        Story().slot("admitted", 1, "ann", 1).slot("released", 1, "ann", 0),
        Story().slot("admitted", 1, "ann", 1, "open").slot("admitted", 2, "bob", 2, "open"),
    ],
    "no_spurious_refusal": [
        refused(Story().enter("ann"), "bob"),
        refused(Story(preset="sp5").enter("ann").leave("ann").at(20), "bob"),
    ],
    "receipts_agree": [
        refused(Story().enter("ann"), "bob").leave("ann"),
        refused(Story(preset="sp5").enter("ann").leave("ann"), "bob", "spurious"),
    ],
    "one_release_each": [
        Story().slot("admitted", 1, "ann", 1).slot("released", 1, "ann", 0),
    ],
    "logoff_releases": [
        Story().slot("admitted", 1, "ann", 1).slot("released", 1, "ann", 0).leave("ann"),
        Story(preset="sp5")
        .slot("admitted", 1, "ann", 1)
        .leave("ann")
        .at(30)
        .slot("released", 1, "ann", 0),
        left_in_a_fault(80),
    ],
    "vanished_release": [
        Story().enter("ann").slot("admitted", 1, "ann", 1).at(9).leave("ann"),
        Story()
        .enter("ann")
        .slot("admitted", 1, "ann", 1)
        .at(9)
        .note("link", source="host1", to="server", event="lost", by="server")
        .at(9.5)
        .slot("released", 1, "ann", 0)
        .at(60)
        .enter("bob"),
    ],
    "logoff_leaves_nothing": [
        Story().do("ann", "logoff", {"residue": 0, "uses_before": 2, "uses_after": 1}),
        Story(preset="sp5").do("ann", "logoff", {"residue": 2}),
    ],
    "numbers_never_reused": [
        Story().enter("ann", 1).enter("bob", 2),
        restarted(Story().enter("ann", 1)).enter("bob", 1),
        Story().enter("ann").do("ann", "connect", {"connection": 1}),
    ],
    "old_numbers_fenced": [
        restarted(began()).enter("ann", 2).do("ann", "write", value=5, handle=2),
        lost(Story(durable_age_max_s=30.0).enter("ann"), 5).do("ann", "write", value=5),
        back(given_up(Story(durable_age_max_s=5.0))).do("bob", "write", value=5, handle=2),
        back(told_so(Story(durable_age_max_s=5.0).enter("ann"))).do(
            "ann", "write", value=5, handle=2
        ),
    ],
    "values_were_written": [wrote().do("ann", "read", {"value": 5})],
    "reads_in_order": [
        wrote()
        .do("bob", "read", {"value": 5})
        .do("ann", "write", value=6)
        .do("bob", "read", {"value": 6}),
    ],
    "closed_writes_readable": [
        wrote(closed=True).do("bob", "read", {"value": 5}),
        wrote().do("bob", "read", {"value": 0}),
    ],
    "disk_holds_writes": [disk(wrote(closed=True), 5), disk(wrote(), 0)],
    "stat_shows_writes": [
        wrote().do("bob", "stat", {"size": 64}),
        Story().enter("ann").do("bob", "stat", {"size": 0}),
    ],
    "locks_exclude": [
        Story().do("ann", "lock").do("ann", "unlock").do("bob", "lock", handle=2),
        Story().do("ann", "lock", exclusive=False).do("bob", "lock", handle=2, exclusive=False),
    ],
    "refusals_explained": [refused(Story().enter("ann"), "bob")],
    "nothing_left": [quiet(Story(), slots=0, fds=11)],
    "dormancy_ends": [
        Story().state("live").state("dormant_only").at(34).state("live").at(99).enter("bob"),
    ],
    "one_outcome": [Story().enter("ann")],
    "nothing_hangs": [quiet(Story().enter("ann"), slots=0)],
    "answered_in_time": [Story().enter("ann")],
    "every_sort_succeeds": [Story().enter("ann")],
    "faults_healed": [Story().fault("fired").fault("healed")],
    "progress_after_heal": [
        Story().enter("ann").fault("fired").fault("healed").at(60).enter("ann", 2),
    ],
}


def in_the_way() -> Story:
    story = Story(uses_max=9).enter("ann")
    story.refuse("bob", "open", BUSY)
    story.do("bob", "unlink", {"pending": True})
    op = story.ask("ann", "lock")
    story.refuse("bob", "lock", LOCKED, handle=2)
    return story.end(op)


def lock_kept(at_s: float) -> Story:
    """Who has it vanishes; a server keeps it for a while."""
    story = Story(durable_age_max_s=60.0).enter("ann").do("ann", "lock")
    story.end(story.ask("ann", "read"), "unknown", reason="the link was lost").at(at_s)
    story.refuse("bob", "lock", LOCKED, handle=2)
    return story


CLEAN["nobody_in_the_way"] = [in_the_way(), lock_kept(50)]


def pending() -> Story:
    story = Story().enter("ann")
    story.ask("ann", "close")
    return quiet(story, slots=0)


def twice() -> Story:
    story = Story().enter("ann")
    process, f = "host1/ann#1", "open"
    return story.note("ok", op=story.last, process=process, f=f, handle=4)


def slow() -> Story:
    story = Story(lease_break_wait_s=5.0).enter("ann")
    op = story.ask("ann", "read")
    return story.at(100).end(op, value=0)


def stuck() -> Story:
    story = Story().enter("ann").fault("fired").fault("healed").at(60)
    story.refuse("ann", "open", "STATUS_CONNECTION_DISCONNECTED")
    return story


def never() -> Story:
    story = Story().enter("ann")
    story.refuse("ann", "unlink", BUSY)
    return story


def after(story: Story, *refusals: tuple[str, str, str]) -> Story:
    for who, f, status in refusals:
        story.refuse(who, f, status)
    return story


BROKEN = [
    (
        "holders_within_limit",
        Story().enter("ann").enter("bob", 2).do("ann", "stat", {"size": 0}),
        "2 surely held a slot of docs, which has 1: ann at host1, bob at host1",
    ),
    (
        "holders_within_limit",
        Story()
        .enter("ann")
        .do("bob", "connect", {"connection": 2})
        .do("ann", "stat", {"size": 0}),
        "bob at host1 was admitted to docs while 1 of 1 slots were surely held by others",
    ),
    (
        "ledger_within_limit",
        Story().slot("admitted", 1, "ann", 1).slot("admitted", 2, "bob", 2),
        "the server let bob have slot 2 of 1 of docs",
    ),
    (
        "ledger_within_limit",
        Story(uses_max=5).slot("admitted", 1, "ann", 2),
        "the server counted 2 uses of docs; admitted less released are 1",
    ),
    (
        "no_spurious_refusal",
        refused(Story().enter("ann").leave("ann"), "bob"),
        "bob at host1 was refused docs though at most 0 of 1 slots can have been held",
    ),
    (
        "no_spurious_refusal",
        refused(Story(preset="sp5").enter("ann").leave("ann").at(60), "bob"),
        "though at most 0 of 1 slots",
    ),
    (
        "receipts_agree",
        refused(Story().enter("ann"), "bob", "spurious").leave("ann"),
        "receipt 7 says spurious, but clients saw 1 to 1 of 1 logged on: genuine",
    ),
    (
        "one_release_each",
        Story()
        .slot("admitted", 1, "ann", 1)
        .slot("released", 1, "ann", 0)
        .slot("released", 1, "ann", 0),
        "slot number 1 of ann was given back and is not held",
    ),
    (
        "one_release_each",
        Story().slot("admitted", 3, "ann", 1).slot("admitted", 3, "bob", 2),
        "bob was given slot number 3 after 3 had been given",
    ),
    (
        "logoff_releases",
        Story().slot("admitted", 1, "ann", 1).leave("ann").at(5).slot("released", 1, "ann", 0),
        "slot 1 of ann had to be free by 0.003 s",
    ),
    (
        "logoff_releases",
        Story(preset="sp5").slot("admitted", 1, "ann", 1).leave("ann").at(99).leave("bob"),
        "still held when the history ended",
    ),
    ("logoff_releases", left_in_a_fault(400), "slot 1 of ann had to be free by"),
    (
        "vanished_release",
        Story()
        .enter("ann")
        .slot("admitted", 1, "ann", 1)
        .at(9)
        .note("link", source="host1", to="server", event="lost", by="server")
        .at(60)
        .enter("bob"),
        "as the link of host1 was lost at 9.001 s, and was still held when the history ended",
    ),
    (
        "logoff_leaves_nothing",
        Story().do("ann", "logoff", {"residue": 2}),
        "ann at host1 logged off and left 2 things behind",
    ),
    (
        "logoff_leaves_nothing",
        Story().do("ann", "logoff", {"residue": 0, "uses_before": 1, "uses_after": 1}),
        "the uses went from 1 to 1",
    ),
    (
        "numbers_never_reused",
        Story().enter("ann", 1).enter("bob", 1),
        "bob at host1 was given session 1, which ann got at 0.002 s",
    ),
    (
        "old_numbers_fenced",
        restarted(began()).do("ann", "write", value=5),
        "ann at host1 did a write on a by handle 1, which must be dead: its redirector was",
    ),
    (
        "old_numbers_fenced",
        lost(Story(durable_age_max_s=30.0).enter("ann"), 50).do("ann", "fsync"),
        "its link was away for 50.0 s",
    ),
    (
        "old_numbers_fenced",
        told_so(Story(durable_age_max_s=99.0).enter("ann")).do("ann", "fsync"),
        "which must be dead: its link was given up",
    ),
    (
        "old_numbers_fenced",
        given_up(Story(durable_age_max_s=99.0).enter("ann")).do("ann", "fsync"),
        "ann at host1 did a fsync on a by handle 1, which must be dead: its link was given up",
    ),
    (
        "values_were_written",
        wrote().do("ann", "read", {"value": 9}),
        "ann at host1 read 9, which nobody had written there, in block 0 of a",
    ),
    ("values_were_written", wrote().do("ann", "read", {"value": -1}), "read a torn block"),
    (
        "reads_in_order",
        wrote().do("bob", "read", {"value": 0}),
        "bob at host1 read nothing (0) in block 0 of a, where 5 (written by ann at host1 at",
    ),
    (
        "closed_writes_readable",
        wrote(closed=True).do("bob", "read", {"value": 0}),
        "bob at host1 read nothing (0) in block 0 of a; 5 (written by ann at host1 at 0.007 s)"
        " was closed or synced at 0.010 s",
    ),
    ("disk_holds_writes", disk(wrote(closed=True), 0), "the disk holds nothing (0) in block 0"),
    (
        "disk_holds_writes",
        disk(wrote(closed=True), 8),
        "the disk holds 8 in block 0 of a, which",
    ),
    (
        "stat_shows_writes",
        wrote().do("bob", "stat", {"size": 0}),
        "bob at host1 was told a has 0 bytes; ann at host1 had made it 64 at 0.008 s",
    ),
    ("stat_shows_writes", wrote().do("bob", "stat", {"size": 128}), "no write made it so long"),
    (
        "stat_shows_writes",
        after(Story().enter("ann"), ("bob", "stat", "STATUS_OBJECT_NAME_NOT_FOUND")),
        "bob at host1 was told there is no a, opened at 0.006 s",
    ),
    (
        "locks_exclude",
        Story().do("ann", "lock").do("bob", "lock", handle=2),
        "bob at host1 was granted a lock on a that ann at host1 had held since 0.002 s",
    ),
    (
        "nobody_in_the_way",
        after(Story().enter("ann").do("ann", "close"), ("bob", "unlink", BUSY)),
        "bob at host1 was refused unlink of a (STATUS_SHARING_VIOLATION), but nobody had it",
    ),
    (
        "nobody_in_the_way",
        Story().enter("ann").do("ann", "close").do("bob", "unlink", {"pending": True}),
        "bob at host1 deleted a, and its name stayed, but nobody had it open",
    ),
    (
        "nobody_in_the_way",
        after(Story().do("ann", "lock").do("ann", "close"), ("bob", "lock", LOCKED)),
        "but nobody can have held a lock there",
    ),
    ("nobody_in_the_way", lock_kept(150), "but nobody can have held a lock there"),
    (
        "refusals_explained",
        after(Story().enter("ann"), ("ann", "read", GONE)),
        "ann at host1 was refused read of a: STATUS_FILE_CLOSED, and nothing explains that",
    ),
    (
        "nothing_left",
        quiet(Story(), slots=1),
        "server still holds 1 slots, before there were 0",
    ),
    ("nothing_left", quiet(Story(), fds=14), "still holds 14 fds, before there were 9 and at"),
    (
        "dormancy_ends",
        Story().state("dormant_only").at(50).state("live"),
        "the connection of ann at host1 to docs was dormant_only for 50.0 s",
    ),
    (
        "dormancy_ends",
        Story(preset="sp5").state("orphan").at(50).leave("bob"),
        "was orphan for",
    ),
    ("one_outcome", twice(), "line 8: operation 3 (open of host1/ann#1) has an outcome but"),
    ("nothing_hangs", pending(), "ann at host1 asked close of a and never had an answer"),
    ("answered_in_time", slow(), "ann at host1 waited 100.0 s for read: 31.0 s at most"),
    ("faults_healed", Story().fault("fired"), "reset on w fired and was never healed"),
    (
        "progress_after_heal",
        stuck(),
        "ann at host1 tried open (STATUS_CONNECTION_DISCONNECTED); none has succeeded since",
    ),
]


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_checker_passes_what_is_in_order(checker):
    for story in CLEAN[checker]:
        verdict = story.verdict(checker)

        assert (PASS, None) == (verdict.result, verdict.at_ns), verdict.why
        assert verdict.why


@pytest.mark.parametrize(("checker", "story", "says"), BROKEN)
def test_a_checker_fails_what_is_not_and_says_who_what_and_when(checker, story, says):
    judged = story.judged()
    verdict = judged.verdicts[checker]

    assert verdict.result == FAIL
    assert says in verdict.why
    assert verdict.why.startswith("at ")
    assert verdict.at_ns is not None
    assert verdict.count >= 1
    assert not judged.ok


def test_every_checker_has_a_history_that_it_fails():
    assert set(CHECKERS) - {"every_sort_succeeds"} == {checker for checker, *_ in BROKEN}
    assert set(CHECKERS) == set(CLEAN)


@pytest.mark.parametrize(
    ("checker", "story", "says"),
    [
        ("every_sort_succeeds", never(), "never once succeeded: unlink (tried 1 times)"),
        ("every_sort_succeeds", Story(), "nobody did anything"),
        ("nothing_left", Story(), "does not say what was left"),
        ("disk_holds_writes", wrote(closed=True), "does not say what the disk held"),
        ("ledger_within_limit", Story(), "no facts of the server's ledger"),
        ("one_release_each", Story(), "no facts of the server's ledger"),
        ("logoff_releases", Story(), "no facts of the server's ledger"),
        ("vanished_release", Story(), "no facts of the server's ledger"),
        ("dormancy_ends", Story(), "no facts of a redirector's connections"),
        (
            "progress_after_heal",
            Story().enter("ann").fault("fired").fault("healed"),
            "after the last heal nobody tried connect, logon, open",
        ),
    ],
)
def test_what_a_history_does_not_tell_is_unknown_and_not_passed(checker, story, says):
    judged = story.judged()

    assert judged.verdicts[checker].result == UNKNOWN
    assert says in judged.verdicts[checker].why
    assert not judged.ok


# --- what faults excuse -----------------------------------------------------------------------


def test_a_disturbed_connection_is_not_surely_held():
    story = Story().enter("ann").fault("fired").fault("healed").enter("bob", 2)
    story.do("ann", "stat", {"size": 0}).do("bob", "stat", {"size": 0})

    assert story.verdict("holders_within_limit").result == PASS


def test_a_vanished_user_may_hold_a_slot_until_everybody_noticed():
    story = Story(peer_silence_max_s=15.0, logoff_max_s=10.0).enter("ann")
    story.end(story.ask("ann", "read"), "unknown")
    soon = refused(story.at(40), "bob")
    assert soon.verdict("no_spurious_refusal").result == PASS

    late = refused(soon.at(60), "cid")
    assert "cid at host1 was refused" in late.verdict("no_spurious_refusal").why


def test_a_write_that_was_not_closed_may_be_lost_with_its_host():
    story = wrote()
    restarted(story)

    judged = story.do("bob", "read", {"value": 0}).judged()

    assert judged.verdicts["reads_in_order"].result == PASS
    assert judged.lost_bytes == 0


def test_a_write_that_was_closed_must_not_be_and_is_counted_in_bytes():
    story = restarted(wrote(closed=True))

    judged = disk(story.do("bob", "read", {"value": 0}), 0).judged()

    assert {"reads_in_order", "closed_writes_readable", "disk_holds_writes"} <= set(
        judged.failed()
    )
    assert judged.lost_bytes == 64


def test_a_refused_write_may_be_done_in_part():
    story = Story(uses_max=9).enter("ann")
    story.end(story.ask("ann", "write", value=5), "fail", status="STATUS_DISK_FULL")

    assert story.do("bob", "read", {"value": -1}).verdict("values_were_written").result == PASS


def test_files_whose_names_change_are_no_registers():
    story = wrote(closed=True).do("bob", "rename").do("bob", "read", {"value": 0})

    assert [] == story.judged().failed()
