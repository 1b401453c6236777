"""What must not be done twice: asked twice it is done once, and both hear the same."""

import pytest
import trio

from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import LinkLost
from redird.wire.status import Status
from shareserver import replays
from tests.playbook import enter_directly, play, refused, touch
from tests.stories.returning import NOT_FOUND, SUCCESS, named

MAKE = (f.FILE_READ_DATA | f.FILE_WRITE_DATA, f.SHARE_ALL, f.FILE_CREATE)


def once(number, part, answered=0):
    """A request as it is asked once."""
    payload = getattr(part, part.codec.payload) if part.codec.payload else b""
    fields = part.codec.to_fields(part)
    return m.Once(number, answered, (type(part).__name__, *fields), payload)


async def test_the_first_answer_is_the_answer_over_every_link(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        await peer.open(tree, "a")
        unlink = m.Unlink(tree, "a", posix=True)
        assert m.Unlinked() == await peer.ask(once(1, unlink))
        assert m.Unlinked() == await peer.ask(once(1, unlink))
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await peer.ask(once(2, unlink))
        await touch(await enter_directly(s, "u2"), "a")
        await peer.lose()
        await peer.dial()
        tree = await peer.enter(reclaims=tree)
        unlink = m.Unlink(tree, "a", posix=True)
        assert m.Unlinked() == await peer.ask(once(1, unlink))
        with refused(Status.STATUS_OBJECT_NAME_NOT_FOUND):
            await peer.ask(once(2, unlink))
        assert ["a"] == s.disks[0].open("", writable=False, create="never", directory=True)[
            0
        ].names()
        assert m.Unlinked() == await peer.ask(once(3, unlink, answered=2))


async def test_a_file_made_once_is_taken_up_though_nobody_heard_of_it(autojump_clock):
    """Its redirector learns its number by asking again, when the rest was reclaimed already."""
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        other = await peer.open(tree, "other")
        peer.cable.down.hold()
        with trio.move_on_after(1):
            await peer.ask(once(1, m.Create(tree, "a", *MAKE)))
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        (got,) = await peer.reclaim(again, tree, other.handle)
        assert SUCCESS == got.status
        made = await peer.ask(once(1, m.Create(again, "a", *MAKE)))
        assert f.CREATED == made.action
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert (SUCCESS, made.file) == (got.status, got.file)
        await peer.ask(m.Write(again, made.handle, 0, b"it is ours"))


async def test_an_acknowledged_one_is_closed_with_the_rest(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.ask(once(1, m.Create(tree, "a", *MAKE)))
        await peer.ask(once(2, m.MakeDirectory(tree, "folder"), answered=1))
        await peer.lose()
        await peer.dial()
        again = await peer.enter(reclaims=tree)
        assert () == await peer.reclaim(again, tree)
        (got,) = await peer.reclaim(again, tree, made.handle)
        assert NOT_FOUND == got.status
        assert 0 == len(s.server.handles)


async def test_bytes_are_appended_once(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        made = await peer.open(tree, "a")
        append = once(1, m.Write(tree, made.handle, m.APPEND, b"once"))
        first = await peer.ask(append)
        assert (0, first) == (first.offset, await peer.ask(append))
        assert b"once" == (await peer.ask(m.Read(tree, made.handle, 0, 99))).data


async def test_what_waited_when_the_link_was_lost_is_served_anew(autojump_clock):
    """It has changed nothing yet: it waited for a break."""
    async with play() as s, named(s) as peer, named(s, "ts2") as holder:
        held = await holder.open(await holder.enter("u2"), "a")
        holder.cable.down.hold("LeaseBreak")
        tree = await peer.enter()
        lost = []

        async def unlink() -> None:
            try:
                await peer.ask(once(1, m.Unlink(tree, "a", posix=True)))
            except LinkLost as error:
                lost.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(unlink)
            await trio.sleep(1)
            assert 1 == s.server.replays.statistics()["replies_kept"]
            await peer.lose()
        assert 1 == len(lost)
        assert 0 == s.server.replays.statistics()["replies_kept"]
        await peer.dial()
        tree = await peer.enter(reclaims=tree)
        holder.cable.down.release()
        assert m.Unlinked() == await peer.ask(once(1, m.Unlink(tree, "a", posix=True)))
        del held


async def test_a_newer_link_ends_what_waits_on_an_older_one(autojump_clock):
    async with play() as s, named(s) as peer, named(s, "ts2") as holder:
        await holder.open(await holder.enter("u2"), "a")
        holder.cable.down.hold("LeaseBreak")
        tree = await peer.enter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(quietly, peer.ask, once(1, m.Unlink(tree, "a", posix=True)))
            await trio.sleep(1)
            peer.cable.hold()
            async with named(s, epoch=2) as newer:
                tree = await newer.enter(reclaims=tree)
                holder.cable.down.release()
                reply = await newer.ask(once(1, m.Unlink(tree, "a", posix=True)))
                assert m.Unlinked() == reply
            nursery.cancel_scope.cancel()
        peer.cable.release()


async def quietly(ask, request):
    with pytest.raises(LinkLost):
        await ask(request)


async def test_asked_twice_at_once_it_is_done_once(autojump_clock):
    async with play() as s, named(s) as peer, named(s, "ts2") as holder:
        await holder.open(await holder.enter("u2"), "a")
        holder.cable.down.hold("LeaseBreak")
        tree = await peer.enter()
        replies = []

        async def unlink() -> None:
            replies.append(await peer.ask(once(1, m.Unlink(tree, "a", posix=True))))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(unlink)
            nursery.start_soon(unlink)
            await trio.sleep(1)
            holder.cable.down.release()
        assert [m.Unlinked(), m.Unlinked()] == replies
        assert 1 == s.server.replays.statistics()["once_done"]


async def test_there_is_room_for_so_many_answers(autojump_clock, monkeypatch):
    monkeypatch.setattr(replays, "ONCE_MAX", 2)
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        for number in (1, 2):
            await peer.ask(once(number, m.MakeDirectory(tree, f"f{number}")))
        with refused(Status.STATUS_INSUFFICIENT_RESOURCES):
            await peer.ask(once(3, m.MakeDirectory(tree, "f3")))
        await peer.ask(once(3, m.MakeDirectory(tree, "f3"), answered=1))


async def test_answers_are_forgotten_when_nobody_comes_back(autojump_clock):
    async with play() as s, named(s) as peer:
        tree = await peer.enter()
        await peer.ask(once(1, m.MakeDirectory(tree, "folder")))
        await peer.lose()
        await trio.sleep(59)
        assert 1 == s.server.replays.statistics()["replies_kept"]
        await trio.sleep(1.1)
        assert 0 == s.server.replays.statistics()["replies_kept"]


@pytest.mark.parametrize(
    "part",
    [("Read", 1, 1, 0, 10), ("Once", 1, 0, ()), (), (7,), ("TreeConnect", 1, "docs")],
)
async def test_not_everything_is_asked_once(part, autojump_clock):
    async with play() as s, named(s) as peer:
        await peer.enter()
        with refused(Status.STATUS_INVALID_DEVICE_REQUEST):
            await peer.ask(m.Once(1, 0, part, b""))


@pytest.mark.parametrize("fields", [("x",), (1,), (1, 2, 3, 4, 5, 6, 7)])
async def test_a_part_must_be_what_it_says(fields, autojump_clock):
    async with play() as s, named(s) as peer:
        await peer.enter()
        with refused(Status.STATUS_INVALID_PARAMETER):
            await peer.ask(m.Once(1, 0, ("Unlink", *fields), b""))


async def test_whoever_is_nobody_leaves_nothing_in_the_table(autojump_clock):
    async with play() as s, named(s) as peer, named(s, "", "") as plain:
        with refused(Status.STATUS_NETWORK_NAME_DELETED):
            await peer.ask(once(1, m.Unlink(1, "a")))
        with refused(Status.STATUS_INVALID_DEVICE_REQUEST):
            await plain.ask(once(1, m.Unlink(await plain.enter(), "a")))
        assert 0 == s.server.replays.statistics()["replies_kept"]
