"""Faults of the world around the daemons, and the one fault they are about.

Q248371 by processes: users fewer than the limit are refused under sp5, never under sp6.
"""

import os
import resource
import socket
from typing import Any

import pytest
import trio

import redird.__main__
import shareserver.__main__
from clients.errors import DiskFull, SessionError
from clients.session import logon
from redird.wire.status import Status
from tests.processes.daemons import (
    DISK_BYTES,
    run_command,
    share_server,
    small_disk,
    stage,
    toml,
    wait_until,
)

OPEN_FILES_MAX = 64


# --- Q248371 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("preset", "ghosts"), [("sp5", 2), ("sp6", 0)])
async def test_q248371_by_processes(tmp_path, preset, ghosts):
    """One user at a time on a limit of two: who has logged off may count all the same."""
    async with stage(tmp_path, 2, preset) as house:
        (house.docs / "a").write_text("text")
        at = house.redirector.unix
        async with logon(at, "guest") as session, session.open("//files/docs/a") as file:
            assert "text" == await file.read()
        second = await run_command("redclient", "--at", at, "cat", "//files/docs/a")
        third = await run_command("redclient", "--at", at, "cat", "//files/docs/a")
        assert ghosts == await house.server.uses()
        verdicts = [row["verdict"] for row in await house.server.view("refusals")]

    assert (0, b"text") == (second.status, second.stdout)
    if not ghosts:
        assert (0, b"text", "") == (third.status, third.stdout, second.err + third.err)
        assert [] == verdicts
        return
    left = r"redclient: left at logoff: files\docs: the connection is left, with its slot:"
    assert f"{left} 1 dormant file\n" == second.err
    assert (1, b"", ["spurious"]) == (third.status, third.stdout, verdicts)
    assert "limit is reached" in third.err
    assert "2 x ghost, logged off, 1 dormant file" in third.err
    assert "Spurious: only 0 of the 2 slots had a user behind them." in third.err
    assert "Would sp6's logoff have admitted guest? Yes." in third.err


# --- the disk ---------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
async def test_a_full_disk_is_told_and_what_was_written_is_intact(tmp_path):
    kept, piece = bytes(range(256)) * 1024, bytes(64 * 1024)
    with small_disk(tmp_path / "docs"):
        async with (
            stage(tmp_path) as house,
            logon(house.redirector.unix, "guest") as session,
        ):
            async with session.open("//files/docs/kept", "wb") as file:
                await file.write(kept)
            with pytest.raises(DiskFull) as full:
                await fill(session, "//files/docs/more", piece)
            assert Status.STATUS_DISK_FULL is full.value.status
            assert "free space on the server's disk" in full.value.advice
            filled = (house.docs / "more").stat().st_size
            assert 0 < filled <= DISK_BYTES - len(kept)

            async with session.open("//files/docs/kept", "rb") as file:
                assert kept == await file.read()
            await session.unlink("//files/docs/more")
            async with session.open("//files/docs/kept", "ab") as file:
                await file.write(piece)
            assert len(kept) + len(piece) == (house.docs / "kept").stat().st_size


async def fill(session, name, piece):
    async with session.open(name, "ab") as file:
        while True:
            await file.write(piece)


# --- too many open files ----------------------------------------------------------------------


async def test_too_many_open_files_are_refused_and_the_server_recovers(tmp_path):
    async with share_server(tmp_path) as (server, docs):
        for number in range(OPEN_FILES_MAX):
            (docs / str(number)).touch()
        limits = (OPEN_FILES_MAX, OPEN_FILES_MAX)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
        before = server.descriptors()
        async with logon(server.unix, "guest") as session, trio.open_nursery() as nursery:
            opened = [0]
            refusals: list[Status] = []
            for number in range(OPEN_FILES_MAX):
                await nursery.start(keep_open, session, number, opened, refusals)
            assert {Status.STATUS_TOO_MANY_OPENED_FILES} == set(refusals)
            assert OPEN_FILES_MAX == opened[0] + len(refusals)

            with trio.move_on_after(1):  # no descriptor is left to serve another link with
                async with logon(server.unix, "guest"):
                    pytest.fail("logged on")
            nursery.cancel_scope.cancel()

        async with logon(server.unix, "guest") as session:
            assert 0 == (await session.stat("//files/docs/1")).size
        await wait_until(lambda: server.descriptors() <= before)


async def keep_open(session, number, opened, refusals, *, task_status):
    try:
        async with session.open(f"//files/docs/{number}"):
            opened[0] += 1
            task_status.started()
            await trio.sleep_forever()
    except SessionError as no:
        refusals.append(no.status)
        task_status.started()


# --- configurations ---------------------------------------------------------------------------

MISTAKES: dict[str, tuple[Any, str]] = {
    "an unknown key": ({"lisen": []}, "unknown key 'lisen'; did you mean 'listen'?"),
    "a wrong type": ({"echo_s": "5"}, "echo_s: must be a number, not '5'"),
    "a negative bound": ({"logon_max_s": -1}, "logon_max_s: must not be negative"),
    "no sense": (
        {"echo_s": 15, "peer_silence_max_s": 15},
        "echo_s: must be more than 0 and less",
    ),
    "no end": (
        'listen = ["unix:/none"]\nlogon_max_s = inf',
        "logon_max_s: must be at most 1e+15",
    ),
    "nowhere to listen": ({"listen": []}, "no address to listen on: give `listen`"),
    "no address": ({"listen": ["docs"]}, "'docs' is not an address: write tcp:HOST:PORT"),
    "no TOML": ("listen = [", "not TOML"),
    "no UTF-8": ("\udcff", "not TOML"),
}
SERVERS: dict[str, tuple[Any, str]] = MISTAKES | {
    "a missing directory": (
        {"shares": {"docs": {"path": "/none"}}},
        "shares.docs: /none is not a directory; make it, or correct `path`",
    ),
    "a share without a path": ({"shares": {"docs": {}}}, "shares.docs: 'path' is missing"),
    "an account without a proof": ({"accounts": {"a": {}}}, "accounts.a: either `guest"),
    "leases taken from who trusts them": (
        {"lease_break_wait_s": 10},
        "lease_break_wait_s: must not be less than peer_silence_max_s (15): 10",
    ),
    "a bad verifier": (
        {"accounts": {"a": {"verifier": "x"}}},
        "account a: not a verifier; make one with `shareserver passwd`",
    ),
}
REDIRECTORS: dict[str, tuple[Any, str]] = MISTAKES | {
    "an unknown preset": ({"preset": "sp7"}, "preset 'sp7': there are sp3, sp4"),
    "a bad policy": ({"policy": {"dormant_age": 1}}, "policy: unknown key 'dormant_age'"),
    "a tick that never comes": (
        'listen = ["unix:/none"]\npolicy.scavenger_tick_s = inf',
        "policy.scavenger_tick_s: must be a number",
    ),
    "a bad server": ({"servers": {"files": "files"}}, "servers.files: 'files' is not an addr"),
}


PROGRAMS = {
    "shareserver": (shareserver.__main__, SERVERS),
    "redird": (redird.__main__, REDIRECTORS),
}


@pytest.fixture
def serve(monkeypatch, capfd):
    """`serve(program, ...)` fails to start it in this process; returns what it said."""

    def run(program, *args):
        module, _ = PROGRAMS[program]
        monkeypatch.setattr(module, "configure_logging", bool)  # this process keeps its own
        monkeypatch.setattr(module, "raise_open_files_limit", bool)
        with pytest.raises(SystemExit) as ended:
            module.main(["serve", *args], program)
        out, err = capfd.readouterr()
        assert (1, "") == (ended.value.code, out)
        assert (f"{program}: ", 1) == (err[: len(program) + 2], err.count("\n"))
        return err

    return run


@pytest.mark.parametrize(
    ("program", "name"),
    [(program, name) for program, (_, mistakes) in PROGRAMS.items() for name in mistakes],
)
def test_a_mistake_in_a_configuration_is_one_line(tmp_path, serve, program, name):
    table, said = PROGRAMS[program][1][name]
    text = table if isinstance(table, str) else toml(table)
    (tmp_path / "config.toml").write_bytes(text.encode("utf-8", "surrogateescape"))

    assert said in serve(program, "--config", str(tmp_path / "config.toml"))


@pytest.mark.parametrize(
    ("program", "table", "more"),
    [
        ("shareserver", {"shares": {"docs": {"path": "/none"}}}, []),
        ("redird", {"preset": "sp7"}, []),
        ("redird", {}, ["--server", "files=files"]),
    ],
)
def test_a_mistake_in_sense_names_the_file(tmp_path, serve, program, table, more):
    path = tmp_path / "config.toml"
    path.write_text(toml(table))

    also = " and the options" if more else ""
    assert f"{program}: {path}{also}: " in serve(program, "--config", str(path), *more)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_in_use_or_not_there_is_named(tmp_path, serve, program):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"tcp:127.0.0.1:{other.getsockname()[1]}"
        said = serve(program, "--listen", f"unix:{tmp_path}/first.sock", "--listen", taken)
    advice = "in use; give another, or stop what listens there"
    assert f"{program}: cannot listen on {taken}: {advice}\n" == said
    assert [] == os.listdir(tmp_path)

    said = serve(program, "--config", str(tmp_path / "none.toml"))
    assert f"{program}: {tmp_path}/none.toml: there is no such file\n" == said
