"""A folder searched in one frame, and what a refusal in the midst of one leaves open."""

import pytest

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.compound import replies_of
from redird.wire.errors import RemoteProtocolError
from redird.wire.status import Status
from tests.playbook import SHARE, enter, enter_directly, play, refused, touch

S = Status
WAYS = pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])


async def search(session, pattern, *more):
    """The replies to opening the share's root, searching it, more, and closing it."""
    tree = await session.connect("server", SHARE)
    how = (f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_OPEN, f.FILE_DIRECTORY_FILE)
    parts = (
        ("Create", tree, "", *how),
        ("QueryDirectory", tree, m.RELATED, pattern),
        *((name, tree, m.RELATED, *fields) for name, *fields in more),
        ("Close", tree, m.RELATED),
    )
    done = await session.client.ask(m.Compound(parts), m.Compounded)
    return tree, replies_of(done)


@WAYS
async def test_a_search_in_one_frame(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        await touch(session, "a1", "a2", "b")
        _, (created, found, closed) = await search(session, "a*")
        assert isinstance(created, m.Created)
        assert ["a1", "a2"] == sorted(entry.name for entry in found.entries)
        assert found.last
        assert m.Closed() == closed


@WAYS
async def test_a_search_that_finds_nothing_closes_what_it_opened(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        tree, (created, no, closed) = await search(session, "a*", ("QueryInfo",))
        assert S.STATUS_NO_SUCH_FILE == no.status
        assert m.Closed() == closed
        with refused(S.STATUS_INVALID_HANDLE):
            await session.client.ask(m.Close(tree, created.handle), m.Closed)


@WAYS
async def test_what_was_not_opened_is_not_closed(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        tree = await session.connect("server", SHARE)
        how = (f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_OPEN)
        parts = (("Create", tree, "none", *how), ("Close", tree, m.RELATED))
        done = await session.client.ask(m.Compound(parts), m.Compounded)
        [no] = replies_of(done)
        assert isinstance(no, m.RefusedReply)
        assert S.STATUS_OBJECT_NAME_NOT_FOUND == no.status


@WAYS
async def test_two_searches_do_not_fit_one_frame(autojump_clock, way):
    async with play() as s:
        session = await way(s, "u1")
        with refused(S.STATUS_INVALID_PARAMETER):
            await search(session, "*", ("QueryDirectory", "*"))


@pytest.mark.parametrize(
    "parts",
    [
        m.Compounded((("Closed",),), (), b""),
        m.Compounded((("Nonsense",),), (0,), b""),
        m.Compounded(((),), (0,), b""),
        m.Compounded((("Closed", 1),), (0,), b""),
    ],
)
def test_replies_that_make_no_sense_are_an_error(parts):
    with pytest.raises(RemoteProtocolError):
        replies_of(parts)
