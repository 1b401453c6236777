"""What a redirector had open when its link was lost: it waits, or makes way for others."""

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from shareserver import teardown
from shareserver.service import administration
from tests.playbook import SHARE, enter_directly, play, read, refused, server, touch, uses
from tests.stories.returning import NOT_FOUND, SUCCESS, named

AGE_S = 60.0
MINE = f.FILE_READ_DATA | f.FILE_WRITE_DATA


async def test_a_lost_link_frees_the_slots_and_keeps_the_files(autojump_clock):
    async with play(uses_max=1) as s, named(s) as peer:
        await peer.open(await peer.enter(), "a")
        await peer.lose()
        assert 0 == uses(s)
        assert 1 == len(s.server.handles) == len(s.server.durable)
        await enter_directly(s, "u2")
        (kept,) = s.server.handles.all()
        assert f.LEASE_RWH == s.server.leases.state(kept.entry.identity, kept.lessee)


async def test_what_was_kept_is_taken_up_again_by_its_number(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        await peer.ask(m.Write(tree, made.handle, 0, b"before"))
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        assert again > tree
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert (SUCCESS, made.file, f.LEASE_RWH) == (got.status, got.file, got.lease)
        assert 6 == got.info.size
        assert b"before" == (await peer.ask(m.Read(again, made.handle, 0, 9))).data
        with refused(Status.STATUS_NETWORK_NAME_DELETED):
            await peer.ask(m.Read(tree, made.handle, 0, 9))
        assert 0 == len(s.server.durable)


async def test_what_is_not_named_at_last_is_closed(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        one, _, three = [await peer.open(tree, name) for name in "abc"]
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        (got,) = await peer.reclaim(again, tree, one.handle, more=True)
        assert SUCCESS == got.status
        assert 3 == len(s.server.handles)
        got = await peer.reclaim(again, tree, three.handle, one.handle)
        assert [SUCCESS, NOT_FOUND] == [one.status for one in got]
        assert {one.handle, three.handle} == {one.number for one in s.server.handles.all()}


@pytest.mark.parametrize(
    ("instance", "key", "user"),
    [
        ("ts1", "guessed", "u1"),
        ("ts2", "secret", "u1"),
        ("ts1", "secret", "u2"),
        ("", "", "u1"),
    ],
)
async def test_nobody_else_takes_it_up_nor_learns_that_it_is_there(
    instance, key, user, autojump_clock
):
    async with play() as s, named(s) as peer:
        tree = await peer.enter("u1")
        made = await peer.open(tree, "a")
        await peer.lose()
        async with named(s, instance, key, epoch=7) as other:
            again = await other.enter(user)
            (got,) = await other.reclaim(again, tree, made.handle)
            assert NOT_FOUND == got.status
            assert (0, 0, None) == (got.file, got.lease, got.info)
            assert 1 == len(s.server.durable)


async def test_it_expires_with_all_that_hung_on_it(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        await peer.ask(m.Lock(tree, made.handle, "nt", 1, 0, 10, True))
        await peer.open(
            tree, "doomed", lease=0, access=f.DELETE, options=f.FILE_DELETE_ON_CLOSE
        )
        await peer.lose()
        assert 1 == s.server.locks.statistics()["locks"]
        await trio.sleep(AGE_S - 1)
        assert 2 == len(s.server.handles)
        assert ["a", "doomed"] == names(s)
        await trio.sleep(1.1)
        assert {} == s.leftovers()
        assert ["a"] == names(s)
        assert 2 == s.server.durable.statistics()["handles_expired"]


def names(s):
    return s.disks[0].open("", writable=False, create="never", directory=True)[0].names()


async def test_many_expire_a_part_at_a_time(autojump_clock, monkeypatch):
    monkeypatch.setattr(teardown, "EXPIRED_MAX", 2)
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        for number in range(7):
            await peer.open(tree, f"f{number}")
        await peer.lose()
        await trio.sleep(AGE_S + 0.1)
        assert {} == s.leftovers()


@pytest.mark.parametrize("offer", [(), ("lease",), ("lease", "once")])
async def test_who_did_not_ask_for_it_has_nothing_kept(offer, autojump_clock):
    async with play() as s, named(s, offer=offer) as peer:
        assert "durable" not in peer.peer.capabilities
        await peer.open(await peer.enter(), "a")
        await peer.lose()
        assert {} == s.leftovers()


async def test_whoever_has_no_key_cannot_be_known_again(autojump_clock):
    async with play() as s, named(s, key="") as peer:
        assert ("lease",) == peer.peer.capabilities
        await peer.open(await peer.enter(), "a")
        await peer.lose()
        assert {} == s.leftovers()


async def test_a_server_may_keep_nothing(autojump_clock):
    options = {"durable_age_max_s": 0.0}
    async with play(server_options=options) as s, named(s) as peer:
        assert ("lease",) == peer.peer.capabilities


async def test_a_log_off_and_a_disconnect_close_as_ever(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        await peer.open(tree, "a")
        assert 1 == (await peer.ask(m.TreeDisconnect(tree))).handles_closed
        session = await peer.log_on()
        tree = (await peer.ask(m.TreeConnect(session, SHARE))).tree
        await peer.open(tree, "a")
        assert 1 == (await peer.ask(m.Logoff(session))).handles_closed
        await peer.lose()
        assert {} == s.leftovers()


async def test_a_newer_epoch_takes_up_what_a_half_open_link_still_had(autojump_clock):
    """The older link ends when somebody logs on over the newer one, not before."""
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        peer.cable.hold()
        async with named(s, epoch=2) as newer:
            assert 1 == uses(s)
            again = await newer.enter(reclaims=tree)
            assert 1 == uses(s)
            (got,) = await newer.reclaim(again, tree, made.handle)
            assert SUCCESS == got.status
        peer.cable.release()


# --- making way -------------------------------------------------------------------------------


async def test_whatever_needs_its_lease_broken_does_not_wait(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        await peer.lose()
        at = trio.current_time()
        await touch(await enter_directly(s, "u2"), "a")
        assert at == trio.current_time()
        assert 0 == len(s.server.durable)
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert NOT_FOUND == got.status


@pytest.mark.parametrize("lease", [0, f.LEASE_RWH])
@pytest.mark.parametrize("how", ["open", "unlink", "rename", "replace", "cut", "doom"])
async def test_it_stands_in_nobodys_way(how, lease, autojump_clock):
    """Though it allows nothing: whose redirector is away costs nobody access."""
    async with play() as s, named(s) as peer, named(s, "ts2") as other:
        await peer.open(await peer.enter(), "a", share=0, lease=lease, access=MINE)
        theirs = await other.enter("u2")
        await peer.lose()
        if how == "open":
            await other.open(theirs, "a", share=0)
        elif how == "unlink":
            assert not (await other.ask(m.Unlink(theirs, "a"))).pending
        elif how == "rename":
            await other.ask(m.Rename(theirs, "a", "b"))
        elif how == "replace":
            await other.open(theirs, "b", share=f.SHARE_ALL, lease=0)
            await other.ask(m.Rename(theirs, "b", "a", True))
        elif how == "cut":
            await other.ask(m.SetInfo(theirs, "a", size=0))
        else:
            await other.open(theirs, "a", access=f.DELETE, options=f.FILE_DELETE_ON_CLOSE)
        assert 0 == len(s.server.durable)


async def test_a_folder_is_renamed_though_somebody_away_has_a_file_in_it(autojump_clock):
    async with play() as s, named(s) as peer, named(s, "ts2") as other:
        tree = await peer.enter()
        await peer.ask(m.MakeDirectory(tree, "folder"))
        await peer.open(tree, "folder/a", lease=0)
        theirs = await other.enter("u2")
        await peer.lose()
        await other.ask(m.Rename(theirs, "folder", "other"))
        assert ["other"] == names(s)


async def test_a_doomed_file_that_only_somebody_away_has_open_goes(autojump_clock):
    async with play() as s, named(s) as peer, named(s, "ts2") as other:
        await peer.open(await peer.enter(), "a", lease=0)
        theirs = await other.enter("u2")
        assert (await other.ask(m.Unlink(theirs, "a"))).pending
        await peer.lose()
        made = await other.open(theirs, "a", disposition=f.FILE_CREATE)
        assert f.CREATED == made.action


async def test_a_break_under_way_when_the_link_is_lost_ends_at_once(autojump_clock):
    async with play() as s, named(s) as peer, named(s, "ts2") as other:
        await peer.open(await peer.enter(), "a")
        theirs = await other.enter("u2")
        peer.cable.down.hold("LeaseBreak")
        at = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.ask, m.Unlink(theirs, "a"))
            await trio.sleep(1)
            await peer.lose()
        assert 1.5 > trio.current_time() - at
        assert 0 == len(s.server.durable)


async def test_who_shares_the_file_leaves_it_where_it_is(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a", lease=0)
        await peer.lose()
        assert "" == await read(await enter_directly(s, "u2"), "a")
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert SUCCESS == got.status


async def test_where_there_is_no_room_the_oldest_go_first(autojump_clock):
    async with play(server_options={"handles_max": 2}) as s, named(s) as peer:
        tree = await peer.enter()
        for name in "ab":
            await peer.open(tree, name)
        await peer.lose()
        await peer.dial()
        again = await peer.enter()
        await peer.open(again, "c")
        assert ["b", "c"] == [one.entry.path for one in s.server.handles.all()]
        await peer.open(again, "d")
        with refused(Status.STATUS_TOO_MANY_OPENED_FILES):
            await peer.open(again, "e")


# --- what administrators see ------------------------------------------------------------------


async def test_the_views_say_what_is_kept_and_which_timer_frees_it(autojump_clock):
    options = {"admins": frozenset({"u2"})}
    async with play(server_options=options) as s, named(s) as peer:
        kept = await peer.open(await peer.enter(), "a")
        await peer.lose()
        await trio.sleep(10)
        await peer.dial()
        used = await peer.open(await peer.enter(), "b")
        files = {row["number"]: row for row in await seen(s, "files")}
        durable, opened = files[kept.handle], files[used.handle]
        assert ("durable", "durable_age_max_s") == (durable["state"], durable["release_by"])
        assert AGE_S - 10 == pytest.approx(durable["release_in_s"], abs=0.1)
        assert ("open", "", None) == tuple(
            opened[key] for key in ("state", "release_by", "release_in_s")
        )
        assert 1 == (await seen(s, "statistics"))[0]["handles_durable"]


async def seen(s, view):
    rows = administration._VIEWS[view](s.server, 0)
    return rows if isinstance(rows, list) else await rows


async def test_an_administrator_closes_what_is_kept(autojump_clock):
    async with play() as s, named(s) as peer:
        kept = await peer.open(await peer.enter(), "a")
        await peer.lose()
        administration._close_file(s.server, kept.handle)
        assert {} == s.leftovers()


def test_the_stories_are_about_the_age_that_is_usual():
    assert AGE_S == server().durable_age_max_s
