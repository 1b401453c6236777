"""Mounts for tests: a share server, and as many mounts of its share as a test asks for.

Each mount is a redirector of its own, as on a host of its own. Tests use them as programs do,
by system calls; everything is unmounted and ended whatever a test does.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.processes.daemons import GUEST, toml

READY_MAX_S = 20.0
END_MAX_S = 15.0
PRESET = "win10"


@dataclass
class Mount:
    """A mounted share and the process behind it."""

    at: Path
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class House:
    """A share server on this machine, its share's folder, and a stack of what is mounted."""

    folder: Path
    docs: Path
    tcp: str
    server: subprocess.Popen[bytes]
    stack: ExitStack

    def mount(self, name: str = "mnt", *options: str, preset: str = PRESET) -> Mount:
        """Mount the share in a folder of that name, until the test ends."""
        return self.stack.enter_context(mounted(self, name, *options, preset=preset))


@contextmanager
def house(folder: Path, **share: object) -> Iterator[House]:
    """Run a share server with the share `docs`; unmount and end everything at the end."""
    docs = folder / "docs"
    docs.mkdir(exist_ok=True)
    config = folder / "shareserver.toml"
    table = {
        "listen": ["tcp:127.0.0.1:0", f"unix:{folder}/shareserver.sock"],
        "accounts": GUEST,
        "shares": {"docs": {"path": str(docs), **share}},
    }
    config.write_text(toml(table))
    command = [sys.executable, "-m", "shareserver", "serve", "--json", "--config", str(config)]
    log = folder / "shareserver.log"
    with ExitStack() as stack:
        errors = stack.enter_context(log.open("wb"))
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        stack.callback(end, server)
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        tcp = next(one for one in ready["listening"] if one.startswith("tcp:"))
        with ExitStack() as mounts:
            yield House(folder, docs, tcp, server, mounts)
    assert "Traceback" not in log.read_text()


@contextmanager
def mounted(house: House, name: str, *options: str, preset: str) -> Iterator[Mount]:
    """Mount the share by a process of its own."""
    at, log = house.folder / name, house.folder / f"{name}.log"
    at.mkdir()
    command = [sys.executable, "-m", "redird", "mount", "//files/docs", str(at)]
    command += ["--server", f"files={house.tcp}", "--user", "guest", "--preset", preset]
    with log.open("wb") as errors:
        process = subprocess.Popen([*command, *options], stdout=errors, stderr=errors)
        try:
            wait_mounted(process, at, log)
            yield Mount(at, process, log)
        finally:
            subprocess.run(["umount", "-l", at], stderr=subprocess.DEVNULL)
            end(process)
    assert "Traceback" not in log.read_text(), log.read_text()


def wait_mounted(process: subprocess.Popen[bytes], at: Path, log: Path) -> None:
    """Wait until the share is there, or tell why it is not."""
    deadline = time.monotonic() + READY_MAX_S
    while not os.path.ismount(at):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"not mounted: {log.read_text()}"
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, if need be by force."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_MAX_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def run(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    """Run a program to its end, which must be a good one; returns what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert 0 == done.returncode, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout
