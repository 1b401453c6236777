"""Mounting and unmounting: who may, what is said when it fails, and what is left after."""

import contextlib
import os
import signal
import subprocess

import pytest
import trio

from deploy.local import python_module
from shareserver.accounts import make_verifier
from tests.processes.daemons import (
    command,
    redirector,
    run_command,
    share_server,
    stage,
    wait_until,
)
from tests.processes.mounts import detach, is_mounted, mounted, require_fuse


@pytest.fixture
def at(tmp_path):
    require_fuse()
    folder = tmp_path / "at"
    folder.mkdir()
    yield folder
    detach(folder)


async def in_thread(act, *args):
    """The mount's daemon may need this process' loop; the kernel makes us wait."""
    return await trio.to_thread.run_sync(act, *args)


async def test_unmounting_logs_off(tmp_path, at):
    async with stage(tmp_path) as house:
        with mounted(house.redirector, at):
            await in_thread((at / "a").write_text, "x")
            assert 1 == await house.server.uses()
            await run_command("redird", "unmount", str(at), "--at", house.redirector.unix)

            assert not is_mounted(at)
            assert 0 == await house.server.uses()


async def test_a_daemon_that_stops_leaves_no_mount(tmp_path, at):
    async with stage(tmp_path) as house:
        with mounted(house.redirector, at):
            assert 0 == await house.redirector.local.terminate()

            assert not is_mounted(at)
            assert 0 == await house.server.uses()


async def test_a_daemon_that_stops_does_not_wait_for_ever_for_open_files(tmp_path, at):
    async with stage(tmp_path, redirector_config={"logoff_max_s": 1.0}) as house:
        with mounted(house.redirector, at):
            file = await in_thread((at / "a").open, "w")
            await in_thread(file.write, "kept")
            await in_thread(file.flush)
            with trio.fail_after(10):
                assert 0 == await house.redirector.local.terminate()

            assert "kept" == (house.docs / "a").read_text()
            assert 0 == await house.server.uses()
            with contextlib.suppress(OSError):
                await in_thread(file.close)


async def test_a_killed_daemon_leaves_an_error_and_no_hanging(tmp_path, at):
    async with stage(tmp_path) as house:
        with mounted(house.redirector, at):
            await house.redirector.local.kill()
            with pytest.raises(OSError, match=r"(?i)not connected|connection abort"):
                await in_thread(os.listdir, at)
            other = tmp_path / "other"
            other.mkdir()
            async with redirector(other, house.server.tcp) as second:
                again = "redird", "mount", "//files/docs", str(at), "--redird", second.unix
                done = await run_command(*again)
                assert 1 == done.status
                assert "umount -l" in done.err


async def test_a_password_given_once_serves_the_next_logon_too(tmp_path, at):
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    accounts = {"alice": {"verifier": make_verifier("correct horse")}}
    async with stage(tmp_path, accounts=accounts) as house:
        (house.docs / "a").write_text("hers")
        options = ["--user", "alice", "--password-file", str(secret)]
        options += ["--redird", house.redirector.unix]
        done = await run_command("redird", "mount", "//files/docs", str(at), *options)
        assert not done.status, done.err
        secret.unlink()
        for _ in range(2):
            assert "hers" == await in_thread((at / "a").read_text)
            logoff = "redird", "logoff", str(os.getuid()), "--at", house.redirector.unix
            assert not (await run_command(*logoff)).status
            assert 0 == await house.server.uses()


async def test_a_user_logs_off_and_on_again_at_the_next_use(tmp_path, at):
    async with stage(tmp_path) as house:
        with mounted(house.redirector, at):
            file = await in_thread((at / "a").open, "w")
            off = "redird", "logoff", str(os.getuid()), "--at", house.redirector.unix
            assert "1 files open" in (await run_command(*off)).err
            await in_thread(file.close)
            await wait_until(lambda: nothing_open(house))
            assert 0 == (await run_command(*off)).status
            assert 0 == await house.server.uses()

            await in_thread(os.stat, at / "a")
            assert 1 == await house.server.uses()


async def nothing_open(house):
    rows = await house.redirector.view("connections")
    return all(row["open_files"] == 0 for row in rows)


@pytest.mark.parametrize(
    ("share", "folder", "said"),
    [
        ("files/docs", "at", "is not a share"),
        ("//files/docs", "absent", "no such file or directory"),
        ("//files/nix", "at", "STATUS_BAD_NETWORK_NAME"),
        ("//nobody/docs", "at", "STATUS_BAD_NETWORK_PATH"),
    ],
)
async def test_what_cannot_be_mounted_is_said(tmp_path, at, share, folder, said):
    async with stage(tmp_path) as house:
        where = str(tmp_path / folder)
        done = await run_command(
            "redird", "mount", share, where, "--redird", house.redirector.unix
        )

        assert 1 == done.status
        assert said in done.err
        assert 0 == await house.server.uses()


async def test_a_mount_of_ours_is_not_mounted_over(tmp_path, at):
    async with stage(tmp_path) as house:
        with mounted(house.redirector, at):
            again = "redird", "mount", "//files/docs", str(at)
            done = await run_command(*again, "--redird", house.redirector.unix)

            assert "is mounted already" in done.err


def started(command):
    return subprocess.Popen(
        python_module("redird", *command), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("how", ["signal", "umount"])
async def test_a_daemon_for_one_mount_ends_with_it(tmp_path, at, how):
    async with share_server(tmp_path) as (server, _):
        command = ["mount", "//files/docs", str(at), "--server", f"files={server.tcp}"]
        with started(command) as process:
            try:
                assert process.stdout is not None
                assert b"is mounted at" in await in_thread(process.stdout.readline)
                await in_thread((at / "a").write_text, "x")
                assert 1 == await server.uses()
                if how == "signal":
                    process.send_signal(signal.SIGINT)
                else:
                    await in_thread(detach, at)
                assert 0 == await in_thread(process.wait, 20)
            finally:
                process.kill()

        assert not is_mounted(at)
        assert 0 == await server.uses()


SHARED = {
    "share": "//files/docs",
    "allow_other": True,
    "idle_logoff_s": 1,
    "users": {"0": {"user": "guest"}},
}


@pytest.mark.skipif(os.geteuid() != 0, reason="several users take root")
async def test_each_local_user_of_a_shared_mount_is_a_session(tmp_path, at):
    mounts = {"all": {**SHARED, "at": str(at)}}
    async with stage(tmp_path, redirector_config={"mounts": mounts}) as house:
        assert 0 == await house.server.uses()
        await in_thread((at / "a").write_text, "x")
        assert 1 == await house.server.uses()
        as_nobody = ["setpriv", "--reuid=65534", "--clear-groups", "cat", str(at / "a")]
        done = await trio.run_process(as_nobody, check=False, capture_stderr=True)
        assert b"Permission denied" in done.stderr

        await wait_until(lambda: unused(house))
        assert "x" == await in_thread((at / "a").read_text)


async def unused(house):
    return await house.server.uses() == 0


async def test_a_configured_mount_that_fails_is_said_in_one_line(tmp_path, at):
    table = f'[servers]\n[mounts.docs]\nshare = "//files/docs"\nat = "{at}"\n'
    (tmp_path / "redird.toml").write_text(table)
    done = await run_command("redird", "serve", "--config", str(tmp_path / "redird.toml"))

    assert 1 == done.status
    assert "mounts.docs" in done.err


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("files=tcp:127.0.0.1:1", "cannot reach tcp:127.0.0.1:1"),
        ("other=tcp:127.0.0.1:1", "[servers] names other"),
    ],
)
def test_a_daemon_for_one_mount_says_in_one_line_why_there_is_none(tmp_path, server, said):
    require_fuse()
    done = command("redird", "mount", "//files/docs", str(tmp_path), "--server", server)

    assert 1 == done.status
    assert said in done.err
    assert 1 == len(done.err.splitlines())
