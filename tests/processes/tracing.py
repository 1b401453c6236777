"""A daemon whose system calls are watched, fail or are slow, by strace."""

import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def traced(requires, daemon, trace, *calls, inject=None):
    """Trace system calls of a daemon into a file, and make some fail or be slow."""
    what = ["-e", f"trace={','.join(calls)}", *(["-e", f"inject={inject}"] if inject else [])]
    command = [requires("strace"), "-f", "-y", *what, "-o", str(trace), "-p", str(daemon.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        try:
            if "attached" not in said:
                pytest.skip(f"strace may not attach: {said.strip()}")
            yield
        finally:
            strace.terminate()
