"""A folder of a share and a symlink out of it change places, all the time, under the server.

That is how CVE-2017-2619 and its like are raced, with strace to keep the server long between
looking at a path and using it. Whatever is asked by way of that name, nothing outside the share
is told, made, changed or removed.
"""

import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

from clients.errors import SessionError
from clients.session import logon
from redird.wire.status import Status
from tests.processes.daemons import stage
from tests.processes.tracing import traced

SECRET, PUBLIC = b"secret" * 100, b"public"
ROUNDS = 400
PATH_CALLS = ("openat2", "openat", "renameat2", "unlinkat", "mkdirat", "linkat", "symlinkat")
SLOW = f"{','.join(PATH_CALLS)}:delay_enter=300"  # microseconds
SWAP = """
import ctypes, os, sys
libc, folder = ctypes.CDLL(None, use_errno=True), os.open(sys.argv[1], os.O_RDONLY)
exchange = (folder, b"d", folder, b"way_out", 2)  # RENAME_EXCHANGE
print("swapping", flush=True)
while libc.renameat2(*exchange) == 0:
    pass
raise OSError(ctypes.get_errno(), "renameat2")
"""


@contextmanager
def swapping(share):
    """Two names of a share change places as fast as one process can do it."""
    command = [sys.executable, "-c", SWAP, str(share)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as swapper:
        assert swapper.stdout is not None
        try:
            assert "swapping\n" == swapper.stdout.readline()
            yield
            assert swapper.poll() is None  # to the end
        finally:
            swapper.kill()


def everything(folder):
    """All that is in a folder: names, kinds, modes, times of change, contents."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path.name] = (status.st_mode, status.st_nlink, status.st_ctime_ns, content)
    return found


async def read_file(session, path, number):
    async with session.open(f"{path}/f", "rb") as file:
        assert PUBLIC == await file.read()


async def write_file(session, path, number):
    async with session.open(f"{path}/w{number % 3}", "wb") as file:
        await file.write(b"of the share")


async def overwrite(session, path, number):
    async with session.open(f"{path}/f", "r+b") as file:
        await file.write(PUBLIC)


async def look(session, path, number):
    assert len(PUBLIC) == (await session.stat(f"{path}/f")).size


async def list_folder(session, path, number):
    assert "only_outside" not in {entry.name for entry in await session.listdir(path)}


async def make(session, path, number):
    await session.mkdir(f"{path}/m{number}")


async def remove(session, path, number):
    await session.rmdir(f"{path}/m{number - 1}")


async def rename(session, path, number):
    await session.rename(f"{path}/w0", f"{path}/w1", replace=True)


async def unlink(session, path, number):
    await session.unlink(f"{path}/w2")


async def link(session, path, number):
    await session.symlink(f"{path}/s{number}", "f")
    await session.link(f"{path}/f", f"{path}/l{number}")


ACTS = (
    read_file,
    write_file,
    overwrite,
    look,
    list_folder,
    make,
    remove,
    rename,
    unlink,
    link,
)


async def test_nothing_outside_is_reached_while_a_folder_turns_into_a_way_out(
    tmp_path, requires
):
    outside = tmp_path / "outside"
    for folder, content in ((outside, SECRET), (tmp_path / "docs" / "d", PUBLIC)):
        folder.mkdir(parents=True)
        for name in ("f", "w0", "w1", "w2"):
            (folder / name).write_bytes(content)
    (outside / "only_outside").mkdir()
    (tmp_path / "docs" / "way_out").symlink_to(outside)
    before = everything(outside)
    done: Counter[str] = Counter()
    refused: Counter[Status] = Counter()
    async with stage(tmp_path) as house, logon(house.server.unix, "guest") as session:
        with (
            traced(requires, house.server, tmp_path / "trace", *PATH_CALLS, inject=SLOW),
            swapping(house.docs),
        ):
            for number in range(ROUNDS):
                act = ACTS[number % len(ACTS)]
                try:
                    await act(session, "//files/docs/d", number)
                    done[act.__name__] += 1
                except SessionError as no:
                    refused[no.status] += 1

    assert before == everything(outside)
    assert {act.__name__ for act in ACTS} == set(done)  # each was raced, and won, at times
    assert 0 < refused[Status.STATUS_ACCESS_DENIED] < ROUNDS
