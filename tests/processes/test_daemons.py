"""How daemons start, say where they are, and end: in order or by surprise.

After an end by surprise the other side must be as before: no slot, no descriptor left.
"""

import os
import signal
import subprocess
from contextlib import suppress

import pytest
import trio

from clients.errors import LinkFailed, SessionError
from clients.session import logon
from deploy.local import python_module, start
from tests.architecture import ROOT
from tests.processes.daemons import (
    holding,
    redirector,
    share_server,
    stage,
    wait_until,
)

A = "//files/docs/a"


@pytest.fixture
def at_home(tmp_path):
    """An environment whose default places are all in the test's folder."""
    places = {"XDG_RUNTIME_DIR": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    return os.environ | places


# --- starting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "more"),
    [
        ("shareserver", "  share public = "),
        ("redird", "  preset sp6"),
    ],
)
def test_without_a_configuration_it_says_where_it_is(at_home, tmp_path, program, more):
    command = python_module(program, "serve")
    with subprocess.Popen(command, env=at_home, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        lines = [daemon.stdout.readline() for _ in range(2)]
        daemon.send_signal(signal.SIGTERM)
        assert 0 == daemon.wait(20)

    socket = f"unix:{tmp_path}/redird-{os.getuid()}/{program}.sock\n"
    assert lines[0].startswith(f"{program} listens on tcp:127.0.0.1:")
    assert lines[0].endswith(f" and {socket}")
    assert lines[1].startswith(more)


async def test_the_example_configurations_serve_and_sigterm_ends_it(tmp_path):
    examples = {"/srv/docs": str(tmp_path), ":4450": ":0"}
    examples |= dict.fromkeys(("/run/redird", "/var/lib/redird"), str(tmp_path))
    for program in ("shareserver", "redird"):
        text = (ROOT / f"deploy/config/{program}.toml").read_text()
        for example, ours in examples.items():
            text = text.replace(example, ours)
        path = tmp_path / f"{program}.toml"
        path.write_text(text)
        async with start(python_module(program, "serve", "--json", f"--config={path}")) as it:
            assert {"ready", "program", "pid", "listening"} == set(it.ready)
            assert (program, it.process.pid) == (it.ready["program"], it.ready["pid"])
            assert f"unix:{tmp_path}/{program}.sock" in it.addresses
            assert f"{program}.sock" in os.listdir(tmp_path)

            assert 0 == await it.terminate()
            assert f"{program}.sock" not in os.listdir(tmp_path)


async def test_a_killed_daemons_socket_is_taken_over_but_not_a_living_ones(tmp_path, at_home):
    command = python_module("shareserver", "serve", "--json")
    async with start(command, env=at_home) as first:
        await first.kill()
        async with start(command, env=at_home) as second, start(command, env=at_home) as third:
            assert first.addresses[1] == second.addresses[1]
            assert second.addresses[1] != third.addresses[1]


async def test_sigterm_of_a_redirector_logs_off_every_session(tmp_path):
    async with stage(tmp_path) as house:
        (house.docs / "a").touch()
        async with trio.open_nursery() as nursery:
            for number in range(20):
                await nursery.start(keep, house.redirector.unix, number)
            assert 20 == await house.server.uses()
            assert 0 == await house.redirector.local.terminate()
            nursery.cancel_scope.cancel()

        assert 0 == await house.server.uses()
        assert [] == await house.server.view("files")
        assert 20 == house.redirector.log.read_text().count('"residue": []')


async def keep(at: str, number: int, *, task_status: trio.TaskStatus[None]) -> None:
    """Log on, and keep a file open if `number` is odd, else dormant."""
    with suppress(LinkFailed):
        async with logon(at, "guest") as session:
            async with session.open(A, "rb"):
                if number % 2:
                    task_status.started()
                    await trio.sleep_forever()
            task_status.started()
            await trio.sleep_forever()


# --- ending by surprise -----------------------------------------------------------------------


async def test_a_killed_redirector_leaves_nothing_on_the_server(tmp_path):
    """Its slots are free at once, its files when nobody has come back for them."""
    async with share_server(tmp_path, durable_age_max_s=1.0) as (server, docs):
        (docs / "a").touch()
        before = server.descriptors()
        async with redirector(tmp_path, server.tcp) as redird, trio.open_nursery() as nursery:
            for number in range(10):
                await nursery.start(keep, redird.unix, number)
            assert 10 == await server.uses()
            assert server.descriptors() > before

            await redird.local.kill()

            await wait_until(lambda: uses_are(server, 0))
            with trio.fail_after(5):
                await wait_until(lambda: server.descriptors() <= before)
            assert 0 == await server.uses()
            assert [] == await server.view("sessions")
            nursery.cancel_scope.cancel()


async def test_a_killed_client_is_logged_off(tmp_path):
    async with stage(tmp_path) as house:
        (house.docs / "a").touch()
        before = house.redirector.descriptors()
        for route in (house.redirector.unix, house.server.unix):
            with holding("--at", route, "hold", A) as client:
                assert 1 == await house.server.uses()
                client.kill()
            await wait_until(lambda: uses_are(house.server, 0))

        assert [] == await house.redirector.view("sessions")
        assert [] == await house.server.view("files")
        server_link = 1
        await wait_until(lambda: house.redirector.descriptors() <= before + server_link)


async def uses_are(server, expected):
    return expected == await server.uses()


async def test_a_newer_redirector_of_the_same_name_takes_the_slots_over(tmp_path):
    named = {"instance": "red", "instance_key": "only this host has it"}
    (tmp_path / "old").mkdir()
    async with share_server(tmp_path, uses_max=1) as (server, docs):
        (docs / "a").touch()
        async with (
            redirector(tmp_path / "old", server.tcp, **named) as old,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(keep, old.unix, 0)
            old.local.pause()
            async with redirector(tmp_path, server.tcp, **named) as new:
                with trio.fail_after(5):
                    async with logon(new.unix, "guest") as session:
                        assert 0 == (await session.stat(A)).size
                        assert 1 == await server.uses()
            old.local.resume()
            nursery.cancel_scope.cancel()


async def test_a_session_goes_on_when_its_server_was_killed_and_started_again(tmp_path):
    async with share_server(tmp_path) as (server, docs):
        (docs / "a").write_text("one")
        async with (
            redirector(tmp_path, server.unix) as redird,
            logon(redird.unix, "guest") as session,
        ):
            async with session.open(A) as file:
                assert "one" == await file.read()
            await server.local.kill()
            with pytest.raises(SessionError):
                await session.mkdir("//files/docs/made")

            async with share_server(tmp_path) as (again, _):
                await session.mkdir("//files/docs/made")
                async with session.open(A) as file:
                    assert "one" == await file.read()
                assert 1 == await again.uses()
