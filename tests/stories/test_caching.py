"""What is answered from memory under a lease, what is deferred, and when it is sent."""

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.status import Status
from tests.playbook import at, enter, enter_directly, play, read, refused, sends, touch

MIB = 2**20


async def put(session, name, data):
    async with session.open(at(name), "wb") as file:
        await file.write(data)


# --- data -------------------------------------------------------------------------------------


async def test_what_was_read_once_is_not_read_again(autojump_clock):
    async with play() as s:
        await put(await enter_directly(s, "u2"), "a", b"x" * 100_000)
        session = await enter(s, "u1")
        with sends(s, Create=1, Read=1):
            assert 100_000 == len(await read(session, "a"))
        with sends(s):
            assert 100_000 == len(await read(session, "a"))


async def test_a_sequential_reader_is_read_ahead_of(autojump_clock):
    data = bytes(range(256)) * (16 * 1024)
    async with play() as s:
        await put(await enter_directly(s, "u2"), "a", data)
        session = await enter(s, "u1")
        async with session.open(at("a"), "rb") as file:
            got = await file.read(64 * 1024) + await file.read(64 * 1024)
            await trio.sleep(1)
            with sends(s, Read=1):  # ahead of it again
                got += await file.read(64 * 1024)
                await trio.sleep(1)
            got += await file.read()
        assert data == got


async def test_nothing_is_kept_with_no_cache(autojump_clock):
    async with play(cache_max_bytes=0, write_behind_max_bytes=0) as s:
        session = await enter(s, "u1")
        with sends(s, Create=1, Write=1):
            await touch(session, "a")
        with sends(s, Create=1, Read=2):
            assert "of u1" == await read(session, "a")
            async with session.open(at("a")) as again:
                await again.read()


async def test_the_cache_is_bounded(autojump_clock):
    async with play(cache_max_bytes=4 * 64 * 1024) as s:
        session = await enter(s, "u1")
        await put(session, "a", bytes(MIB))
        async with session.open(at("a"), "rb") as file:
            assert bytes(MIB) == await file.read()
            assert 4 * 64 * 1024 >= s.redirector.state.statistics()["pages_bytes"]


# --- deferred writes --------------------------------------------------------------------------


async def test_writes_are_sent_together_before_the_close_is_answered(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        with sends(s, Create=1, Write=1):
            async with session.open(at("a"), "wb") as file:
                for _ in range(100):
                    await file.write(b"line\n")
        assert b"line\n" * 100 == await stored(s, "a")


async def stored(s, name):
    """What the server has, as somebody sees it who breaks no lease of the redirector."""
    store = s.server.stores["docs"]
    file, _ = store.open(name, writable=False, create="never", directory=False)
    try:
        return file.read(0, 10 * MIB)
    finally:
        file.close()


async def test_a_write_is_sent_after_a_while_though_nobody_closes(autojump_clock):
    async with play(write_behind_max_s=2.0) as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await file.write(b"soon")
            assert b"" == await stored(s, "a")
            await trio.sleep(2.1)
            assert b"soon" == await stored(s, "a")


async def test_fsync_sends_what_was_deferred(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await file.write(b"now")
            with sends(s, Write=1, Flush=1):
                await file.fsync()


@pytest.mark.parametrize("look", ["handle", "path", "listing"])
async def test_what_is_told_of_a_file_is_what_the_server_says(autojump_clock, look):
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await trio.sleep(5)
            await file.write(b"12345")
            told = {
                "handle": file.stat,
                "path": lambda: session.stat(at("a")),
                "listing": lambda: only_entry(session),
            }
            info = await told[look]()
            truth = s.server.stores["docs"].info("a")
            assert truth == info
            assert 5 == info.size


async def only_entry(session):
    [entry] = await session.listdir(at())
    return entry.info


async def test_an_opener_elsewhere_gets_what_was_deferred(autojump_clock):
    async with play() as s:
        other = await s.add_redirector(s.redirector.state.config)
        session, neighbour = await enter(s, "u1"), await enter(s, "u2", other)
        async with session.open(at("a"), "wb") as file:
            await file.write(b"deferred")
            assert "deferred" == await read(neighbour, "a")
            with sends(s, Write=1):  # W is gone
                await file.write(b" no more")
            assert "deferred no more" == await read(neighbour, "a")


async def test_a_full_disk_is_told_at_the_close(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        fill_up(s)
        with refused(Status.STATUS_DISK_FULL):
            await put(session, "a", bytes(1000))
        async with session.open(at("a"), "rb") as file:
            assert b"" == await file.read()


async def test_a_full_disk_is_told_at_the_next_write_and_only_once(autojump_clock):
    async with play(write_behind_max_s=0.5) as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            fill_up(s)
            await file.write(bytes(1000))
            await trio.sleep(1)
            with refused(Status.STATUS_DISK_FULL):
                await file.write(b"more")
            assert 0 == (await file.stat()).size


async def test_each_open_of_a_file_is_told_what_could_not_be_written(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        with refused(Status.STATUS_DISK_FULL):
            async with session.open(at("a"), "r+b") as written:
                fill_up(s)
                await written.write(bytes(1000))
                with refused(Status.STATUS_DISK_FULL):
                    async with session.open(at("a"), "r+b"):
                        pass  # its close sends what was deferred


def fill_up(s):
    disk = s.server.stores["docs"]._disk
    disk.bytes_max = disk.bytes


async def test_what_a_lost_link_took_is_told_at_the_close(autojump_clock):
    async with play(reconnect_max_s=0) as s:
        session = await enter(s, "u1")
        with refused(Status.STATUS_CONNECTION_DISCONNECTED):
            async with session.open(at("a"), "wb") as file:
                await file.write(b"lost")
                s.redirector.cable.cut()


async def test_a_logoff_sends_what_was_deferred(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await file.write(b"kept")
            await session.logoff()
        assert b"kept" == await stored(s, "a")


async def test_a_logoff_says_what_could_not_be_written(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            fill_up(s)
            await file.write(b"lost")
            proof = await session.logoff()
        assert any("a: a deferred write failed" in line for line in proof.residue)


async def test_a_lost_client_leaves_nothing_unwritten(autojump_clock):
    async with play() as s:
        client = await s.client()
        session = await client.logon("u1")
        tree = await session.connect("server", "docs")
        access = f.FILE_WRITE_DATA
        create = m.Create(tree, "a", access, f.SHARE_ALL, f.FILE_OVERWRITE_IF)
        created = await client.ask(create, m.Created)
        await client.ask(m.Write(tree, created.handle, 0, b"left"), m.DataWritten)
        s.cable(client).cut()
        await s.wait_left()
        assert b"left" == await stored(s, "a")


# --- names ------------------------------------------------------------------------------------


async def look_around(session, *paths):
    for path in paths:
        try:
            await session.stat(at(path))
        except Exception:  # whether it is there does not matter
            continue
    await trio.sleep(0.1)  # the folder is opened beside


async def test_names_are_asked_for_once(autojump_clock):
    async with play("win10") as s:
        session = await enter(s, "u1")
        await session.mkdir(at("d"))
        await touch(session, "d/a")
        await look_around(session, "d/b", "d/a", "d/b")
        with sends(s):
            with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
                await session.stat(at("d/b"))
            with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
                await read(session, "d/b")


async def test_nt_keeps_no_folders(autojump_clock):
    async with play("sp6") as s:
        session = await enter(s, "u1")
        await look_around(session, "b", "b")
        with sends(s, QueryInfo=1), refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await session.stat(at("b"))


@pytest.mark.parametrize("who", ["self", "a session beside", "another redirector", "directly"])
async def test_a_name_made_or_removed_is_seen_at_once(autojump_clock, who):
    async with play("win10") as s:
        session = await enter(s, "u1")
        other = {
            "self": lambda: enter(s, "u1"),
            "a session beside": lambda: enter(s, "u2"),
            "another redirector": lambda: elsewhere(s),
            "directly": lambda: enter_directly(s, "u2"),
        }[who]
        maker = session if who == "self" else await other()
        await look_around(session, "b", "b")
        await touch(maker, "b")
        assert len(f"of {maker.user}") == (await session.stat(at("b"))).size
        await maker.rename(at("b"), at("c"))
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await session.stat(at("b"))
        assert ["c"] == [entry.name for entry in await session.listdir(at())]
        await maker.unlink(at("c"))
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await session.stat(at("c"))
        assert [] == await session.listdir(at())


async def elsewhere(s):
    return await enter(s, "u2", await s.add_redirector(s.redirector.state.config))


async def test_a_listing_is_asked_for_once(autojump_clock):
    async with play("win10") as s:
        session = await enter(s, "u1")
        await touch(session, "a.txt", "b.c", "d.txt")
        assert 3 == len(await session.listdir(at()))
        await trio.sleep(0.1)
        await session.listdir(at())
        with sends(s):
            found = await session.listdir(at(), "*.txt")
            assert ["a.txt", "d.txt"] == [entry.name for entry in found]
            assert [] == await session.listdir(at(), "*.JNK")


@pytest.mark.parametrize("who", ["another redirector", "directly"])
async def test_a_file_changed_elsewhere_is_told_of_rightly(autojump_clock, who):
    async with play("win10") as s:
        session = await enter(s, "u1")
        other = (
            await elsewhere(s) if who == "another redirector" else await enter_directly(s, "u2")
        )
        await touch(other, "a")
        await session.listdir(at())
        await trio.sleep(0.1)
        await session.listdir(at())
        await put(other, "a", bytes(77))
        assert 77 == (await session.stat(at("a"))).size
        assert [77] == [entry.info.size for entry in await session.listdir(at())]


# --- changes under way ------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["sp6", "win10"])
async def test_what_others_see_already_is_not_hidden_by_what_was_known(autojump_clock, preset):
    async with play(preset) as s, trio.open_nursery() as nursery:
        session, beside = await enter(s, "u1"), await enter(s, "u2")
        directly = await enter_directly(s, "u3")
        async with session.open(at("a"), "w+b") as mine, beside.open(at("a"), "r+b") as theirs:
            assert 0 == (await theirs.stat()).size
            s.redirector.cable.down.hold("InfoSet")
            nursery.start_soon(mine.truncate, 4097)
            await trio.sleep(0.1)
            assert 4097 == (await directly.stat(at("a"))).size

            seen: list[m.FileInfo] = []
            nursery.start_soon(tell, seen, theirs.stat)
            nursery.start_soon(tell, seen, lambda: beside.stat(at("a")))
            await trio.sleep(0.1)
            s.redirector.cable.release()
            await trio.sleep(0.1)
            assert [4097, 4097] == [info.size for info in seen]


async def tell(seen, ask):
    seen.append(await ask())


async def test_a_name_that_others_see_gone_is_not_told(autojump_clock):
    async with play("win10") as s, trio.open_nursery() as nursery:
        session, beside = await enter(s, "u1"), await enter(s, "u2")
        directly = await enter_directly(s, "u3")
        await touch(directly, "a")
        await look_around(beside, "a", "a")
        s.redirector.cable.down.hold("Unlinked")
        nursery.start_soon(session.unlink, at("a"))
        await trio.sleep(0.1)
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await directly.stat(at("a"))

        nursery.start_soon(expect_missing, beside)
        await trio.sleep(0.1)
        s.redirector.cable.release()


async def expect_missing(session):
    with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
        await session.stat(at("a"))
