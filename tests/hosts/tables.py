"""What the tables are on this host, and what its kernel says, as one line of JSON.

Runs on emulated hosts as a file of its own. Nothing is judged here: `test_same.py` does, by
what is known of each architecture.
"""

import errno
import fcntl
import json
import os
import platform
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgpack
import trio

import clients.__main__ as redclient
from deploy.local import start
from redird.fuse import device, files, kernel, locks, replies, requests
from redird.fuse.errnos import ERRNOS, NotDone
from redird.wire import address
from redird.wire.errors import Refused
from redird.wire.messages import FileInfo
from shareserver.store import disk
from shareserver.store.errnos import STATUSES, refusal

NANO = 1_000_000_000
FLAGS = (
    *("O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK"),
    *("O_CLOEXEC", "O_PATH", "O_NOCTTY", "O_ACCMODE"),
)
LOCKS = ("F_RDLCK", "F_WRLCK", "F_UNLCK")
SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL", "SIGPIPE", "SIGSTOP", "SIGCONT", "SIGCHLD")
TIMES = (-(10**18) + 1, -1, 0, 2**31 * NANO + 1, 2**32 * NANO + 999_999_999)
BIG = 5 * 2**30
SLEEPS = "import json, time; print(json.dumps({'ready': True}), flush=True); time.sleep(60)"


def status_of(call: Callable[..., Any], *args: Any) -> str:
    """By which status a share server would refuse what this kernel refuses."""
    try:
        call(*args)
    except OSError as error:
        return refusal(error, "").status.name
    except Refused as no:
        return no.status.name
    return "STATUS_SUCCESS"


def errors_of_the_kernel(folder: Path) -> dict[str, str]:
    """Real refusals of this kernel, each as the server's table tells them."""
    full, link = folder / "full", folder / "loop"
    full.mkdir()
    (full / "file").write_bytes(b"x")
    link.symlink_to(link)
    reading = os.open(full / "file", os.O_RDONLY)
    calls: dict[str, tuple[Callable[..., Any], Any]] = {
        "rmdir full": (os.rmdir, full),
        "open missing": (os.stat, full / "none"),
        "mkdir again": (os.mkdir, full),
        "through a file": (os.stat, full / "file" / "x"),
        "round a loop": (os.stat, link),
        "long name": (os.stat, full / ("x" * 256)),
        "unlink folder": (os.rmdir, full / "file"),
        "open folder": (lambda path: os.open(path, os.O_RDWR), full),
        "into itself": (lambda path: os.rename(path, path / "below"), full),
        "bad descriptor": (os.fstat, 999_999),
        "write while reading": (lambda path: os.write(reading, b"x"), full),
    }
    told = {what: status_of(call, path) for what, (call, path) in calls.items()}
    os.close(reading)
    return told


def store_of_this_host(folder: Path) -> dict[str, Any]:
    """The share server's own disk: what is beneath, sizes over 4 GiB, times of any century."""
    store = disk.DiskStore(str(folder))
    (folder / "out").symlink_to("/")
    found: dict[str, Any] = {
        "outside": status_of(store.info, "out/etc"),
        "missing": status_of(store.info, "none"),
        "full": status_of(lambda: store.remove_directory("full")),
    }
    big, _ = store.open("big", writable=True, create="must", directory=False)
    with closing(big) as file:
        file.write(BIG, b"beyond")
        found["big"] = [file.info().size, bytes(file.read(BIG, 9)).decode()]
        found["data"] = file.seek(BIG + 1, False) - BIG
        found["room"] = status_of(file.allocate, 0, 2**32 - 4, 8)
        found["times"] = [times_kept(file, ns) for ns in TIMES]
    return found


def times_kept(file: Any, ns: int) -> str:
    try:
        file.set_info(mtime_ns=ns, atime_ns=ns)
    except Refused as no:
        return no.status.name
    return "kept" if file.info().mtime_ns == ns else str(file.info().mtime_ns)


def access_of(flags: int) -> int | str:
    try:
        return files._access(flags)
    except NotDone as no:
        return str(no)


def fuse_side() -> dict[str, Any]:
    """What this kernel's numbers mean to a mount here."""
    header = struct.Struct("=IIQQIIIHxx")
    body = struct.pack("=QqQQI4xI4x", 1, 2, 5, 9, fcntl.F_WRLCK, 0)
    packet = header.pack(header.size + len(body), kernel.Opcode.SETLK, 7, 1, 0, 0, 9, 0) + body
    lock = requests.parse(memoryview(packet)).body
    return {
        "errnos": {status.name: number for status, number in ERRNOS.items()},
        "access": [access_of(flags) for flags in range(4)] + [access_of(os.O_TRUNC)],
        "lock": [lock.kind, *locks._range(lock)],
        "unlocked": struct.unpack("=QQII", replies.lock(0, 0, fcntl.F_UNLCK))[2],
        "refused": struct.unpack("=IiQ", replies.failure(7, errno.ENOTEMPTY))[1],
        "pages": kernel.REQUEST_BYTES_MAX // kernel.PAGE_BYTES * os.sysconf("SC_PAGE_SIZE"),
        "kill": device._SIGKILL_BIT,
    }


async def process_here() -> list[str]:
    """A process of this host is stopped, goes on, and ends."""
    states = []
    async with start([sys.executable, "-c", SLEEPS], ready_max_s=60) as process:
        for step in (process.pause, process.resume):
            step()
            states.append(await state_of(process.process.pid))
        status = await process.terminate()
    return [*states, signal.Signals(-status).name]


async def state_of(pid: int) -> str:
    """Whether it is stopped, once that has settled."""
    seen = ""
    for _ in range(20):
        await trio.sleep(0.05)
        stat = await trio.Path(f"/proc/{pid}/stat").read_text()
        seen = "stopped" if stat.rpartition(")")[2].split()[0] == "T" else "runs"
    return seen


async def peer_is_me(folder: Path) -> bool:
    """Who is at the other end of a unix socket."""
    where = address.Address("unix", str(folder / "socket"))
    async with trio.open_nursery() as nursery:
        (listener,) = await address.listen(where)
        nursery.start_soon(address.dial, where)
        stream = await listener.accept()
        await listener.aclose()
        return address.peer_uid(stream) == os.getuid()


def listed(ns: int) -> str:
    info = FileInfo(1, "file", 1, 1, 0o644, ns, ns, ns)
    return str(redclient._row("x", info)["changed"])[:4]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tables-") as name:
        folder = Path(name)
        told = {
            "machine": platform.machine(),
            "bits": sys.maxsize.bit_length() + 1,
            "msgpack": msgpack.Packer.__module__,
            "flags": {one: getattr(os, one) for one in FLAGS},
            "locks": {one: getattr(fcntl, one) for one in LOCKS},
            "signals": {one: int(getattr(signal, one)) for one in SIGNALS},
            "socket": [socket.SOL_SOCKET, socket.SO_PEERCRED],
            "fuse": fuse_side(),
            "server": {errno.errorcode[number]: one.name for number, one in STATUSES.items()},
            "kernel": errors_of_the_kernel(folder),
            "store": store_of_this_host(folder),
            "process": trio.run(process_here),
            "peer": trio.run(peer_is_me, folder),
            "years": [listed(ns) for ns in (*TIMES, 2**63 - 1)],
        }
    print(json.dumps(told, sort_keys=True), flush=True)


if __name__ == "__main__":
    main()
