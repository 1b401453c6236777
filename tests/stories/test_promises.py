"""What a lessee was promised is taken back before it is wrong, and only then: others' changes
break R, others' questions W, changes to what a folder tells break the folder's lease.
"""

from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

from clients.session import Client
from redird.wire import dialling
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from tests.playbook import SHARE, at, enter, enter_directly, play, read, refused, touch

R, H, W = f.LEASE_R, f.LEASE_H, f.LEASE_W
RH, RWH = f.LEASE_RH, f.LEASE_RWH
ALL = f.FILE_READ_DATA | f.WRITES | f.DELETE
BOUND_S = 35.0


class Keeper:
    """A lessee that asks for leases by itself, and notes what each break found on the disk."""

    client: Any
    session: Any
    tree: int

    def __init__(self, s: Any) -> None:
        self._s = s
        self.breaks: list[int] = []
        self.seen: list[Any] = []
        self.on_break: Any = None

    async def answer(self, link, request):
        self.breaks.append(request.lease)
        self.seen.append(disk(self._s))
        if self.on_break is not None:
            await self.on_break()
        return m.LeaseBroken()

    async def open(self, path, lease, access=f.FILE_READ_DATA, **options):
        request = m.Create(self.tree, path, access, 7, f.FILE_OPEN, lease=lease, **options)
        return await self.client.ask(request, m.Created)

    async def write(self, handle, data):
        await self.client.ask(m.Write(self.tree, handle, 0, data), m.DataWritten)


@asynccontextmanager
async def keep(s, user="u9"):
    keeper = Keeper(s)
    cable = s.plug_in()
    name: Any = {"instance": user, "epoch": 1, "key": "secret"}
    opened = dialling.open_link(
        cable.near, handler=lambda *asked: keeper.answer(*asked), **name
    )
    async with opened as (link, peer):
        keeper.client = Client(link, peer)
        keeper.session = await keeper.client.logon(user)
        keeper.tree = await keeper.session.connect("server", SHARE)
        yield keeper


def keeper_of(s, user="u9"):
    """Whom the leases granted to it belong to."""
    return next(one.lessee for one in s.server.peers.values() if one.instance == user)


def disk(s):
    """Names and what is known of them, below the folder of these stories."""
    store = s.server.stores[SHARE]
    file, _ = store.open("d", writable=False, create="never", directory=True)
    entries = {one.name: one.info for one in file.entries()}
    file.close()
    return entries


async def ask(session, kind, reply, *fields, **options):
    tree = await session.connect("server", SHARE)
    return await session.client.ask(kind(tree, *fields, **options), reply)


async def make(session):
    await touch(session, "d/new")


async def make_folder(session):
    await session.mkdir(at("d/new"))


async def make_symlink(session):
    await ask(session, m.Symlink, m.Symlinked, "d/new", "a")


async def make_link_in(session):
    await ask(session, m.Link, m.Linked, "other", "d/new")


async def make_link_out(session):
    await ask(session, m.Link, m.Linked, "d/a", "new")


async def write(session):
    async with session.open(at("d/a"), "r+") as file:
        await file.write("changed")


async def truncate(session):
    await ask(session, m.SetInfo, m.InfoSet, "d/a", 1)


async def change_mode(session):
    await ask(session, m.SetInfo, m.InfoSet, "d/a", mode=0o600)


async def overwrite(session):
    async with session.open(at("d/a"), "w"):
        pass


async def unlink(session):
    await session.unlink(at("d/a"))


async def remove_folder(session):
    await session.rmdir(at("d/sub"))


async def rename(session):
    await session.rename(at("d/a"), at("d/b"))


async def rename_out(session):
    await session.rename(at("d/a"), at("b"))


async def rename_in(session):
    await session.rename(at("other"), at("d/b"))


async def delete_on_close(session):
    tree = await session.connect("server", SHARE)
    options = f.FILE_DELETE_ON_CLOSE
    request = m.Create(tree, "d/a", f.DELETE, 7, f.FILE_OPEN, options)
    made = await session.client.ask(request, m.Created)
    await session.client.ask(m.Close(tree, made.handle), m.Closed)


ACTS = [
    make,
    make_folder,
    make_symlink,
    make_link_in,
    make_link_out,
    write,
    truncate,
    change_mode,
    overwrite,
    unlink,
    remove_folder,
    rename,
    rename_out,
    rename_in,
    delete_on_close,
]


async def furnish(session):
    await session.mkdir(at("d"))
    await session.mkdir(at("d/sub"))
    await touch(session, "d/a", "other")


# --- folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("enters", [enter, enter_directly])
async def test_a_folder_is_told_of_a_change_before_it_is_made(autojump_clock, act, enters):
    async with play() as s:
        session = await enters(s, "u1")
        await furnish(session)
        async with keep(s) as keeper:
            opened = await keeper.open("d", RWH)
            assert RH == opened.lease
            before = disk(s)

            await act(session)
            await trio.sleep(0.1)  # a dormant handle keeps a deleted file until its lease goes

            assert H == keeper.breaks[0]
            assert before == keeper.seen[0]
            assert before != disk(s)
            assert H == s.server.leases.state(identity(s, "d"), keeper_of(s))


@pytest.mark.parametrize("act", ACTS)
async def test_ones_own_changes_break_nothing(autojump_clock, act):
    async with play() as s:
        await furnish(await enter_directly(s, "u1"))
        async with keep(s) as keeper:
            await keeper.open("d", RH)
            await act(keeper.session)

            assert [] == keeper.breaks


async def test_changes_elsewhere_and_questions_break_no_folder(autojump_clock):
    async with play() as s:
        session = await enter_directly(s, "u1")
        await furnish(session)
        async with keep(s) as keeper:
            await keeper.open("d", RH)
            await touch(session, "d2", "d.tmp")
            await session.mkdir(at("e"))
            await touch(session, "e/a")
            await read(session, "d/a")
            await session.listdir(at("d"))
            await session.stat(at("d/a"))

            assert [] == keeper.breaks


@pytest.mark.parametrize("act", ["rename", "rmdir"])
async def test_a_folder_renamed_or_removed_is_let_go(autojump_clock, act):
    async with play() as s:
        session = await enter_directly(s, "u1")
        await session.mkdir(at("d"))
        async with keep(s) as keeper:
            opened = await keeper.open("d", RH)

            async def close():
                keeper.on_break = None
                await keeper.client.ask(m.Close(keeper.tree, opened.handle), m.Closed)

            keeper.on_break = close
            await (session.rmdir(at("d")) if act == "rmdir" else rename_it(session))

            assert [0] == keeper.breaks


async def rename_it(session):
    await session.rename(at("d"), at("d2"))
    await session.mkdir(at("d"))


async def test_whoever_may_write_unseen_is_known_to_those_who_know_the_folder(autojump_clock):
    async with play() as s, keep(s, "u8") as writer, keep(s) as keeper:
        await furnish(await enter_directly(s, "u1"))
        await keeper.open("d", RH)

        await writer.open("d/a", RWH)
        assert [] == keeper.breaks  # nothing can be written by it
        opened = await writer.open("d/a", RWH, ALL)

        assert [H] == keeper.breaks
        assert RWH == opened.lease


async def test_a_file_deleted_at_its_last_close_is_pending_until_all_know(autojump_clock):
    async with play() as s, keep(s) as keeper, trio.open_nursery() as nursery:
        first, second = await enter_directly(s, "u1"), await enter_directly(s, "u2")
        await furnish(first)
        await keeper.open("d", RH)
        keeper.on_break = partial(trio.sleep, 3)
        nursery.start_soon(delete_on_close, first)
        await trio.sleep(1)

        with refused(Status.STATUS_DELETE_PENDING):
            await read(second, "d/a")
        assert "a" in disk(s)
        await trio.sleep(3)
        assert "a" not in disk(s)
        assert {} == s.server.deletions


async def test_what_a_lost_link_deletes_goes_when_all_know(autojump_clock):
    async with play() as s, keep(s) as keeper:
        first, second = await enter_directly(s, "u1"), await enter_directly(s, "u2")
        await furnish(second)
        tree = await first.connect("server", SHARE)
        request = m.Create(tree, "d/a", f.DELETE, 7, f.FILE_OPEN, f.FILE_DELETE_ON_CLOSE)
        await first.client.ask(request, m.Created)
        await keeper.open("d", RH)
        s.cable(first.client).cut()
        await trio.sleep(0.1)

        assert [H] == keeper.breaks
        assert "a" in keeper.seen[0]
        assert "a" not in disk(s)


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("enters", [enter, enter_directly])
async def test_a_write_of_another_takes_r_before_it_is_done(autojump_clock, enters):
    async with play() as s:
        session = await enters(s, "u1")
        await furnish(session)
        async with keep(s) as keeper, session.open(at("d/a"), "r+") as file:
            assert RH == (await keeper.open("d/a", RWH)).lease
            before = disk(s)

            await file.write("changed")

            assert H in keeper.breaks
            assert before == keeper.seen[-1]
            assert H == s.server.leases.state(identity(s, "d/a"), keeper_of(s))


async def stat(session):
    return (await session.stat(at("d/a"))).size


async def stat_in_a_listing(session):
    (found,) = [one for one in await session.listdir(at("d")) if one.name == "a"]
    return found.info.size


async def stat_open(session):
    async with session.open(at("d/a")) as file:
        return (await file.binary.stat()).size


@pytest.mark.parametrize("look", [stat, stat_in_a_listing, stat_open])
@pytest.mark.parametrize("enters", [enter, enter_directly])
async def test_what_was_written_unseen_is_told(autojump_clock, look, enters):
    async with play() as s:
        session = await enters(s, "u1")
        await furnish(await enter_directly(s, "u2"))
        async with keep(s) as keeper:
            opened = await keeper.open("d/a", RWH, ALL)
            assert RWH == opened.lease
            keeper.on_break = lambda: keeper.write(opened.handle, b"written late")

            assert 12 == await look(session)
            assert [RH] == keeper.breaks


@pytest.mark.parametrize("act", [unlink, rename, make_link_out])
async def test_a_name_that_changes_takes_all(autojump_clock, act):
    async with play() as s:
        session = await enter_directly(s, "u1")
        await furnish(session)
        async with keep(s) as keeper:
            await keeper.open("d/a", RWH)
            before = disk(s)

            await act(session)

            assert [0] == keeper.breaks
            assert before == keeper.seen[0]


def identity(s, path):
    return s.server.stores[SHARE].identify(path)[0]


# --- breaks that go wrong ---------------------------------------------------------------------


async def test_a_client_that_ignores_a_break_costs_the_bound_and_its_lease(autojump_clock):
    """Q163525: the other opener waits, and has the file; what comes late is written through."""
    async with play() as s, keep(s, "u8") as deaf, keep(s) as other:
        await furnish(await enter_directly(s, "u1"))
        opened = await deaf.open("d/a", RWH, ALL)
        deaf.on_break = trio.sleep_forever
        began = trio.current_time()

        assert RH == (await other.open("d/a", RWH)).lease

        assert BOUND_S == trio.current_time() - began
        assert RH == s.server.leases.state(identity(s, "d/a"), keeper_of(s, "u8"))
        assert 1 == s.server.leases.statistics()["lease_breaks_expired"]
        await deaf.write(opened.handle, b"late")
        assert [H] == other.breaks
        assert RH == (await deaf.open("d/a", RWH)).lease


async def test_a_break_that_crosses_a_close_leaves_nothing_open(autojump_clock):
    """Q123029: the close is on its way when the server asks for the lease."""
    async with play(policy={"dormant_age_max_s": 5, "scavenger_tick_s": 0}) as s:
        first, second = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(first, "a")
        s.redirector.cable.delay(1.0)
        await trio.sleep(5.5)  # the CloseBatch is on the wire
        assert 1 == len(s.server.handles)

        async with second.open(at("a"), "r+", share=0):
            assert ["u2"] == [s.server.sessions[one.session].user for one in all_handles(s)]
        await trio.sleep(3)

        assert [] == all_handles(s)
        assert 0 == s.server.leases.statistics()["leases"]
        assert 0 == len(s.redirector.state.dormant.all())


def all_handles(s):
    return s.server.handles.all()
