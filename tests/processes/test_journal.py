"""A real server killed without a warning, or stopped in order, and started over its journal."""

import sqlite3
import subprocess
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from deploy.local import python_module
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.address import parse
from redird.wire.dialling import open_link, unwrapped
from redird.wire.errors import LinkLost
from redird.wire.link import Link
from tests.processes.daemons import share_server, toml

SUCCESS = 0
MANY = 50


class Named:
    """A named redirector's link; whoever kills the server sees it end."""

    def __init__(self, link: Link) -> None:
        self.link = link

    async def ask(self, request):
        return await self.link.request(request)

    async def enter(self, reclaims=0, user="guest"):
        session = (await self.ask(m.SessionSetup(0, user, ""))).session
        return (await self.ask(m.TreeConnect(session, "docs", reclaims))).tree


@asynccontextmanager
async def named(server, epoch, instance="ts1"):
    options: Any = {"capabilities": ("durable", "lease", "once"), "key": "secret"}
    try:
        with unwrapped():
            async with open_link(
                parse(server.tcp), instance=instance, epoch=epoch, **options
            ) as (link, _):
                yield Named(link)
    except LinkLost:
        pass


def create(tree, path):
    access = f.FILE_READ_DATA | f.FILE_WRITE_DATA
    return m.Create(tree, path, access, f.SHARE_ALL, f.FILE_OPEN_IF, lease=f.LEASE_RWH)


@pytest.mark.parametrize("end", ["kill", "terminate"])
async def test_live_sessions_go_on_after_the_server_ended(end, tmp_path):
    options: Any = {"uses_max": 1, "journal": str(tmp_path / "journal"), "grace_s": 30.0}
    async with share_server(tmp_path, **options) as (server, _), named(server, 1) as peer:
        tree = await peer.enter()
        made = [await peer.ask(create(tree, f"f{number}")) for number in range(MANY)]
        for one in made:
            await peer.ask(m.Write(tree, one.handle, 0, b"acknowledged"))
        await peer.ask(m.Once(1, 0, ("MakeDirectory", tree, "folder", None), b""))
        await getattr(server.local, end)()
    began = trio.current_time()
    async with (
        share_server(tmp_path, **options) as (server, docs),
        named(server, 2) as peer,
        named(server, 1, "ts2") as newcomer,
    ):
        waiting = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_too_late, newcomer, waiting)
            await trio.sleep(0.1)
            again = await peer.enter(tree)
            handles = tuple(one.handle for one in made)
            got = (await peer.ask(m.Reclaim(again, tree, handles))).handles
            assert [(SUCCESS, f.LEASE_RWH)] * MANY == [(one.status, one.lease) for one in got]
        assert trio.current_time() - began < 5 + 5  # the second five for a busy machine
        for handle in handles:
            assert b"acknowledged" == (await peer.ask(m.Read(again, handle, 0, 99))).data
        (docs / "folder").rmdir()
        await peer.ask(m.Once(1, 0, ("MakeDirectory", again, "folder", None), b""))
        assert not (docs / "folder").exists()
        assert 1 == await server.uses()


async def come_too_late(newcomer, scope):
    """It waits until the holder is back, and is refused then."""
    with scope, pytest.raises(Exception, match="STATUS_REQUEST_NOT_ACCEPTED"):
        await newcomer.enter()


async def test_one_journal_has_one_server(tmp_path):
    path = str(tmp_path / "journal")
    async with share_server(tmp_path, journal=path):
        config = tmp_path / "second.toml"
        config.write_text(toml({"listen": ["tcp:127.0.0.1:0"], "journal": path}))
        command = python_module("shareserver", "serve", "--config", str(config))
        done = await trio.run_process(command, capture_stderr=True, check=False)
    assert 1 == done.returncode
    assert 1 == done.stderr.count(b"\n")
    assert b"another running server has it" in done.stderr


async def test_a_journal_is_for_its_owner_only(tmp_path):
    async with share_server(tmp_path, journal=str(tmp_path / "journal")):
        files = [one for one in tmp_path.iterdir() if one.name.startswith("journal")]
        assert files
        assert {0o600} == {one.stat().st_mode & 0o777 for one in files}


def test_a_server_over_a_bad_journal_says_so_in_one_line(tmp_path):
    path = tmp_path / "journal"
    sqlite3.connect(path).executescript("CREATE TABLE mine (x)").close()
    config = tmp_path / "server.toml"
    config.write_text(toml({"listen": ["tcp:127.0.0.1:0"], "journal": str(path)}))
    command = python_module("shareserver", "serve", "--config", str(config))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert f"journal: {path}: another program's database; name another file" in done.stderr
