"""A server killed at any instant and started anew: it knows what anybody was told."""

from typing import Any

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.status import Status
from shareserver.service import administration
from tests.playbook import SHARE, enter_directly, play, refused, touch, uses
from tests.stories.returning import NOT_FOUND, SUCCESS, named
from tests.stories.test_once import once

GRACE_S, AGE_S = 10.0, 60.0
KEPT = {"journal": "kept"}


def kept(uses_max=None, **options):
    return play(uses_max=uses_max, server_options=KEPT | options)


async def restart(s):
    await s.kill_server()
    await s.restart_server()


def names(s):
    return s.disks[0].open("", writable=False, create="never", directory=True)[0].names()


async def test_what_was_open_is_taken_up_again_with_its_lease(autojump_clock):
    async with kept() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        await peer.ask(m.Write(tree, made.handle, 0, b"before"))
        await restart(s)
        assert 1 == len(s.server.durable)
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        assert again > tree
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert (SUCCESS, made.file, f.LEASE_RWH) == (got.status, got.file, got.lease)
        assert b"before" == (await peer.ask(m.Read(again, made.handle, 0, 9))).data
        newer = await peer.open(again, "b")
        assert newer.handle > made.handle


async def test_it_survives_one_kill_after_the_other(autojump_clock):
    async with kept() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        for _ in range(3):
            await restart(s)
            await peer.lose()
            await peer.dial()
            before, tree = tree, await peer.enter(reclaims=tree)
            (got,) = await peer.reclaim(tree, before, made.handle)
            assert SUCCESS == got.status
            assert 1 == uses(s)
        await restart(s)
        await trio.sleep(AGE_S + 1)
        assert {} == s.leftovers()
        await restart(s)
        assert (0, 0) == (len(s.server.durable), len(s.server.grace))


async def test_what_was_closed_stays_closed(autojump_clock):
    async with kept() as s, named(s) as peer:
        session = await peer.log_on()
        tree = (await peer.ask(m.TreeConnect(session, SHARE))).tree
        closed, batched, _ = [await peer.open(tree, name) for name in "abc"]
        await peer.ask(m.Close(tree, closed.handle))
        await peer.ask(m.CloseBatch(((tree, batched.handle),)))
        await restart(s)
        assert ["c"] == [one.path for one in s.server.handles.all()]
        await peer.lose()
        await peer.dial()
        session = await peer.log_on()
        again = (await peer.ask(m.TreeConnect(session, SHARE, tree))).tree
        await peer.reclaim(again, tree)
        await peer.ask(m.Logoff(session))
        await restart(s)
        assert (0, 0) == (len(s.server.handles), len(s.server.grace))


async def test_what_nobody_was_told_did_not_happen(autojump_clock):
    """A handle whose answer never left is no handle of the next start."""
    async with kept() as s, named(s) as peer:
        tree = await peer.enter()
        link = next(iter(s.server.peers.values())).link
        link._sender._before_sending = lambda: None
        await peer.open(tree, "a")
        assert 1 == len(s.server.handles)
        await restart(s)
        assert 0 == len(s.server.handles)


async def test_names_are_followed(autojump_clock):
    async with kept() as s, named(s) as peer:
        tree = await peer.enter()
        moved = await peer.open(tree, "a", lease=0)
        gone = await peer.open(tree, "b", lease=0)
        replaced = await peer.open(tree, "c", lease=0)
        await peer.ask(m.Rename(tree, "a", "z"))
        await peer.ask(m.Unlink(tree, "b", posix=True))
        other = s.disks[0]
        other.unlink("c")
        other.open("c", writable=True, create="must", directory=False)[0].close()
        await restart(s)
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        handles = [one.handle for one in (moved, gone, replaced)]
        got = await peer.reclaim(again, tree, *handles)
        assert [SUCCESS, NOT_FOUND, NOT_FOUND] == [one.status for one in got]


async def test_a_lease_is_as_small_as_it_was_broken(autojump_clock):
    async with kept() as s, named(s) as peer, named(s, "ts2") as other:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        theirs = await other.enter("u2")
        await other.open(theirs, "a", lease=f.LEASE_R)
        assert f.LEASE_RH == peer.breaks[-1].lease
        await restart(s)
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert (SUCCESS, f.LEASE_RH) == (got.status, got.lease)


async def test_what_was_to_be_deleted_at_its_last_close_is_gone(autojump_clock):
    """Its last user was a plain client, whose handles die with the server, or is away."""
    async with kept() as s, named(s) as peer, named(s, "", "") as plain:
        tree, theirs = await peer.enter(), await plain.enter("u2")
        await plain.open(theirs, "a", lease=0)
        await peer.open(tree, "b", lease=0)
        await plain.open(theirs, "stays", lease=0)
        for name in "ab":
            assert (await peer.ask(m.Unlink(tree, name))).pending
        await restart(s)
        await trio.sleep(0.1)
        assert ["stays"] == names(s)


async def test_whoever_counts_on_a_journal_hears_that_it_failed(autojump_clock, log):
    """What it asks is not answered any more; over the next link it is promised less."""
    log.expect("journal_failed")
    async with kept() as s, named(s, offer=("durable", "journal", "lease", "once")) as peer:
        assert "journal" in peer.peer.capabilities
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        s.server.journal.db.execute("DROP TABLE handles")
        with pytest.raises(LinkLost):
            await peer.open(tree, "b")
        await peer.lose()
        await peer.dial()
        assert {"durable", "lease", "once"} == set(peer.peer.capabilities)
        again = await peer.enter(reclaims=tree)
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert SUCCESS == got.status


# --- slots ------------------------------------------------------------------------------------


async def test_nobody_takes_the_slot_of_who_is_still_at_work(autojump_clock):
    async with kept(uses_max=1) as s, named(s) as peer, named(s, "ts2") as newcomer:
        tree = await peer.enter()
        await restart(s)
        await newcomer.lose()
        await newcomer.dial()
        session = await newcomer.log_on("u2")
        refusals = []

        async def come() -> None:
            with refused(Status.STATUS_REQUEST_NOT_ACCEPTED):
                await newcomer.ask(m.TreeConnect(session, SHARE))
            refusals.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come)
            await trio.sleep(1)
            assert [] == refusals
            await peer.lose()
            await peer.dial()
            await peer.enter(reclaims=tree)
            back_at = trio.current_time()
        assert back_at == pytest.approx(refusals[0], abs=0.01)
        assert 1 == uses(s)


async def test_the_grace_ends_when_its_time_is_over(autojump_clock):
    async with kept(uses_max=1) as s, named(s) as peer, named(s, "ts2") as newcomer:
        tree = await peer.enter()
        await restart(s)
        at = trio.current_time()
        await newcomer.lose()
        await newcomer.dial()
        await newcomer.enter("u2")
        assert GRACE_S == pytest.approx(trio.current_time() - at, abs=0.1)
        await peer.lose()
        await peer.dial()
        session = await peer.log_on()
        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED) as no:
            await peer.ask(m.TreeConnect(session, SHARE, tree))
        assert {"receipt": 1, "uses": 1, "uses_max": 1} == no.value.detail


@pytest.mark.parametrize(
    ("instance", "user", "share"), [("ts2", "u1", SHARE), ("ts1", "u2", SHARE)]
)
async def test_nobody_takes_another_ones_slot_by_its_number(
    instance, user, share, autojump_clock
):
    async with kept(uses_max=1) as s, named(s) as peer:
        tree = await peer.enter()
        await restart(s)
        await peer.lose()
        at = trio.current_time()
        async with named(s, instance, epoch=9) as other:
            await other.enter(user, reclaims=tree)
        assert GRACE_S == pytest.approx(trio.current_time() - at, abs=0.1)


async def test_a_slot_lost_before_the_kill_is_nobodys(autojump_clock):
    async with kept(uses_max=1) as s, named(s) as peer:
        await peer.enter()
        await peer.lose()
        await restart(s)
        at = trio.current_time()
        await enter_directly(s, "u2")
        assert at == trio.current_time()


async def test_plain_clients_and_no_journal_give_no_grace(autojump_clock):
    for options in (KEPT, {}):
        async with play(uses_max=1, server_options=options) as s:
            await enter_directly(s, "u1")
            await restart(s)
            at = trio.current_time()
            await enter_directly(s, "u2")
            assert at == trio.current_time()


async def test_the_slots_view_shows_for_whom_a_slot_is_kept_free(autojump_clock):
    async with kept(uses_max=1) as s, named(s) as peer:
        tree = await peer.enter()
        await trio.sleep(5)
        await restart(s)
        await trio.sleep(4)
        (row,) = await administration._slots(s.server, 0)
        assert (tree, "u1", "durable", "grace_s") == tuple(
            row[key] for key in ("number", "shown_user", "state", "release_by")
        )
        assert (9.0, 6.0) == pytest.approx((row["held_s"], row["release_in_s"]), abs=0.1)


async def test_refusals_and_slot_history_and_numbers_go_on(autojump_clock):
    async with kept(uses_max=1) as s:
        await enter_directly(s, "u1")
        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED):
            await enter_directly(s, "u2")
        await trio.sleep(1)
        before = s.server
        receipts, facts = before.receipts.rows(0), before.ledger.facts(0)
        assert (1, 1) == (len(receipts), len(facts))
        await restart(s)
        assert receipts == s.server.receipts.rows(0)
        ended = facts[0] | {"number": 2, "kind": "use_released", "uses": 0}
        ended["at_ns"] = s.wall_now()
        assert [*facts, ended] == s.server.ledger.facts(0)
        for table in ("ledger", "handles", "receipts"):
            assert getattr(s.server, table).last >= getattr(before, table).last
        assert s.server.last >= before.last
        await enter_directly(s, "u2")
        assert [1, 2, 3] == [fact["number"] for fact in s.server.ledger.facts(0)]


async def test_a_second_restart_does_not_end_again_what_has_ended(autojump_clock):
    async with kept() as s:
        await enter_directly(s, "u1")
        await restart(s)
        facts = s.server.ledger.facts(0)
        await restart(s)
        assert 2 == len(facts) == len(s.server.ledger.facts(0))


async def test_an_unknown_user_has_the_same_salt_after_a_restart(autojump_clock):
    async with kept() as s:
        first = s.server.accounts._verifier("nobody")
        await restart(s)
        assert first == s.server.accounts._verifier("nobody")


async def test_what_they_have_open_waits_for_them_as_well(autojump_clock):
    """Another host asks for a file first; its holder comes back within the time of grace."""
    async with kept() as s, named(s) as holder, named(s, "ts2") as other:
        tree, theirs = await holder.enter(), await other.enter("u2")
        exclusive = await holder.open(tree, "a", share=0, lease=0)
        leased = await holder.open(tree, "b")
        await restart(s)
        theirs = await come_back(s, other, theirs, "u2")
        told: list[tuple[str, Any]] = []

        async def ask(path) -> None:
            try:
                await other.open(theirs, path, lease=0)
            except Refused as no:
                told.append((path, no.status.name))
            else:
                told.append((path, [one.file for one in holder.breaks]))

        async with trio.open_nursery() as nursery:
            for path in "ab":
                nursery.start_soon(ask, path)
            await trio.sleep(2)
            assert [] == told
            again = await come_back(s, holder, tree)
            got = await holder.reclaim(again, tree, exclusive.handle, leased.handle)
            assert [SUCCESS, SUCCESS] == [one.status for one in got]
        assert [("a", "STATUS_SHARING_VIOLATION"), ("b", [leased.file])] == sorted(told)


@pytest.mark.parametrize("how", ["open", "break", "unlink", "doom"])
async def test_they_are_waited_for_so_long_and_no_longer(how, autojump_clock):
    async with kept() as s, named(s) as holder, named(s, "ts2") as other:
        lease = f.LEASE_RWH if how == "break" else 0
        share = f.SHARE_ALL if how in ("break", "doom") else 0
        await holder.open(await holder.enter(), "a", share=share, lease=lease)
        theirs = await other.enter("u2")
        await restart(s)
        at = trio.current_time()
        theirs = await come_back(s, other, theirs, "u2")
        if how == "unlink":
            assert not (await other.ask(m.Unlink(theirs, "a"))).pending
        elif how == "doom":
            doom = f.FILE_DELETE_ON_CLOSE
            made = await other.open(theirs, "a", access=f.DELETE, lease=0, options=doom)
            await other.ask(m.Close(theirs, made.handle))
            await trio.sleep(GRACE_S)
            assert [] == names(s)
        else:
            await other.open(theirs, "a", lease=0)
        assert GRACE_S == pytest.approx(trio.current_time() - at, abs=0.1)
        assert 0 == len(s.server.durable)
        await holder.lose()


@pytest.mark.parametrize("kind", ["nt", "posix", "flock"])
async def test_a_lock_is_held_across_a_restart(kind, autojump_clock):
    async with kept() as s, named(s) as holder, named(s, "ts2") as other:
        tree, theirs = await holder.enter(), await other.enter("u2")
        made = await holder.open(tree, "a", lease=0)
        opened = await other.open(theirs, "a", lease=0)
        await holder.ask(m.Lock(tree, made.handle, kind, 1, 0, 10, True))
        await holder.ask(m.Lock(tree, made.handle, kind, 1, 20, 10, True))
        if kind != "flock":
            await holder.ask(m.Unlock(tree, made.handle, kind, 1, 20, 10))
        await restart(s)
        tree, before = await come_back(s, holder, tree), tree
        await holder.reclaim(tree, before, made.handle)
        theirs, before = await come_back(s, other, theirs, "u2"), theirs
        await other.reclaim(theirs, before, opened.handle)

        def theirs_at(offset):
            return m.Lock(theirs, opened.handle, kind, 1, offset, 5, True)

        with refused(Status.STATUS_LOCK_NOT_GRANTED):
            await other.ask(theirs_at(5))
        # Its redirector may think that it is lost, and take it again.
        await holder.ask(m.Lock(tree, made.handle, kind, 1, 0, 10, True))
        with refused(Status.STATUS_LOCK_NOT_GRANTED):
            await other.ask(theirs_at(5))
        if kind != "flock":
            await other.ask(theirs_at(20))
        await holder.ask(m.Unlock(tree, made.handle, kind, 1, 0, 10))
        await other.ask(theirs_at(5))
        with refused(Status.STATUS_LOCK_NOT_GRANTED):
            await holder.ask(m.Lock(tree, made.handle, kind, 1, 0, 10, True))
        await holder.ask(m.Close(tree, made.handle))
        await other.ask(m.Close(theirs, opened.handle))
        assert [] == s.server.journal.rows("locks")


async def test_a_lock_given_up_after_a_restart_is_taken_anew(autojump_clock):
    async with kept() as s, named(s) as holder:
        tree = await holder.enter()
        made = await holder.open(tree, "a", lease=0)
        await holder.ask(m.Lock(tree, made.handle, "nt", 1, 0, 10, True))
        await restart(s)
        tree, before = await come_back(s, holder, tree), tree
        await holder.reclaim(tree, before, made.handle)
        await holder.ask(m.Unlock(tree, made.handle, "nt", 1, 0, 10))
        await holder.ask(m.Lock(tree, made.handle, "nt", 1, 0, 10, True))
        assert 1 == s.server.locks.statistics()["locks"]
        with refused(Status.STATUS_LOCK_NOT_GRANTED):
            await holder.ask(m.Lock(tree, made.handle, "nt", 1, 0, 10, True))


# --- once -------------------------------------------------------------------------------------


async def come_back(s, peer, tree, user="u1"):
    await peer.lose()
    await peer.dial()
    return await peer.enter(user, reclaims=tree)


async def test_an_answer_outlives_the_server(autojump_clock):
    async with kept() as s, named(s) as peer:
        tree = await peer.enter()
        info = (await peer.ask(once(1, m.MakeDirectory(tree, "folder")))).info
        made = await peer.ask(once(2, m.Create(tree, "a", f.DELETE, 0, f.FILE_CREATE)))
        with refused(Status.STATUS_OBJECT_NAME_COLLISION):
            await peer.ask(once(3, m.MakeDirectory(tree, "folder")))
        await restart(s)
        s.disks[0].remove_directory("folder")
        again = await come_back(s, peer, tree)
        assert m.DirectoryMade(info) == await peer.ask(
            once(1, m.MakeDirectory(again, "folder"))
        )
        assert made == await peer.ask(once(2, m.Create(again, "a", f.DELETE, 0, f.FILE_CREATE)))
        with refused(Status.STATUS_OBJECT_NAME_COLLISION):
            await peer.ask(once(3, m.MakeDirectory(again, "folder")))
        assert () == await peer.reclaim(again, tree)
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert SUCCESS == got.status
        await peer.ask(once(4, m.MakeDirectory(again, "folder"), answered=3))
        await restart(s)
        assert 1 == s.server.replays.statistics()["replies_kept"]


def a(tree):
    return m.Create(tree, "new", f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_CREATE)


DONE = {
    "unlink": lambda tree: m.Unlink(tree, "a", posix=True),
    "rename": lambda tree: m.Rename(tree, "a", "new"),
    "replace": lambda tree: m.Rename(tree, "a", "b", True),
    "link": lambda tree: m.Link(tree, "a", "new"),
    "symlink": lambda tree: m.Symlink(tree, "new", "a"),
    "mkdir": lambda tree: m.MakeDirectory(tree, "new"),
    "rmdir": lambda tree: m.RemoveDirectory(tree, "folder"),
    "set": lambda tree: m.SetXattr(tree, "a", "user.x", "create", b"1"),
    "remove": lambda tree: m.RemoveXattr(tree, "b", "user.y"),
    "create": a,
    "overwrite": lambda tree: m.Create(
        tree, "a", f.FILE_WRITE_DATA, f.SHARE_ALL, f.FILE_OVERWRITE
    ),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", DONE)
async def test_what_is_done_already_counts_as_done(what, when, autojump_clock, log):
    """The server dies between the noted intent and the change, or between it and the answer."""
    log.expect("link_failed")
    answers, disks = [], []
    for dies in (False, True):
        async with kept() as s, named(s) as peer:
            tree = await peer.enter()
            await touch(await enter_directly(s, "u2"), "a", "b")
            await peer.ask(m.MakeDirectory(tree, "folder"))
            await peer.ask(m.SetXattr(tree, "b", "user.y", "", b"1"))
            if dies:
                await die(s, peer, once(1, DONE[what](tree)), after=when == "after")
                tree = await come_back(s, peer, tree)
            answers.append(plain(await peer.ask(once(1, DONE[what](tree)))))
            disks.append([(one.name, one.info.size) for one in listed(s)])
    assert answers[0] == answers[1]
    assert disks[0] == disks[1]


async def die(s, peer, request, *, after):
    """Kill the server around the one change that a request makes."""
    replays, journal = s.server.replays, s.server.journal

    def stop_at_once(*_):
        journal.sever()
        raise MemoryError("the server is killed here")

    if after:
        replays.finish = stop_at_once
    else:
        settle = journal.settle

        def settle_last():
            settle()
            if replays.statistics()["replies_kept"] and journal.is_kept:
                stop_at_once()

        journal.settle = settle_last
    with pytest.raises(LinkLost):
        await peer.ask(request)
    await restart(s)


def listed(s):
    return s.disks[0].open("", writable=False, create="never", directory=True)[0].entries()


def plain(reply):
    """A reply without what differs from one run to the next."""
    return type(reply).__name__, getattr(reply, "action", None)


@pytest.mark.parametrize("written", [0, 3, 5])
async def test_bytes_appended_in_part_are_appended_whole(written, autojump_clock, log):
    log.expect("link_failed")
    async with kept() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        await peer.ask(m.Write(tree, made.handle, 0, b"head "))
        append = m.Write(tree, made.handle, m.APPEND, b"bytes")
        await die(s, peer, once(1, append), after=False)
        file, _ = s.disks[0].open("a", writable=True, create="never", directory=False)
        file.append(b"bytes"[:written])
        again = await come_back(s, peer, tree)
        await peer.reclaim(again, tree, made.handle)
        reply = await peer.ask(once(1, m.Write(again, made.handle, m.APPEND, b"bytes")))
        assert (5, 5) == (reply.count, reply.offset)
        assert b"head bytes" == (await peer.ask(m.Read(again, made.handle, 0, 99))).data
