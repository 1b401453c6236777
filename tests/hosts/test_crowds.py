"""Fifty sessions of one host at once, and the figures of `redlab bench hosts`."""

import json
import tempfile

import pytest
import trio
from click.testing import CliRunner

from clients.lab.__main__ import main
from clients.lab.bench.hosts import SITTING, measure
from clients.lab.terminal.hosted import TerminalError
from deploy.hosts.host import Host
from tests.processes.daemons import share_server

NATIVE = Host("native", "native")


@pytest.mark.time_limit(300)
async def test_fifty_sessions_of_a_host_are_there_at_once(host, tmp_path):
    async with share_server(tmp_path) as (server, docs):
        (docs / "file.txt").write_bytes(b"x" * 4096)
        found = await measure(host, server.tcp, 1.0)
        uses = max(fact["uses"] for fact in await server.view("facts"))

    assert SITTING == found["at_once"]
    assert uses > SITTING  # others come and go beside them
    assert len(found["logons_s"]) == len(found["logoffs_s"]) > 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where all that is temporary goes."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


async def test_a_host_is_measured_though_its_time_is_over_at_once(tmp_path, folder):
    async with share_server(tmp_path) as (server, docs):
        (docs / "file.txt").write_bytes(b"x")
        found = await measure(NATIVE, server.tcp, 1e-9)

    assert len(found["logons_s"]) == len(found["logoffs_s"]) > 0
    assert [] == list(folder.iterdir())


async def test_a_log_is_kept_of_what_went_wrong_and_of_nothing_else(folder, monkeypatch):
    with trio.move_on_after(0.2):
        await measure(NATIVE, "tcp:127.0.0.1:1", 1.0)
    assert [] == list(folder.iterdir())

    with pytest.raises(TerminalError, match="host native: ") as error:
        await measure(NATIVE, "tcp:127.0.0.1:1", 1.0)
    (log,) = folder.glob("*/terminal.log")

    assert str(error.value).endswith(f"; see {log}")


def test_a_bench_of_hosts_has_a_row_for_each_that_is_built(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path))
    ended = CliRunner().invoke(main, ["bench", "hosts", "--seconds", "0.2", "--json"])
    assert 0 == ended.exit_code, ended.stderr
    found = json.loads(ended.stdout)

    (row,) = found["benches"]
    assert ("hosts: native", SITTING, 1.0) == (
        row["name"],
        row["sessions_at_once"],
        row["ratio"],
    )
    assert row["ours"] > 0
    assert row["logon_p50_ms"] <= row["logon_p99_ms"]
    assert "host alpha-system is not built: redlab hosts build alpha" in found["notes"]
    assert 6 == len(found["notes"])
