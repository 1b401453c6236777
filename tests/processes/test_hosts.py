"""A command under its guard, on this machine as a host: nothing of it stays."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest
import trio

from deploy.hosts import system
from deploy.hosts.guarding import Guarded
from deploy.hosts.host import Host, HostError, LimitReached
from deploy.hosts.running import running
from tests.processes.alive import runs, wait_for

NATIVE = Host("native", "native")
# Says its number, and the number of a process that has left its group and ignores SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
if sys.argv[1:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    command = [sys.executable, sys.argv[0], "away"]
    subprocess.Popen(command, start_new_session=True)
print(os.getpid(), flush=True)
time.sleep(600)
"""


def python(source: str) -> list[str]:
    return ["python3", "-c", source]


async def read(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([bytes(part) async for part in stream])


async def read_numbers(stream: trio.abc.ReceiveStream, count: int) -> list[int]:
    heard = b""
    while heard.count(b"\n") < count:
        heard += await stream.receive_some()
    return [int(line) for line in heard.split()]


async def test_every_byte_goes_in_and_comes_out():
    data = bytes(range(256)) * 1000
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    async with running(NATIVE, python(source)) as guest, trio.open_nursery() as nursery:

        async def feed() -> None:
            async with guest.stdin:
                await guest.stdin.send_all(data)

        nursery.start_soon(feed)

        assert data == await read(guest.stdout)
        assert 0 == await guest.wait()


async def test_standard_error_goes_to_the_log_and_nowhere_else(tmp_path):
    log = tmp_path / "log"
    log.write_text("before\n")
    source = "import sys; print('out'); print('err', file=sys.stderr)"
    async with running(NATIVE, python(source), log=log) as guest:
        assert b"out\n" == await read(guest.stdout)
        await guest.wait()

    assert "before\nerr\n" == log.read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exit 7", 7),
        ("kill -KILL $$", 128 + signal.SIGKILL),
        ("kill -PIPE $$", 128 + signal.SIGPIPE),  # which Python ignores, and its children
    ],
)
async def test_the_status_is_as_a_shell_has_it(text, expected):
    async with running(NATIVE, ["sh", "-c", text]) as guest:
        assert expected == await guest.wait()
        assert expected == await guest.wait()


async def test_a_command_has_no_descriptors_but_its_three():
    source = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
    async with running(NATIVE, python(source)) as guest:
        listing = "3"

        assert f"{['0', '1', '2', listing]}\n".encode() == await read(guest.stdout)


async def test_the_environment_is_extended():
    source = "import os; print(os.environ['A'], os.environ['PATH'] == os.environ['B'])"
    env = {"A": "x", "B": os.environ["PATH"]}
    async with running(NATIVE, python(source), env=env) as guest:
        assert b"x True\n" == await read(guest.stdout)


async def test_a_program_that_is_not_there_is_named():
    with pytest.raises(HostError, match="native has no program nosuchprogram"):
        async with running(NATIVE, ["nosuchprogram"]):
            pass


async def test_the_limit_ends_it():
    async with running(NATIVE, python("import time; time.sleep(600)"), limit_s=1) as guest:
        with pytest.raises(LimitReached, match="native: ended after its limit of 1 s"):
            await guest.wait()
        assert not runs(guest.pid)


async def test_all_of_it_ends_with_the_context(tmp_path):
    (tmp_path / "family.py").write_text(FAMILY)
    async with running(NATIVE, [str(tmp_path / "family.py")]) as guest:
        numbers = await read_numbers(guest.stdout, 2)
        assert guest.pid in numbers

    assert [] == [pid for pid in numbers if runs(pid)]


async def test_what_a_command_leaves_behind_ends_with_it(tmp_path):
    (tmp_path / "family.py").write_text(FAMILY)
    source = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, *sys.argv[1:]]);"
        "sys.stdin.read(1)"
    )
    command = [*python(source), str(tmp_path / "family.py")]
    async with running(NATIVE, command) as guest:
        numbers = await read_numbers(guest.stdout, 2)
        await guest.stdin.aclose()

        assert 0 == await guest.wait()
        assert [] == [pid for pid in numbers if runs(pid)]
        assert guest.pid not in numbers


async def test_a_paused_guest_goes_on_when_it_is_resumed():
    source = r"import os; os.write(1, b'ready\n'); os.write(1, os.read(0, 99))"
    async with running(NATIVE, python(source)) as guest:
        assert b"ready\n" == await guest.stdout.receive_some()
        guest.pause()
        await guest.stdin.send_all(b"said\n")
        with trio.move_on_after(0.3) as silence:
            await guest.stdout.receive_some()
        assert silence.cancelled_caught
        guest.resume()

        assert b"said\n" == await guest.stdout.receive_some()
        assert 0 == await guest.wait()


async def test_a_paused_guest_ends_with_its_context():
    async with running(NATIVE, python("import time; time.sleep(600)")) as guest:
        guest.pause()
        pid = guest.pid

    assert not runs(pid)


async def test_a_killed_guest_has_the_status_of_the_signal():
    async with running(NATIVE, python("import time; time.sleep(600)")) as guest:
        guest.kill()

        assert 128 + signal.SIGKILL == await guest.wait()


async def test_a_number_that_may_be_anybodys_is_not_signalled(monkeypatch):
    async with running(NATIVE, ["true"]) as guest:
        assert isinstance(guest.running, Guarded)
        guard = guest.running.process.pid
        wait_for(lambda: not runs(guard), "the guard still runs")  # nobody has heard its word
        signalled = []
        monkeypatch.setattr(os, "killpg", lambda *given: signalled.append(given))
        guest.kill()

        assert [] == signalled
        assert 0 == await guest.wait()


@pytest.mark.parametrize(
    ("number", "paused"),
    [
        (signal.SIGKILL, False),
        (signal.SIGKILL, True),
        (signal.SIGTERM, False),
        (signal.SIGINT, False),
    ],
)
def test_nothing_is_left_when_redlab_is_ended(tmp_path, number, paused):
    (tmp_path / "family.py").write_text(FAMILY)
    command = [sys.executable, "-m", "clients.lab", "hosts", "run", "native", "--"]
    with subprocess.Popen(
        [*command, str(tmp_path / "family.py")], stdout=subprocess.PIPE, text=True
    ) as redlab:
        assert redlab.stdout is not None
        numbers = [int(redlab.stdout.readline()) for _ in range(2)]
        assert [True, True] == [runs(pid) for pid in numbers]
        if paused:
            for pid in numbers:
                os.kill(pid, signal.SIGSTOP)
        redlab.send_signal(number)
        redlab.wait(20)
        expected = -number if number == signal.SIGKILL else 128 + number
        assert expected == redlab.returncode
        wait_for(lambda: not any(runs(pid) for pid in numbers), f"{numbers} still run")


TEMPORARY = """
import signal, tempfile, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(tempfile.mkdtemp(), flush=True)
time.sleep(600)
"""


async def test_temporary_files_of_its_own_end_with_a_command_that_has_to_be_killed():
    async with running(NATIVE, python(TEMPORARY), own_tmp=True) as guest:
        folder = trio.Path((await guest.stdout.receive_some()).decode().strip())
        assert await folder.is_dir()

    assert folder.parent.name.startswith("redlab-")
    assert not await folder.parent.exists()


async def test_a_guest_whose_guard_is_killed_ends_with_its_context():
    async with running(NATIVE, python("import time; time.sleep(600)")) as guest:
        assert isinstance(guest.running, Guarded)
        guest.running.process.kill()
        with pytest.raises(HostError, match="native: ended by a signal to its guard"):
            await guest.wait()

    wait_for(lambda: not runs(guest.pid), "it still runs")


COPIED = """
import sys, trio
from deploy.hosts.host import Host, HostError
from deploy.hosts.inheriting import copied
from deploy.hosts.running import running

async def main():
    command = ["python3", "-c", "import time; print('x' * 10**7); time.sleep(600)"]
    async with running(Host("native", "native"), command, limit_s=1) as guest:
        await copied(guest.stdin, guest.stdout, guest.wait)

try:
    trio.run(main)
except HostError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("stdout", "expected"),
    [("unread", "ended after its limit of 1 s\n"), ("full", "no space left on device\n")],
)
def test_a_reader_that_reads_not_or_a_full_disk_does_not_hold_it_up(stdout, expected):
    with ExitStack() as held:
        sink: int | IO[bytes] = subprocess.PIPE
        if stdout == "full":
            sink = held.enter_context(Path("/dev/full").open("wb"))
        command = [sys.executable, "-c", COPIED]
        copying = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, text=True
        )
        held.enter_context(copying)
        assert copying.stderr is not None

        assert 1 == copying.wait(20)
        assert copying.stderr.read().endswith(expected)


def test_nothing_gets_the_number_of_a_stream_that_was_closed():
    closing = ["sh", "-c", 'exec "$@" <&- >&-', "sh"]
    redlab = [sys.executable, "-m", "clients.lab", "hosts", "run", "native", "--"]
    source = (
        "import os, sys; print(*(os.readlink(f'/proc/self/fd/{n}') for n in (0, 1)),"
        " file=sys.stderr)"
    )
    ended = subprocess.run(
        [*closing, *redlab, *python(source)], stderr=subprocess.PIPE, timeout=40, text=True
    )

    assert (0, "/dev/null /dev/null\n") == (ended.returncode, ended.stderr)


def hosts_run(*arguments: str, **options) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "clients.lab", "hosts", "run", *arguments]
    return subprocess.run(command, capture_output=True, timeout=40, **options)


def test_hosts_run_is_as_if_the_command_ran_here(tmp_path):
    source = "import sys; print(sys.stdin.read(), end=''); sys.exit(sys.stderr.write('bad'))"
    data = b"\xc3\xa4\n"
    ended = hosts_run("native", "--", "python3", "-c", source, input=data, cwd=tmp_path)

    assert (3, data, b"bad") == (ended.returncode, ended.stdout, ended.stderr)


def test_hosts_run_says_in_one_line_that_the_time_was_up():
    ended = hosts_run("native", "--limit-s", "1", "--", *python("import time; time.sleep(600)"))

    assert (124, b"", b"redlab: native: ended after its limit of 1 s\n") == (
        ended.returncode,
        ended.stdout,
        ended.stderr,
    )


def test_a_working_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(HostError, match="the working folder was removed"):
        system.working_folder()


@pytest.mark.parametrize("limit", ["nan", "inf", "-1", "0.5", "soon"])
def test_a_limit_that_is_none_is_refused(limit):
    ended = hosts_run("native", "--limit-s", limit, "--", "true")

    assert (2, b"") == (ended.returncode, ended.stdout)
    assert b"'--limit-s'" in ended.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vax", b"redlab: no host vax: there are native, arm64"),
        ("alpha", b"redlab: host alpha is not built: redlab hosts build alpha\n"),
    ],
)
def test_hosts_run_says_what_is_wrong_with_a_host(tmp_path, name, expected):
    env = os.environ | {"REDIRD_HOSTS": str(tmp_path)}
    ended = hosts_run(name, "--", "python3", env=env)

    assert (1, b"") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith(expected)
    assert 1 == ended.stderr.count(b"\n")
