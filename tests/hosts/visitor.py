"""What a test does on a host: it is run there, and says what it found as a line of JSON.

Standard input: lines `clock`, answered with the time there, then `go`, then bytes. Standard
output after the answers: a line of JSON, then the bytes again. Standard error: a line.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio

from clients.session import logon
from deploy.local import python_module, start

STATUS = 7
READY_MAX_S = 120.0


async def session(server: str) -> str:
    """What a session there reads, through a redirector there, from the server's share."""
    with tempfile.TemporaryDirectory() as folder:
        config = trio.Path(folder, "redird.toml")
        at = f"unix:{folder}/redird.sock"
        await config.write_text(f'listen = ["{at}"]\n[servers]\nfiles = "{server}"\n')
        command = python_module("redird", "serve", "--json", "--config", str(config))
        async with (
            start(command, ready_max_s=READY_MAX_S),
            logon(at, "guest") as user,
            user.open(r"\\files\docs\a.txt", "rb") as file,
        ):
            return (await file.read()).decode()


def respawned() -> str:
    """What another interpreter says that this one started by the name it knows itself by."""
    command = [sys.executable, "-c", "import os; print(os.uname().machine)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Do it."""
    brought, server = sys.argv[1:]
    while sys.stdin.buffer.readline() != b"go\n":
        print(time.time_ns(), flush=True)
    found = {
        "machine": os.uname().machine,
        "respawned": respawned(),
        "python": sys.version_info[:2],
        "folder": str(Path.cwd()),
        "brought": Path(brought).read_text(),
        "read": trio.run(session, server),
    }
    print(json.dumps(found), flush=True)
    sys.stdout.buffer.write(sys.stdin.buffer.read())
    print("apart", file=sys.stderr)
    sys.exit(STATUS)


if __name__ == "__main__":
    main()
