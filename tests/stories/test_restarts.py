"""A share server killed and started anew on a stage: what is on its disks stays, no more."""

import pytest
import trio

from clients.errors import LinkFailed
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.status import Status
from tests.playbook import SHARE, enter, enter_directly, play, read, refused, touch, uses


async def test_a_killed_server_leaves_its_files_and_nothing_else(autojump_clock):
    async with play() as s:
        session = await enter_directly(s, "u1")
        await touch(session, "a")
        assert 1 == uses(s)
        before = s.server
        await s.kill_server()
        assert before is s.server
        with pytest.raises(LinkFailed):
            await touch(session, "b")
        await s.restart_server()
        assert before.instance != s.server.instance
        assert 0 == uses(s)
        assert "of u1" == await read(await enter_directly(s, "u2"), "a")


async def test_while_it_is_down_nobody_reaches_it(autojump_clock):
    async with play() as s:
        client = await s.client()
        await s.kill_server()
        with refused(Status.STATUS_BAD_NETWORK_PATH):
            await client.logon("u1")
        await s.restart_server()
        await client.logon("u1")


async def test_a_killed_server_does_nothing_more(autojump_clock):
    """Nor does it delete on close, nor finish what waited for a break."""
    async with play("win10", reconnect_max_s=0) as s:
        doomed = await enter_directly(s, "u1")
        tree = await doomed.connect("server", SHARE)
        create = m.Create(
            tree, "doomed", f.DELETE, f.SHARE_ALL, f.FILE_CREATE, f.FILE_DELETE_ON_CLOSE
        )
        await doomed.client.link.request(create)
        await touch(await enter(s, "u2"), "kept")  # and it is dormant now
        s.redirector.cable.down.hold("LeaseBreak")
        outcome = []

        async def unlink() -> None:
            try:
                await doomed.client.link.request(m.Unlink(tree, "kept"))
            except (LinkLost, Refused) as error:
                outcome.append(type(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(unlink)
            await trio.sleep(1)
            await s.kill_server()
        assert [LinkLost] == outcome
        assert ["doomed", "kept"] == s.disks[0].open(
            "", writable=False, create="never", directory=True
        )[0].names()
