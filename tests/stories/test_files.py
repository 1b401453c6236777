"""What is done with an open file or folder, through a redirector and straight at the server."""

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.status import Status
from tests.playbook import (
    SHARE,
    at,
    at_once,
    enter,
    enter_directly,
    play,
    read,
    refused,
    touch,
    uses,
)

S = Status
WAYS = pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])


async def opened_folder(session, path=""):
    """A tree and a handle of a folder in it."""
    tree = await session.connect("server", SHARE)
    how = (f.FILE_READ_ATTRIBUTES, f.SHARE_ALL, f.FILE_OPEN, f.FILE_DIRECTORY_FILE)
    created = await session.client.ask(m.Create(tree, path, *how), m.Created)
    return tree, created.handle


@WAYS
async def test_a_listing_comes_in_pages(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a1", "a2", "a3", "a4", "a5", "b1")
        tree, handle = await opened_folder(session)
        pages = []
        with refused(S.STATUS_NO_MORE_FILES):
            while True:
                query = m.QueryDirectory(tree, handle, "a*", False, 2)
                found = await session.client.ask(query, m.DirectoryFound)
                pages.append([entry.name for entry in found.entries])

        assert [["a1", "a2"], ["a3", "a4"], ["a5"]] == pages
        await session.client.ask(m.Close(tree, handle), m.Closed)


@WAYS
async def test_a_first_page_without_a_match_is_another_answer_than_a_later_one(
    autojump_clock, way
):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        tree, handle = await opened_folder(session)
        asked = [("b*", False), ("a", True), ("a", False), ("b*", True), ("a", True)]
        answers = []
        for pattern, restart in asked:
            try:
                query = m.QueryDirectory(tree, handle, pattern, restart)
                answers.append(len((await session.client.ask(query, m.DirectoryFound)).entries))
            except Refused as no:
                answers.append(no.status)
        await session.client.ask(m.Close(tree, handle), m.Closed)

        none, no_more = S.STATUS_NO_SUCH_FILE, S.STATUS_NO_MORE_FILES
        assert [none, 1, no_more, none, 1] == answers


@WAYS
async def test_open_read_and_close_in_one_frame(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        tree = await session.connect("server", SHARE)
        how = (f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_OPEN)
        parts = (
            ("Create", tree, "a", *how),
            ("Read", tree, m.RELATED, 0, 3),
            ("Read", tree, m.RELATED, 3, 100),
            ("Close", tree, m.RELATED),
        )
        done = await session.client.ask(m.Compound(parts), m.Compounded)

        assert ["Created", "DataRead", "DataRead", "Closed"] == [part[0] for part in done.parts]
        assert ((0, 3, 2, 0), b"of u1") == (done.sizes, done.data)


@WAYS
async def test_the_first_refusal_ends_a_compound(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        tree = await session.connect("server", SHARE)
        how = (f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_OPEN)
        parts = (("Create", tree, "a", *how), ("Close", tree, m.RELATED))
        done = await session.client.ask(m.Compound(parts), m.Compounded)

        [part] = done.parts
        assert ("RefusedReply", S.STATUS_OBJECT_NAME_NOT_FOUND) == tuple(part[:2])


@WAYS
async def test_appends_of_many_lose_nothing(autojump_clock, way):
    async with play() as s:
        users = [f"u{number}" for number in range(1, 11)]

        async def append(s, user):
            session = await way(s, user)
            async with session.open(at("log"), "a") as file:
                for number in range(20):
                    await file.write(f"{user} {number}\n")
            await session.logoff()

        await at_once(append, s, users)

        lines = (await read(await way(s, "u11"), "log")).splitlines()
        assert sorted(f"{user} {number}" for user in users for number in range(20)) == sorted(
            lines
        )


@WAYS
async def test_files_like_pythons(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        async with session.open(at("a"), "xb") as file:
            await file.write(b"0123456789")
            await file.seek(-4, 2)
            await file.write(b"six")
            await file.truncate(8)
        async with session.open(at("a"), "r+b") as file:
            assert b"012345si" == await file.read()
            assert b"" == await file.read()
            assert 8 == file.tell() == (await file.stat()).size
        with refused(S.STATUS_OBJECT_NAME_COLLISION):
            async with session.open(at("a"), "x"):
                pass


@WAYS
async def test_a_large_file_goes_in_pieces(autojump_clock, way):
    content = bytes(range(256)) * 4 * 1024 * 3  # three pieces
    async with play() as s:
        session = await way(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await file.write(content)
        async with session.open(at("a"), "rb") as file:
            assert content == await file.read()


@WAYS
async def test_access_that_was_not_asked_for_is_denied(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a")
        async with session.open(at("a"), "rb") as file:
            with refused(S.STATUS_ACCESS_DENIED):
                await file.write(b"x")
            with refused(S.STATUS_ACCESS_DENIED):
                await file.truncate(0)
        async with session.open(at("a"), "ab") as file:
            with refused(S.STATUS_ACCESS_DENIED):
                await file.read()


@WAYS
async def test_names_may_be_changed(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await session.mkdir(at("folder"))
        await touch(session, "folder/a", "b")
        with refused(S.STATUS_OBJECT_NAME_COLLISION):
            await session.rename(at("b"), at("folder/a"))
        await session.rename(at("b"), at("folder/a"), replace=True)
        await session.rename(at("folder"), at("other"))
        with refused(S.STATUS_DIRECTORY_NOT_EMPTY):
            await session.rmdir(at("other"))
        await session.unlink(at("other/a"))
        await session.rmdir(at("other"))

        assert [] == await session.listdir(at())


async def test_first_uses_at_once_are_one_connection(autojump_clock):
    async with play() as s:
        client = await s.client()
        session = await client.logon("u1")
        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(touch, session, name)

        assert 1 == s.cable(client).up.arrived["Connect"]
        await session.disconnect("server", SHARE)
        assert 0 == uses(s)
