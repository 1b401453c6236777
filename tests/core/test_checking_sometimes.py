"""Every sight is seen in a history that shows it, and not in one that does not."""

import pytest

from clients.lab.checking.sometimes import SOMETIMES
from tests.core.checked import Story

FULL = "STATUS_REQUEST_NOT_ACCEPTED"
BUSY, LOCKED = "STATUS_SHARING_VIOLATION", "STATUS_LOCK_NOT_GRANTED"


def message(story: Story, name: str, direction: str = "up") -> Story:
    return story.note("message", wire="host1-server", name=name, dir=direction)


def link(story: Story, kind: str) -> Story:
    return story.note("fact", source="host1", kind=kind, link="server")


def killed(story: Story, again: bool = False) -> Story:
    story.note("server", event="killed", epoch=1)
    return story.note("server", event="started", epoch=2) if again else story


def receipt(verdict: str, ghosts: int) -> Story:
    story = Story().enter("ann")
    op = story.refuse("bob", "connect", FULL)
    more = {"process": "host1/bob#1", "number": 1, "verdict": verdict, "ghosts": ghosts}
    return story.note("receipt", op=op, **more)


def contended() -> Story:
    story = Story()
    first, second = story.ask("ann", "connect"), story.ask("bob", "connect")
    story.slot("admitted", 1, "ann", 1).end(first, connection=1)
    return story.end(second, "fail", status=FULL)


def refused(f: str, status: str) -> Story:
    story = Story().enter("ann")
    story.refuse("bob", f, status)
    return story


def in_flight(f: str, then) -> Story:
    story = Story().enter("ann")
    op = story.ask("ann", f, **({"value": 9} if f == "write" else {}))
    then(story)
    return story.end(op, "unknown")


def two_writes() -> Story:
    story = Story().enter("ann")
    first, second = (story.ask(who, "write", value=n) for who, n in (("ann", 1), ("bob", 2)))
    return story.end(first).end(second)


def slow_logoff() -> Story:
    story = Story(logoff_max_s=2.0).enter("ann")
    op = story.ask("ann", "logoff")
    return story.at(2.5).end(op, residue=1)


def vanished() -> Story:
    story = Story().enter("ann").slot("admitted", 1, "ann", 1)
    story.end(story.ask("ann", "read"), "unknown")
    return story.slot("released", 1, "ann", 0)


def over_hosts() -> Story:
    story = Story().enter("ann").do("ann", "write", value=7)
    return story.do("host2/bob#1", "read", {"value": 7})


def newer_link() -> Story:
    story = Story().enter("ann").slot("admitted", 1, "ann", 1)
    return message(link(story, "link_lost"), "SessionSetup").slot("released", 1, "ann", 0)


def closed() -> Story:
    return Story().enter("ann").do("ann", "close")


def reclaimed() -> Story:
    story = link(link(Story().enter("ann"), "link_lost"), "link_recovered")
    return story.do("ann", "fsync")


SEEN = {
    "limit_reached": Story().slot("admitted", 1, "ann", 1),
    "last_slot_contended": contended(),
    "refused_genuinely": receipt("genuine", 0),
    "refused_for_residue": receipt("spurious", 1),
    "slot_recalled": message(Story(), "SlotRecall", "down"),
    "connection_left_behind": Story().state("orphan"),
    "quick_return": Story().enter("ann").leave("ann").do("ann", "logon"),
    "vanished_freed": vanished(),
    "batch_raced_reopen": message(closed(), "CloseBatch").do("ann", "open", {"handle": 2}),
    "logoff_during_batch": message(Story().enter("ann"), "CloseBatch").leave("ann"),
    "killed_in_batch": killed(message(Story(), "CloseBatch")),
    "revived": message(Story(), "Create").enter("ann").do("ann", "close")
    .do("ann", "open", {"handle": 2}),
    "dormant_broken": link(Story(), "dormant_broken"),
    "lease_broken": message(Story(), "LeaseBreak", "down"),
    "renamed_while_dormant": closed().do("bob", "rename"),
    "removed_while_dormant": closed().do("bob", "unlink"),
    "writers_at_once": two_writes(),
    "read_across_hosts": over_hosts(),
    "lock_contended": refused("lock", LOCKED),
    "file_busy": refused("open", BUSY),
    "disk_failed": refused("fsync", "STATUS_DISK_FULL"),
    "client_lost": vanished(),
    "link_lost_in_flight": in_flight("read", lambda story: link(story, "link_lost")),
    "write_at_kill": in_flight("write", killed),
    "handle_reclaimed": reclaimed(),
    "older_uses_freed": newer_link(),
    "connect_in_grace": killed(Story(journal=True, grace_s=9.0), again=True).enter("ann"),
    "restarted_under_sessions": killed(Story().enter("ann"), again=True),
    "logoff_cut_short": slow_logoff(),
}  # fmt: skip

UNSEEN = {
    "limit_reached": Story(uses_max=2).slot("admitted", 1, "ann", 1),
    "last_slot_contended": refused("connect", FULL),
    "refused_for_residue": receipt("genuine", 0),
    "refused_genuinely": receipt("spurious", 1),
    "quick_return": Story().enter("ann").leave("ann").at(9).do("ann", "logon"),
    "vanished_freed": Story().slot("admitted", 1, "ann", 1).slot("released", 1, "ann", 0),
    "batch_raced_reopen": message(message(closed(), "CloseBatch"), "BatchClosed", "down")
    .do("ann", "open", {"handle": 2}),
    "logoff_during_batch": Story().enter("ann").leave("ann"),
    "killed_in_batch": killed(Story()),
    "renamed_while_dormant": Story().enter("ann").do("bob", "rename"),
    "removed_while_dormant": closed().at(99).do("bob", "unlink"),
    "writers_at_once": Story().do("ann", "write", value=1).do("bob", "write", value=2),
    "read_across_hosts": Story().do("ann", "write", value=7).do("bob", "read", {"value": 7}),
    "link_lost_in_flight": link(Story().enter("ann"), "link_lost"),
    "write_at_kill": in_flight("read", killed),
    "handle_reclaimed": Story().enter("ann").do("ann", "fsync"),
    "older_uses_freed": Story().enter("ann").slot("released", 1, "ann", 0),
    "connect_in_grace": killed(Story(journal=True, grace_s=9.0), again=True).at(20)
    .enter("ann"),
    "restarted_under_sessions": killed(Story().enter("ann").leave("ann"), again=True),
    "logoff_cut_short": Story().enter("ann").leave("ann"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOMETIMES)
def test_a_sight_is_counted_once_where_it_is_to_be_seen(name):
    assert 1 == SEEN[name].judged().sometimes[name]


@pytest.mark.parametrize("name", UNSEEN)
def test_a_sight_is_not_counted_where_it_is_not(name):
    assert 0 == UNSEEN[name].judged().sometimes[name]


def test_an_open_that_asks_the_server_revives_nothing():
    story = message(closed(), "Create")
    op = story.ask("ann", "open")
    message(story, "Create").end(op, handle=2)

    assert 0 == story.judged().sometimes["revived"]
