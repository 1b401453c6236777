"""Mounts for tests, gone when the test is, whatever became of their daemons."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import needs_package
from tests.processes.daemons import Daemon, command


def require_fuse() -> None:
    """Skip a test where nothing can be mounted."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("no /dev/fuse here")
    if os.geteuid() != 0:
        needs_package("fusermount3", "fuse3")


def is_mounted(at: Path) -> bool:
    """Whether anything is mounted there."""
    return f" {at} fuse" in Path("/proc/self/mounts").read_text()


@contextmanager
def mounted(redirector: Daemon, at: Path, share: str = "//files/docs") -> Iterator[Path]:
    """A share mounted by a running redirector."""
    require_fuse()
    at.mkdir(exist_ok=True)
    done = command("redird", "mount", share, str(at), "--redird", redirector.unix)
    try:
        if done.status and "Operation not permitted" in done.err:
            pytest.skip("mounting is forbidden here")
        assert not done.status, done.err
        yield at
    finally:
        detach(at)


def detach(at: Path) -> None:
    """End a mount by all means."""
    while is_mounted(at):
        program = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run([*program, str(at)], check=True, capture_output=True)
