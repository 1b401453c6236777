"""`redlab hosts build`: steps that are kept, interrupted, repeated, told when they fail.

The steps are small scripts; the real ones are built by `.ci/run`.
"""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.hosts.keeping import using
from deploy.hosts.locking import locked
from tests.architecture import ROOT
from tests.processes.alive import WAIT_MAX_S, runs, wait_for

# A step writes its name into `did` beside the scripts each time it is run.
SCRIPTS = {
    "library": 'echo one > "$OUT/library"',
    "root": 'mkdir -p "$OUT/usr/bin"; cp "$FROM_LIBRARY/library" "$OUT/usr/bin/python3.11"',
    "kernel": 'echo one > "$OUT/kernel"',
    "initramfs": 'cat "$FROM_ROOT/usr/bin/python3.11" > "$OUT/base.cpio"',
}
# The first time it waits to be killed; it goes on where it was.
WAITING = """
    if [ ! -e half ]; then
      sleep 1000 &
      echo $! > half
      cp half "$(dirname "$0")/waits"
      wait
    fi
    mv half "$OUT/library"
"""


class Hosts:
    """`redlab hosts` with small steps, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        for part, text in SCRIPTS.items():
            self.write(part, text)

    def write(self, part: str, text: str) -> None:
        did = f'echo {part} >> "$(dirname "$0")/did"'
        (self.folder / f"{part}.sh").write_text(f"set -eu\n{did}\n{text}\n")

    def did(self) -> list[str]:
        """Which steps were run since this was last asked."""
        path = self.folder / "did"
        done = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return done

    @contextmanager
    def begun(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "tests.processes.small_hosts", str(self.folder)]
        with subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            env=os.environ | {"REDIRD_HOSTS": str(self.cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        with self.begun(*arguments) as process:
            out, err = process.communicate(timeout=WAIT_MAX_S)
        assert status == process.returncode, out + err
        assert "Traceback" not in err
        return out, err

    def keys(self) -> dict[str, str]:
        """Which results the host is made of."""
        record: dict[str, dict[str, str]] = json.loads(
            (self.cache / "hosts/alpha.json").read_text()
        )
        return record["keys"]

    def listed(self, mode: str = "system") -> dict[str, object]:
        rows = json.loads(self.run("list", "--json")[0])["hosts"]
        (row,) = (row for row in rows if (row["arch"], row["mode"]) == ("alpha", mode))
        return row


@pytest.fixture
def hosts(tmp_path):
    return Hosts(tmp_path)


def waiting_pid(hosts: Hosts) -> int:
    """The process that a step waits for, once it does."""
    path = hosts.folder / "waits"
    wait_for(lambda: path.exists() and path.read_text().strip(), "no step waits")
    return int(path.read_text())


def test_a_host_is_built_once_and_then_kept(hosts):
    out, _ = hosts.run("build", "alpha")

    assert "alpha and alpha-system are ready" in out
    assert {"library", "root", "kernel", "initramfs"} == set(hosts.did())
    assert hosts.listed()["ready"]
    assert [] == list((hosts.cache / "work").iterdir())

    ready = json.loads(hosts.run("build", "alpha", "--json")[0])

    assert ready["ok"]
    assert ready["hosts"]["alpha"]["ready"]
    assert [] == hosts.did()


def test_a_changed_step_and_what_is_made_from_it_are_made_anew(hosts):
    hosts.run("build", "alpha")
    hosts.did()
    hosts.write("root", SCRIPTS["root"] + '; echo two >> "$OUT/usr/bin/python3.11"')

    assert hosts.listed()["outdated"]
    hosts.run("build", "alpha")

    assert ["root", "initramfs"] == hosts.did()
    (archive,) = (path for path in hosts.cache.rglob("base.cpio") if "two" in path.read_text())
    assert not hosts.listed()["outdated"]

    removed = json.loads(hosts.run("clean", "--json")[0])["removed"]

    assert ["alpha-initramfs", "alpha-root"] == [Path(name).parts[1] for name in removed]
    assert hosts.listed()["ready"]
    assert archive.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_build_leaves_nothing_running_and_goes_on_later(hosts, number):
    hosts.write("library", WAITING)
    with hosts.begun("build", "alpha") as process:
        pid = waiting_pid(hosts)
        process.send_signal(number)
        _, err = process.communicate(timeout=WAIT_MAX_S)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert "Traceback" not in err
    wait_for(lambda: not runs(pid), "what a step started still runs")
    assert "library" in hosts.did()

    hosts.run("build", "alpha")

    assert {"library", "root", "initramfs"} <= set(hosts.did())
    (result,) = (hosts.cache / "steps/alpha-library").glob("*/library")
    assert f"{pid}\n" == result.read_text()


@pytest.mark.parametrize("lost", ["remove", "empty"])
def test_a_result_that_lost_its_main_file_is_made_anew(hosts, lost):
    hosts.run("build", "alpha")
    hosts.did()
    (archive,) = (hosts.cache / "steps/alpha-initramfs").glob("*/base.cpio")
    if lost == "remove":
        archive.unlink()
    else:
        archive.write_bytes(b"")
    assert not hosts.listed()["ready"]

    hosts.run("build", "alpha")

    assert ["initramfs"] == hosts.did()
    assert "one\n" == archive.read_text()
    assert hosts.listed()["ready"]


def test_a_step_that_fails_is_told_with_the_end_of_its_log(hosts):
    hosts.write("root", "seq 100; echo cannot do it; exit 3")

    out, err = hosts.run("build", "alpha", status=1)

    assert "" == out
    assert "alpha-root failed with status 3" in err
    assert "\ncannot do it\n" in err
    assert "\n50\n" not in err
    log = Path(err.strip().splitlines()[-1].partition("all of it: ")[2])
    assert "\n50\n" in log.read_text()
    assert not hosts.listed()["ready"]


def test_a_build_that_fails_leaves_the_host_that_was_there_before(hosts):
    hosts.run("build", "alpha")
    made = hosts.keys()
    hosts.write("library", 'echo other > "$OUT/library"')
    hosts.write("root", "exit 3")  # when the library is there
    hosts.run("build", "alpha", status=1)
    hosts.run("clean")

    assert made == hosts.keys()
    assert hosts.listed()["ready"]

    hosts.write("root", SCRIPTS["root"])
    hosts.run("build", "alpha")

    changed = {part for part, key in hosts.keys().items() if key != made[part]}
    assert {"library", "root", "initramfs"} == changed


def test_a_step_that_cannot_go_on_where_it_was_begins_anew(hosts):
    torn = '[ ! -e torn ] || exit 3; touch torn; [ -e "$0.on" ] || exit 4'
    hosts.write("library", f"{torn}; {SCRIPTS['library']}")
    hosts.run("build", "alpha", status=1)
    (hosts.folder / "library.sh.on").touch()
    hosts.did()

    hosts.run("build", "alpha")

    assert ["library", "library"] == [part for part in hosts.did() if part == "library"]
    assert hosts.listed()["ready"]


def test_of_two_builds_at_once_one_waits_for_the_other(hosts):
    hosts.write("library", WAITING.replace("wait\n", 'while [ ! -e "$0.go" ]; do :; done\n'))
    with hosts.begun("build", "alpha") as first:
        pid = waiting_pid(hosts)
        with hosts.begun("build", "alpha") as second:
            assert second.stderr is not None
            told = second.stderr.readline()
            (hosts.folder / "library.sh.go").touch()
            os.kill(pid, signal.SIGKILL)
            assert 0 == first.wait(WAIT_MAX_S)
            assert 0 == second.wait(WAIT_MAX_S)
    assert f"alpha is being built or cleaned by process {first.pid}: waiting for it\n" == told
    assert ["initramfs", "kernel", "library", "root"] == sorted(hosts.did())


def test_packages_that_this_machine_lacks_are_named_with_what_installs_them(hosts, requires):
    requires("dpkg-query", "dpkg")
    (hosts.folder / "lacking").write_text("bash no-such-compiler no-such-make")

    _, err = hosts.run("build", "alpha", status=1)

    lacking = "no-such-compiler, no-such-make"
    line = "apt-get install --no-install-recommends no-such-compiler no-such-make"
    assert f"redlab: this machine lacks {lacking}: {line} (or --install)\n" == err
    assert [] == hosts.did()


@pytest.mark.parametrize("name", ["my hosts", "hosts:2"])
def test_a_folder_that_no_compiler_can_work_in_is_refused_at_once(tmp_path, name, requires):
    requires("dpkg-query", "dpkg")
    folder = tmp_path / name

    done = subprocess.run(
        [sys.executable, "-m", "clients.lab", "hosts", "build", "alpha"],
        env=os.environ | {"REDIRD_HOSTS": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WAIT_MAX_S,
    )

    why = "alpha cannot be compiled in a folder with a blank or a colon in its name"
    told = f"redlab: {str(folder)!r}: {why}: set REDIRD_HOSTS to another\n"
    assert (1, told) == (done.returncode, done.stderr)
    assert not folder.exists()


def test_everything_can_be_cleaned_away(hosts):
    hosts.run("build", "alpha")
    for name in ("alpha-0ff1ce", "vax-0ff1ce"):
        (hosts.cache / "python" / name).mkdir(parents=True)

    out, _ = hosts.run("clean", "--all")

    assert "given back" in out
    assert not hosts.listed("user")["ready"]
    assert ["locks"] == [path.name for path in hosts.cache.iterdir() if list(path.iterdir())]
    assert "nothing to remove" in hosts.run("clean", "--all")[0]


def test_what_a_running_host_uses_is_not_cleaned_away(hosts):
    hosts.run("build", "alpha")
    (used,) = (hosts.cache / "steps/alpha-root").iterdir()
    with using([used]):
        out, err = hosts.run("clean", "--all", "--json")

    name = str(used.relative_to(hosts.cache))
    assert [name] == json.loads(out)["in_use"]
    assert f"kept {name}: a host that runs uses it\n" == err
    assert (used / "usr/bin/python3.11").exists()


@pytest.mark.parametrize("command", ["list", "clean"])
def test_a_cache_that_cannot_be_used_is_one_line(hosts, command):
    hosts.cache = hosts.folder / ("long" * 100)

    _, err = hosts.run(command, status=1)

    assert err.startswith(f"redlab: {hosts.cache}")
    assert err.endswith(": file name too long\n")
    assert 1 == err.count("\n")


async def test_a_full_disk_can_be_cleaned(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path))
    monkeypatch.setattr(os, "pwrite", full)
    async with locked("alpha", print):
        with (tmp_path / "locks/alpha").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_an_architecture_that_there_is_not_is_refused(hosts):
    _, err = hosts.run("build", "vax", status=2)

    assert "'vax' is not" in err
