"""Byte-range locks through the whole path: who is excluded, who waits, what is left."""

import pytest
import trio

from clients.errors import LinkFailed
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status
from tests.playbook import at, enter, enter_directly, play, read, refused, sends, touch

KINDS = ("nt", "posix", "flock")
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
REFUSED, CONFLICT = Status.STATUS_LOCK_NOT_GRANTED, Status.STATUS_FILE_LOCK_CONFLICT


async def neighbour(s, user):
    """A user of another redirector."""
    return await enter(s, user, await s.add_redirector(s.redirector.state.config))


async def lock(file, kind, offset=0, length=0, exclusive=True, owner=1, wait_s=0.0):
    ask = m.Lock(file._tree, file._handle, kind, owner, offset, length, exclusive, wait_s)
    await file._client.ask(ask, m.Locked)


async def unlock(file, kind, offset=0, length=0, owner=1):
    ask = m.Unlock(file._tree, file._handle, kind, owner, offset, length)
    await file._client.ask(ask, m.Unlocked)


async def in_way_of(file, kind, offset=0, length=0, exclusive=True, owner=1):
    ask = m.TestLock(file._tree, file._handle, kind, owner, offset, length, exclusive)
    return (await file._client.ask(ask, m.LockTested)).conflict


@EACH_KIND
@pytest.mark.parametrize("other", [neighbour, enter_directly, enter])
async def test_two_exclude_each_other(autojump_clock, kind, other):
    async with play() as s:
        first, second = await enter(s, "u1"), await other(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await lock(a, kind, 0, 10)
            with refused(REFUSED):
                await lock(b, kind, 5, 10)
            with refused(REFUSED):
                await lock(b, kind, 5, 10, exclusive=False)
            found = await in_way_of(b, kind, 5, 10)
            assert (0, 0 if kind == "flock" else 10, True) == (
                found.offset,
                found.length,
                found.exclusive,
            )
            await unlock(a, kind, 0, 10)
            assert await in_way_of(b, kind) is None
            await lock(b, kind, 5, 10)


@EACH_KIND
@pytest.mark.parametrize("how", ["unlock", "close", "lost link"])
async def test_who_waits_is_served(autojump_clock, kind, how):
    async with play() as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a")

        async def hold():
            async with first.open(at("a"), "r+b") as a:
                await lock(a, kind)
                await trio.sleep(12)
                if how == "unlock":
                    await unlock(a, kind)
                    await trio.sleep(5)
                if how == "lost link":
                    s.cable(first.client).cut()
                    await first.client.link.wait_lost()

        async def hold_until_lost():
            with pytest.raises(LinkFailed):
                await hold()

        nursery.start_soon(hold_until_lost if how == "lost link" else hold)
        await trio.sleep(1)
        async with second.open(at("a"), "r+b") as b:
            await lock(b, kind, wait_s=60)
            assert 12 == pytest.approx(trio.current_time(), abs=0.01)


@EACH_KIND
async def test_nobody_waits_longer_than_it_said(autojump_clock, kind):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await lock(a, kind)
            with refused(REFUSED):
                await lock(b, kind, wait_s=12)
            assert 12 == trio.current_time()
            assert 0 == s.server.locks.statistics()["locks_waited_for"]


async def test_waiting_is_bounded(autojump_clock):
    async with play(lock_wait_max_s=7, server_options={"lock_wait_max_s": 3}) as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await a.lock()
            with refused(REFUSED):
                await b.lock(wait_s=1e9)
            assert 3 == trio.current_time()
            await a.unlock()
            await b.lock()
            with refused(REFUSED):
                await a.lock(wait_s=1e9)
            assert 6 == trio.current_time()


@pytest.mark.parametrize("way", [enter, enter_directly])
async def test_a_waiter_who_leaves_leaves_nothing(autojump_clock, way):
    """Even if it leaves in the moment in which the lock is given to it."""
    async with play() as s:
        first, second = await neighbour(s, "u1"), await way(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await a.lock()
            s.cable(second.client).delay(0.5)
            with trio.move_on_after(20) as left:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(lambda: b.lock(wait_s=60))
                    await trio.sleep(19.8)
                    await a.unlock()
            assert left.cancelled_caught
            await trio.sleep(3)
            assert 0 == s.server.locks.statistics()["locks"]
            await a.lock()


async def test_a_waiter_whose_link_is_lost_leaves_nothing(autojump_clock):
    async with play("sp5") as s, trio.open_nursery() as nursery:
        first, second = await neighbour(s, "u1"), await enter(s, "u2")
        await touch(first, "a")

        async def wait():
            with pytest.raises(LinkFailed):
                async with second.open(at("a"), "r+b") as b:
                    await b.lock(wait_s=60)

        async with first.open(at("a"), "r+b") as a:
            await a.lock()
            nursery.start_soon(wait)
            await trio.sleep(7)
            s.cable(second.client).cut()
            await trio.sleep(0.1)
            assert 0 == s.server.locks.statistics()["locks_waited_for"]
            await a.unlock()
            await trio.sleep(10)
            assert 0 == s.server.locks.statistics()["locks"]
            await a.lock()


async def test_a_waiter_whose_link_is_lost_leaves_a_shared_handle_unlocked(autojump_clock):
    """The handle goes on serving another session, so that no close gives the lock up."""
    async with play("w2k") as s, trio.open_nursery() as nursery:
        first = await neighbour(s, "u1")
        second, third = await enter(s, "u2"), await enter(s, "u3")
        await touch(first, "a")

        async def wait():
            with pytest.raises(LinkFailed):
                async with second.open(at("a"), "r+b") as b:
                    await b.lock(wait_s=60)

        async with first.open(at("a"), "r+b") as a, third.open(at("a"), "r+b") as c:
            await a.lock()
            nursery.start_soon(wait)
            await trio.sleep(7)
            assert 2 == len(s.server.handles)
            s.cable(second.client).cut()
            await trio.sleep(0.1)
            await a.unlock()
            await trio.sleep(0.1)
            await c.lock()


# --- mandatory ones ---------------------------------------------------------------------------


@pytest.mark.parametrize("other", [neighbour, enter_directly, enter])
async def test_a_locked_part_is_not_for_others(autojump_clock, other):
    async with play() as s:
        first, second = await enter(s, "u1"), await other(s, "u2")
        await touch(first, "a")  # "of u1"
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            assert b"of u1" == await b.read()  # and kept
            await a.lock(1, 2)
            await b.seek(0)
            with refused(CONFLICT):
                await b.read(2)
            assert b"u1" == (await b.seek(3), await b.read())[1]
            with refused(CONFLICT):
                await b.seek(2)
                await b.write(b"x")
            await b.seek(3)
            await b.write(b"U1")
            await a.seek(0)
            await a.write(b"OF")
            await a.unlock(1, 2)
            await b.seek(0)
            assert b"OF U1" == await b.read()


@pytest.mark.parametrize("other", [neighbour, enter_directly, enter])
async def test_what_is_locked_for_reading_nobody_writes(autojump_clock, other):
    async with play() as s:
        first, second = await enter(s, "u1"), await other(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await a.lock(0, 2, shared=True)
            await b.lock(1, 2, shared=True)
            assert b"of u1" == await b.read()
            for file in (a, b):
                await file.seek(0)
                with refused(CONFLICT):
                    await file.write(b"xx")
            await b.seek(3)
            await b.write(b"U1")
            await a.unlock(0, 2)
            with refused(Status.STATUS_RANGE_NOT_LOCKED):
                await a.unlock(0, 2)


async def test_appending_into_a_lock_is_refused(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "ab") as b:
            await a.lock(5, 10)
            with refused(CONFLICT):
                await b.write(b"more")
            await a.unlock(5, 10)
            await b.write(b"more")


async def test_opens_of_one_session_exclude_each_other_too(autojump_clock):
    """They may be served by one handle, which the server takes for one owner."""
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a", mode="w+")
        async with session.open(at("a"), "r+b") as a, session.open(at("a"), "r+b") as b:
            assert 1 == len(s.server.handles)
            await a.lock(0, 2)
            with refused(CONFLICT):
                await b.read(2)
            with refused(CONFLICT):
                await b.write(b"x")
            with refused(REFUSED):
                await b.lock(0, 1)
            with refused(Status.STATUS_RANGE_NOT_LOCKED):
                await b.unlock(0, 2)
            async with session.open(at("a"), "r+b") as c:
                assert 2 == len(s.server.handles)
                with refused(CONFLICT):
                    await c.read(2)
            assert b"of" == await a.read(2)


async def test_deferred_writes_are_at_the_server_before_a_lock(autojump_clock):
    async with play("win10") as s:
        first = await enter(s, "u1")
        async with first.open(at("a"), "w+b") as a:
            await a.write(b"deferred")
            with sends(s, Write=1, Lock=1):
                await a.lock()
            with sends(s, Write=1):
                await a.write(b"through")
            with sends(s, Unlock=1):
                await a.unlock()
            with sends(s):
                await a.write(b"deferred")


async def test_no_lease_hides_reads_from_a_lock(autojump_clock):
    async with play() as s:
        first, second = await enter_directly(s, "u1"), await enter(s, "u2")
        await touch(first, "a", mode="w+")
        async with first.open(at("a"), "r+b") as a:
            await a.lock(3, 2)
            async with second.open(at("a"), "rb") as b:
                assert b"of" == await b.read(2)
                await a.lock(0, 2)
                await b.seek(0)
                with refused(CONFLICT):
                    await b.read(2)


async def test_who_waits_for_a_lock_is_told_of_nothing_old(autojump_clock):
    """Nobody else may know what is in the file, from before the lock is granted."""
    async with play() as s, trio.open_nursery() as nursery:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        third = await neighbour(s, "u3")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await lock(a, "posix")
            nursery.start_soon(lambda: b.lock(0, 2, wait_s=60))
            await trio.sleep(1)
            async with third.open(at("a"), "rb") as c:
                assert b"of u1" == await c.read()
                await a.write(b"Of")
                await unlock(a, "posix")
                await trio.sleep(1)
                await c.seek(0)
                with refused(CONFLICT):
                    await c.read(2)
                await b.write(b"OF")
                await b.unlock(0, 2)
                assert b"OF u1" == await c.read()


async def test_copies_and_holes_respect_locks(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await a.lock(0, 2)
            async with second.open(at("copy"), "w+b") as copy:
                with refused(CONFLICT):
                    await copy.copy_from(b, 0, 0, 5)
                assert 3 == await copy.copy_from(b, 2, 0, 100)
                with refused(CONFLICT):
                    await b.copy_from(copy, 0, 1, 1)
                assert 3 == await b.copy_from(copy, 0, 2, 100)
            punch = f.ALLOCATE_PUNCH_HOLE | f.ALLOCATE_KEEP_SIZE
            with refused(CONFLICT):
                await b.allocate(1, 2, punch)
            await b.allocate(2, 2, punch)
            await b.allocate(0, 100)  # adds to the end only
            assert b"of\0\0" == await a.read(4)


# --- who comes first --------------------------------------------------------------------------


@EACH_KIND
async def test_they_are_served_in_order(autojump_clock, kind):
    async with play() as s, trio.open_nursery() as nursery:
        served = []

        async def use(session, name):
            async with session.open(at("a"), "r+b") as file:
                await lock(file, kind, wait_s=4)
                served.append(name)
                await trio.sleep(0.5)

        first = await enter(s, "u1")
        await touch(first, "a")
        for name, way in (("u2", enter), ("u3", neighbour), ("u4", enter_directly)):
            nursery.start_soon(use, await way(s, name), name)
            await trio.sleep(0.1)
        await trio.sleep(3)
        assert ["u2", "u3", "u4"] == served


async def test_mandatory_and_posix_locks_exclude_each_other(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await a.lock(0, 2)
            for who in (a, b):
                with refused(REFUSED):
                    await lock(who, "posix", 1, 1)
                await lock(who, "flock", exclusive=False)
            await lock(b, "posix", 2, 1, exclusive=False)
            with refused(REFUSED):
                await a.lock(2, 1)
            await a.lock(2, 1, shared=True)


@EACH_KIND
@pytest.mark.parametrize("way", [enter, enter_directly])
async def test_a_close_ends_the_waiting_of_its_open(autojump_clock, kind, way):
    async with play() as s, trio.open_nursery() as nursery:
        first, second = await neighbour(s, "u1"), await way(s, "u2")
        await touch(first, "a")
        statuses = []

        async def wait(file):
            with pytest.raises(Refused) as no:
                await lock(file, kind, wait_s=60)
            statuses.append(no.value.status)

        async with first.open(at("a"), "r+b") as a:
            await lock(a, kind)
            async with second.open(at("a"), "r+b") as b:
                nursery.start_soon(wait, b)
                await trio.sleep(7)
            await trio.sleep(0.1)
            assert [Status.STATUS_FILE_CLOSED] == statuses
            assert 1 == s.server.locks.statistics()["locks"]


async def test_a_handle_shared_by_sessions_locks_for_one_of_them(autojump_clock):
    async with play("w2k") as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a", mode="w+")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            assert 1 == len(s.server.handles)
            await lock(a, "flock")
            with refused(REFUSED):
                await lock(b, "flock")
            await lock(a, "posix", 0, 1)
            with refused(REFUSED):
                await lock(b, "posix", 0, 1)
            await a.lock(3, 1)
            await b.seek(3)
            with refused(CONFLICT):
                await b.read(1)


async def test_a_logoff_unlocks_on_a_handle_that_others_use(autojump_clock):
    async with play("w2k") as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a", mode="w+")
        async with first.open(at("a"), "r+b") as a:
            async with second.open(at("a"), "r+b") as b:
                assert 1 == len(s.server.handles)
                await b.lock(0, 1)
                await lock(b, "posix", 1, 1)
                await second.logoff()
            await trio.sleep(0.1)
            await a.lock()


# --- what goes with a close -------------------------------------------------------------------


@EACH_KIND
async def test_what_is_dormant_holds_no_lock(autojump_clock, kind):
    async with play() as s:
        first = await enter(s, "u1")
        await touch(first, "a", mode="w+")
        async with first.open(at("a"), "r+b") as a:
            await lock(a, kind, 0, 2)
            await lock(a, kind, 4, 2)
        assert 1 == len(s.redirector.state.dormant)
        assert 0 == s.server.locks.statistics()["locks"]
        assert "of u1" == await read(first, "a")


async def test_a_logoff_parks_nothing_that_is_locked(autojump_clock):
    async with play("sp5") as s:
        first = await enter(s, "u1")
        await touch(first, "a", "b", mode="w+")
        async with first.open(at("a"), "r+b") as a, first.open(at("b"), "r+b"):
            await a.lock()
            await first.logoff()
            assert ["b"] == [one.path for one in s.redirector.state.dormant.all()]
            assert 0 == s.server.locks.statistics()["locks"]


@EACH_KIND
async def test_a_close_beside_another_open_unlocks(autojump_clock, kind):
    async with play() as s:
        session, other = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(session, "a", mode="w+")
        async with session.open(at("a"), "r+b"):
            async with session.open(at("a"), "r+b") as a:
                await lock(a, kind, 0, 2)
            assert 1 == len(s.server.handles)
            async with other.open(at("a"), "r+b") as b:
                await lock(b, kind)


async def test_a_forced_disconnect_takes_the_locks_along(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a", mode="w+")
        with refused(Status.STATUS_NETWORK_NAME_DELETED):
            async with first.open(at("a"), "r+b") as a:
                await a.lock()
                await first.disconnect("server", "docs", force=True)
        async with second.open(at("a"), "r+b") as b:
            await b.lock()


# --- advisory ones ----------------------------------------------------------------------------


async def test_advisory_locks_keep_nobody_from_writing(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a", mode="w+")
        async with first.open(at("a"), "r+b") as a, second.open(at("a"), "r+b") as b:
            await lock(a, "posix")
            await lock(b, "flock")
            assert b"of u1" == await b.read()
            await b.write(b"!")
            await a.write(b"O")


async def test_posix_owners_are_one_through_all_their_opens(autojump_clock):
    async with play() as s:
        session, other = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(session, "a", mode="w+")
        async with session.open(at("a"), "r+b") as a, session.open(at("a"), "rb") as b:
            await lock(a, "posix", 0, 10)
            await lock(b, "posix", 5, 10)
            with refused(REFUSED):
                await lock(b, "posix", 5, 10, owner=2)
            found = await in_way_of(b, "posix", 5, 10, owner=2)
            assert (5, 10, 1) == (found.offset, found.length, found.owner)
            async with other.open(at("a"), "r+b") as c:
                with refused(REFUSED):  # the number is another owner's there
                    await lock(c, "posix", 14, 1)
                await unlock(a, "posix", 14, 1)
                await lock(c, "posix", 14, 1)
                assert 0 == (await in_way_of(c, "posix", 0, 1)).owner
                await unlock(b, "posix")
                await lock(c, "posix")
        assert 0 == s.redirector.state.locks.statistics()["lock_claims"]


async def test_who_holds_nothing_need_not_ask_to_unlock(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a", mode="w+")
        async with session.open(at("a"), "r+b") as a:
            with sends(s):
                await unlock(a, "posix")


async def test_an_flock_is_upgraded(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await neighbour(s, "u2")
        await touch(first, "a", mode="w+")
        async with first.open(at("a"), "rb") as a, second.open(at("a"), "rb") as b:
            await lock(a, "flock", exclusive=False)
            await lock(b, "flock", exclusive=False)
            with refused(REFUSED):
                await lock(a, "flock")
            await lock(b, "flock")  # what was to be upgraded went, as flock(2) has it


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (2**63 - 1, 2**63 - 1)])
@pytest.mark.parametrize("way", [enter, enter_directly])
async def test_what_is_no_range_is_refused(autojump_clock, way, offset, length):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a", mode="w+")
        async with session.open(at("a"), "r+b") as a:
            for ask in (lock, unlock, in_way_of):
                with refused(Status.STATUS_INVALID_PARAMETER):
                    await ask(a, "nt", offset, length)
            with refused(Status.STATUS_INVALID_PARAMETER):
                await lock(a, "opportunistic")
            await a.lock(2**63 - 1, 1)


@EACH_KIND
@pytest.mark.parametrize("loss", ["the cable", "the server"])
async def test_locks_are_held_after_a_loss_as_before(autojump_clock, kind, loss):
    options = {"journal": ":memory:"}
    async with play(server_options=options) as s:
        first, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(other, "a")
        async with first.open(at("a"), "r+b") as a:
            await lock(a, kind, 0, 10)
            await lock(a, kind, 20, 10)
            await unlock(a, kind, 20, 10)
            if kind != "flock":
                await lock(a, kind, 40, 4)
            if loss == "the cable":
                s.redirector.cable.cut()
            else:
                await s.kill_server()
                await s.restart_server()
                other = await (await s.direct_client()).logon("u2")
            await trio.sleep(12)

            async with other.open(at("a"), "r+b") as b:
                if kind == "flock":
                    await lock(b, kind)
                    return
                with refused(REFUSED):
                    await lock(b, kind, 9, 1)
                with refused(REFUSED):
                    await lock(b, kind, 43, 1)
                await lock(b, kind, 10, 20)
                await unlock(a, kind, 0, 10)
                await lock(b, kind, 0, 10)


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("what", ["Lock", "Unlock"])
async def test_an_nt_lock_lost_on_its_way_is_one_lock(autojump_clock, what, way):
    async with play() as s, trio.open_nursery() as nursery:
        first, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(other, "a")
        async with first.open(at("a"), "r+b") as a, other.open(at("a"), "r+b") as b:
            if what == "Unlock":
                await lock(a, "nt", 0, 4)
            held = getattr(s.redirector.cable, way)
            held.hold(what if way == "up" else f"{what}ed")
            nursery.start_soon(lock if what == "Lock" else unlock, a, "nt", 0, 4)
            await trio.sleep(1)
            s.redirector.cable.cut()
            await trio.sleep(1)
            if what == "Lock":
                with refused(REFUSED):
                    await lock(b, "nt", 0, 4)
                await unlock(a, "nt", 0, 4)
            await lock(b, "nt", 0, 4)
            assert 1 == s.server.locks.statistics()["locks"]
