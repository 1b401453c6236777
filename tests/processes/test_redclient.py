"""`redclient` as people and scripts use it: through a redirector and straight to a server.

Where no end of a process is looked at, the command runs within this one: starting it would take
ten times as long as its work.
"""

import json
import os
import signal
import subprocess
from base64 import b64decode

import pytest

from clients.__main__ import main
from deploy.local import python_module
from tests.processes.daemons import (
    Finished,
    command,
    for_module,
    holding,
    sigterm,
    stage,
)

ROUTES = ["redirector", "server"]
CONTENT = bytes(range(256)) * 12_000  # three chunks
MEMORY_MAX = 200_000_000  # bytes


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    small = {"path": str(folder), "uses_max": 1, "read_only": True}
    with for_module(stage(folder, shares={"small": small})) as house:
        yield house


@pytest.fixture
def redclient(house, capfdbinary):
    """`redclient(...)` runs the command here, at the redirector or at `route`."""

    def run(*args, route="redirector"):
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--at", getattr(house, route).unix, *args], "redclient")
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return Finished(int(ended.value.code or 0), out, err.decode())

    return run


# --- every command, both ways -----------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_a_file_goes_to_the_share_and_back_unchanged(redclient, house, tmp_path, route):
    (tmp_path / "sent").write_bytes(CONTENT)
    name = f"//files/docs/{route}.bin"

    at = getattr(house, route).unix
    put = redclient("put", str(tmp_path / "sent"), name, "--json", route=route)
    piped = command("redclient", "--at", at, "put", "-", name, "--append", stdin=b"\0 and more")
    got = redclient("get", name, str(tmp_path), route=route)
    shown = redclient("cat", name, route=route)

    assert (0, len(CONTENT)) == (put.status, put.json["bytes"])
    assert (0, b"") == (piped.status, piped.stdout)
    assert (0, "") == (got.status, got.err)
    assert CONTENT + b"\0 and more" == (tmp_path / f"{route}.bin").read_bytes()
    assert CONTENT + b"\0 and more" == shown.stdout
    assert CONTENT + b"\0 and more" == (house.docs / f"{route}.bin").read_bytes()


@pytest.mark.parametrize("route", ROUTES)
def test_names_are_made_listed_changed_and_deleted(redclient, house, route):
    folder = rf"\\files\docs\{route}"
    home = house.docs / route

    assert 0 == redclient("mkdir", folder, route=route).status
    (home / "old.txt").write_text("text")
    (home / "other.bin").touch()
    listed = redclient("ls", rf"{folder}\*.txt", route=route)
    assert ["kind", "size", "changed", "name"] == listed.out.splitlines()[0].split()
    assert ["file", "4", "old.txt"] == [listed.out.split()[at] for at in (4, 5, 8)]
    assert 0 == redclient("mv", rf"{folder}\old.txt", rf"{folder}\new.txt", route=route).status
    linked = redclient("ln", rf"{folder}\new.txt", rf"{folder}\hard", route=route)
    assert (0, 2) == (linked.status, (home / "hard").stat().st_nlink)
    made = redclient("ln", "-s", "new.txt", rf"{folder}\soft", "--json", route=route).json
    assert {"linked": rf"{folder}\soft", "to": "new.txt"} == made
    assert "new.txt" == os.readlink(home / "soft")
    for name in ("hard", "soft"):
        assert 0 == redclient("rm", rf"{folder}\{name}", route=route).status
    told = redclient("stat", rf"{folder}\new.txt", "--json", route=route).json
    assert ("file", 4, "0644") == (told["kind"], told["size"], told["mode"])
    entries = redclient("ls", folder, "--json", route=route).json["entries"]
    assert ["new.txt", "other.bin"] == [entry["name"] for entry in entries]
    for name in entries:
        assert 0 == redclient("rm", rf"{folder}\{name['name']}", route=route).status
    assert {"removed": folder} == redclient("rm", "--dir", folder, "--json", route=route).json
    assert not home.exists()


def test_odd_names_and_contents_survive_a_terminal(redclient, house):
    odd = "new\nline \x1b[31m ünï"
    (house.docs / "odd").mkdir()
    (house.docs / "odd" / odd).write_bytes(b"\xff\0")

    listed = command(
        *("redclient", "--at", house.server.unix, "ls", "//files/docs/odd"),
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    told = redclient("cat", f"//files/docs/odd/{odd}", "--json").json

    assert r"new\nline \x1b[31m \xfcn\xef" in listed.out.splitlines()[1]
    assert (f"//files/docs/odd/{odd}", b"\xff\0") == (told["name"], b64decode(told["data"]))


def test_a_large_file_is_not_held_in_memory(house, requires):
    with open(house.docs / "large", "wb") as large:
        large.truncate(260_000_000)
    # A bound on the data, for the most memory ever used is inherited from the tests' process.
    limited = [requires("prlimit", "util-linux"), f"--data={MEMORY_MAX}", "--"]
    get = python_module(
        "clients", "--at", house.server.unix, "get", "//files/docs/large", "/dev/null"
    )

    assert 0 == subprocess.run([*limited, *get]).returncode


# --- when it goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["cat", "//files/docs/none"],
            "//files/docs/none: there is no file of that name (STATUS_OBJECT_NAME_NOT_FOUND);"
            " check the name",
        ),
        (["ls", "//files/none"], r"\\files\none: the server has no share of that name"),
        (["stat", "//elsewhere/docs/x"], "guest at elsewhere: no server of that name"),
        (["stat", "docs/x"], "'docs/x' (write \\\\SERVER\\SHARE\\PATH)"),
        (["stat", "//files/docs/../x"], "STATUS_OBJECT_PATH_SYNTAX_BAD"),
        (["mv", "//files/docs/x", "//files/other/x"], "the two names are on different shares"),
        (
            ["put", "/none/of this", "//files/docs/x"],
            "/none/of this: No such file or directory",
        ),
        (["ls", "//files/docs/*.none"], "no entry matches (STATUS_NO_SUCH_FILE)"),
        (["stat", "//files/docs/\udcff"], "is not UTF-8"),
        (["get", "//files/docs/x", "-", "--json"], "both want standard output"),
    ],
)
def test_a_mistake_is_answered_in_one_line(redclient, args, said):
    ended = redclient(*args)

    assert (1, b"") == (ended.status, ended.stdout)
    assert ended.err.startswith("redclient: ")
    assert said in ended.err
    assert 1 == ended.err.count("\n")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("unix:/none", "cannot reach unix:/none: no such file or directory"),
        ("nowhere", "'nowhere' is not an address: write tcp:HOST:PORT or unix:/PATH"),
    ],
)
def test_a_daemon_that_is_not_there_is_named(redclient, at, said):
    ended = redclient("--at", at, "ls", "//files/docs")

    assert (1, 1) == (ended.status, ended.err.count("\n"))
    assert f"redclient: {said}" in ended.err
    assert ended.err.endswith("start the daemon, or give --at\n")


def test_a_failed_get_leaves_what_was_there(redclient, tmp_path):
    (tmp_path / "kept").write_text("before")

    assert 1 == redclient("get", "//files/docs", str(tmp_path / "kept")).status
    assert 1 == redclient("get", "//files/docs/none", str(tmp_path / "none")).status
    assert ["kept"] == os.listdir(tmp_path)
    assert "before" == (tmp_path / "kept").read_text()


def test_a_reader_that_leaves_ends_the_command_in_silence(redclient, house):
    (house.docs / "long").write_bytes(CONTENT)
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        python_module("clients", "--at", house.server.unix, "cat", "//files/docs/long"),
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)

    assert (128 + signal.SIGPIPE, b"") == (ended.returncode, ended.stderr)


def test_at_the_limit_the_receipt_is_told(redclient, house):
    at = house.redirector.unix
    with holding("--at", at, "hold", "//files/small/shareserver.toml") as holder:
        refused = redclient("ls", "//files/small")
        straight = redclient("ls", "//files/small", route="server")
        assert 0 == sigterm(holder)

    assert (1, 1) == (refused.status, straight.status)
    first, *receipt = refused.err.splitlines()
    assert r"redclient: \\files\small: the share's connection limit is reached" in first
    assert "guest was refused on small, 1 of 1 slots were in use." in receipt[0]
    assert "Genuine: 1 of the 1 slots had a user behind them." in "\n".join(receipt)
    assert "Genuine" in straight.err
    assert 0 == redclient("ls", "//files/small").status


# --- holding ----------------------------------------------------------------------------------


def test_ctrl_c_ends_with_130_after_the_logoff(house):
    (house.docs / "held").touch()
    with holding("--at", house.redirector.unix, "hold", "//files/docs/held") as holder:
        holder.send_signal(signal.SIGINT)
        assert (128 + signal.SIGINT, b"") == (holder.wait(20), holder.communicate()[1])

    last = [line for line in house.redirector.log.read_text().splitlines() if "ended" in line]
    assert "session_ended" == json.loads(last[-1])["event"]


def test_hold_says_what_it_holds_and_ends_by_itself(redclient, house):
    (house.docs / "held").touch()
    held = redclient("hold", "//files/docs/held", "--dormant", "--seconds", "0", "--json")

    assert 0 == held.status
    assert ("dormant", "guest") == (held.json["state"], held.json["user"])
    assert ["//files/docs/held"] == held.json["holding"]
    straight = redclient("hold", "//files/docs/held", "--dormant", route="server")
    assert 1 == straight.status
    assert "which keeps nothing dormant" in straight.err
