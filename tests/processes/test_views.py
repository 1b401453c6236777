"""Who sees and closes what: the views of both daemons, accounts, and who is an administrator.

The commands run within this process: only daemons and holders are processes of their own.
"""

import json
import re
from contextlib import ExitStack
from typing import Any

import pytest

import redird.__main__
import shareserver.__main__
from clients.errors import LogonFailed
from clients.session import logon
from redird.wire import messages as m
from redird.wire.address import parse
from redird.wire.asking import ask_view, asking
from redird.wire.dialling import open_link
from redird.wire.errors import Refused
from redird.wire.scram import ClientProof, derive
from redird.wire.status import Status
from tests.processes.daemons import for_module, holding, run_command, stage

COMMANDS = {"shareserver": shareserver.__main__.main, "redird": redird.__main__.main}
PASSWORDS = {"alice": "wonderland", "root": "looking-glass"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    accounts = str(folder / "accounts.json")
    with pytest.MonkeyPatch.context() as environment:
        for user, password in PASSWORDS.items():
            environment.setenv("SHARESERVER_NEW_PASSWORD", password)
            with pytest.raises(SystemExit) as ended:
                COMMANDS["shareserver"](["passwd", user, "--accounts", accounts])
            assert not ended.value.code
    with for_module(stage(folder, 10, accounts_file=accounts, admins=["root"])) as house:
        (house.docs / "a").touch()
        (house.docs / "b").touch()
        yield house


@pytest.fixture
def admin(house, capfd):
    """`admin(program, ...)` asks over the daemon's unix socket and returns what is printed."""

    def run(program, *args):
        capfd.readouterr()
        at = house.server.unix if program == "shareserver" else house.redirector.unix
        with pytest.raises(SystemExit) as ended:
            COMMANDS[program]([*args, "--at", at], program)
        out, err = capfd.readouterr()
        assert (0, "") == (ended.value.code or 0, err)
        return out

    return run


@pytest.fixture
def holders(house):
    """Two users behind the redirector, one straight at the server."""
    red, straight = house.redirector.unix, house.server.unix
    with ExitStack() as stack:
        stack.enter_context(holding("--at", red, "hold", "//files/docs/a"))
        stack.enter_context(holding("--at", red, "hold", "--dormant", "//files/docs/b"))
        stack.enter_context(holding("--at", straight, "hold", "//files/docs/a"))
        yield stack


# --- the views --------------------------------------------------------------------------------


VIEWS: list[tuple[str, str, dict[str, list[Any]]]] = [
    ("shareserver", "sessions", {"user": ["guest"] * 3, "connections": [1, 1, 1]}),
    ("shareserver", "connections", {"share": ["docs"] * 3, "files": [1, 1, 1]}),
    ("shareserver", "files", {"path": ["a", "a", "b"], "delete_pending": [False] * 3}),
    ("shareserver", "slots", {"state": ["dormant_only", "live", "live"]}),
    ("shareserver", "shares", {"name": ["docs"], "uses": [3], "uses_max": [10]}),
    ("shareserver", "refusals", {}),
    ("shareserver", "statistics", {"uses": [3], "uses_refused": [0]}),
    ("redird", "sessions", {"user": ["guest"] * 2, "state": ["active"] * 2}),
    ("redird", "connections", {"open_files": [0, 1], "dormant_files": [0, 1]}),
    ("redird", "dormant", {"path": ["b"], "share": ["docs"]}),
    ("redird", "status", {"preset": ["sp6"], "dormant_age_max_s": [30.0]}),
]


def test_a_view_is_one_object_for_programs_and_a_table_for_people(holders, admin):
    for program, view, shown in VIEWS:
        rows = json.loads(admin(program, view, "--json"))[view]
        lines = admin(program, view).splitlines()

        assert shown == {key: sorted(row[key] for row in rows) for key in shown}
        header = [key.removesuffix("_ns") for key in rows[0]] if rows else ["no", view]
        assert header == lines[0].split()
        assert max(1, len(rows) + bool(rows)) == len(lines)


def test_what_an_administrator_closes_is_gone_and_its_redirector_knows(holders, admin):
    def rows(program, view):
        return json.loads(admin(program, view, "--json"))[view]

    (dormant,) = (row for row in rows("shareserver", "files") if row["path"] == "b")
    sessions = rows("shareserver", "connections")
    (other,) = (row["session"] for row in sessions if row["number"] < dormant["connection"])

    for kind, number in (
        ("file", dormant["number"]),
        ("connection", dormant["connection"]),
        ("session", other),
    ):
        closed = json.loads(admin("shareserver", "close", kind, str(number), "--json"))
        assert [number] == [row["number"] for row in closed["closed"]]
        assert number not in [row["number"] for row in rows("shareserver", f"{kind}s")]

    assert ["released"] * 2 == [row["state"] for row in rows("redird", "connections")]
    assert [] == rows("redird", "dormant")
    assert 1 == rows("shareserver", "shares")[0]["uses"]


# --- accounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["redirector", "server"])
async def test_a_user_logs_on_with_the_password_that_passwd_set(house, route):
    at = getattr(house, route).unix
    async with logon(at, "alice", PASSWORDS["alice"], "files") as session:
        assert "file" == (await session.stat("//files/docs/a")).kind


@pytest.mark.parametrize("route", ["redirector", "server"])
@pytest.mark.parametrize("user", ["alice", "nobody"])
async def test_a_wrong_password_and_an_unknown_user_are_told_the_same(house, route, user):
    at = getattr(house, route).unix
    with pytest.raises(LogonFailed) as failed:
        async with logon(at, user, "wrong", "files"):
            pytest.fail("logged on")

    assert Status.STATUS_LOGON_FAILURE == failed.value.status
    assert (f"{user} at files", {}) == (failed.value.subject, failed.value.detail)


async def test_an_unknown_user_fails_at_the_same_step_after_the_same_work(house):
    known, again = await fail_to_log_on(house, "alice"), await fail_to_log_on(house, "alice")
    unknown = await fail_to_log_on(house, "nobody")

    assert known == again
    assert known[0] != unknown[0]  # the salt, each user's own, always the same
    assert known[1:] == unknown[1:]
    assert unknown == await fail_to_log_on(house, "nobody")


async def fail_to_log_on(house, user):
    """What somebody who tries a password learns."""
    async with open_link(parse(house.server.tcp)) as (link, _):
        proof = ClientProof(user, "nonce")
        challenged = await link.request(m.SessionSetup(0, user, proof.first()))
        assert isinstance(challenged, m.SessionChallenged)
        salt, iterations = proof.challenge(challenged.token)
        final = proof.final(derive("wrong", salt, iterations))
        with pytest.raises(Refused) as refused:
            await link.request(m.SessionSetup(challenged.session, user, final))
        shape = re.sub("[^,=]{8,}", "...", challenged.token)
        return salt, len(salt), iterations, shape, refused.value.status, refused.value.detail


async def test_ones_own_password_does_not_prove_that_one_is_somebody_else(house):
    async with open_link(parse(house.server.tcp)) as (link, _):
        proof = ClientProof("alice", "nonce")
        challenged = await link.request(m.SessionSetup(0, "root", proof.first()))
        assert isinstance(challenged, m.SessionChallenged)
        keys = derive(PASSWORDS["alice"], *proof.challenge(challenged.token))
        with pytest.raises(Refused) as refused:
            await link.request(m.SessionSetup(challenged.session, "root", proof.final(keys)))

    assert Status.STATUS_LOGON_FAILURE is refused.value.status


# --- administrators ---------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["", "guest", "alice"])
async def test_over_a_network_views_are_for_administrators_only(house, user):
    with pytest.raises(Refused) as refused:
        await ask_sessions(house.server.tcp, user)

    assert Status.STATUS_ACCESS_DENIED is refused.value.status


async def test_over_a_network_an_administrator_sees_the_servers_views(house):
    assert ["root"] == [row["user"] for row in await ask_sessions(house.server.tcp, "root")]


async def test_a_redirectors_views_are_for_its_unix_socket_only(house):
    with pytest.raises(Refused) as refused:
        await ask_sessions(house.redirector.tcp, "")

    assert Status.STATUS_ACCESS_DENIED is refused.value.status
    assert "come over the unix socket" in refused.value.subject


async def ask_sessions(at, user):
    return await asking(
        lambda link: ask_view("sessions", link), parse(at), user, PASSWORDS.get(user, "")
    )


async def test_a_refused_command_says_what_to_do(house):
    refused = await run_command("shareserver", "close", "file", "1", "--at", house.server.tcp)

    assert (1, b"", 1) == (refused.status, refused.stdout, refused.err.count("\n"))
    assert "log on as one of `admins`" in refused.err


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "x"])
def test_a_number_that_no_view_shows_is_a_usage_error(number):
    with pytest.raises(SystemExit) as ended:
        COMMANDS["shareserver"](["close", "file", number])

    assert 2 == ended.value.code
