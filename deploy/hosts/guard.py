"""A program that runs another and lets nothing of it stay, whatever happens to who asked.

    python -I -S guard.py CONTROL LIMIT_S TMP COMMAND...

CONTROL is a connected socket's descriptor. The guard says `pid N` there, and at the end
`ended STATUS`, `limit` or `failed REASON`. The socket's other end closes when whoever holds it
ends, even by SIGKILL: then the command must end too. The command has a process group of its
own, so that it can be stopped as a whole and the guard still watches. Who left that group is
found all the same: this process inherits the orphans among its descendants. If TMP is `own`,
the command's temporary files are in a folder that goes after it: who is killed cannot tidy up.
"""

import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
TERMINATE_WAIT_S = 2.0
KILL_WAIT_S = 10.0
TURN_S = 0.005
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Run the command and say how it ended."""
    control, limit_s, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[4:]
    with _own_tmp() if sys.argv[3] == "own" else nullcontext():
        ending = _run(control, limit_s, command)
    _say(control, ending)


@contextmanager
def _own_tmp() -> Iterator[None]:
    import shutil  # few commands need these, and each waits for its guard
    import tempfile

    folder = tempfile.mkdtemp(prefix="redlab-")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(control: int, limit_s: float, command: list[str]) -> str:
    """Run it, and return how it ended when nothing of it runs."""
    os.set_inheritable(control, False)  # it is ours, not the command's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # QEMU writes its guests' into the folder
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    until_s = time.monotonic() + limit_s
    waking = _wake_on(signal.SIGCHLD, *ENDING)
    try:
        # Python ignores this signal, and a program begins with what its parent ignored.
        pid = os.posix_spawnp(
            command[0], command, os.environ, setpgroup=0, setsigdef=[signal.SIGPIPE]
        )
    except OSError as error:
        return f"failed {error.strerror}"
    _say(control, f"pid {pid}")
    _let_go_of_all_but(control, *waking)
    ending = _watch(pid, control, waking[0], until_s)
    _clear(pid)
    return ending


def _watch(pid: int, control: int, waking: int, until_s: float) -> str:
    """Wait for the first of: the command's end, our parent's, a signal, the limit."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(waking, select.POLLIN)
    while (left_s := until_s - time.monotonic()) > 0:
        status = _ended(pid)
        if status is not None:
            return f"ended {status}"
        heard = [descriptor for descriptor, _ in poll.poll(min(left_s, 3600.0) * 1000 + 1)]
        if control in heard or (waking in heard and set(os.read(waking, 64)) & set(ENDING)):
            return "asked"
    return "limit"


def _ended(pid: int) -> int | None:
    """The command's status as a shell has it, if it ended; orphans that ended are buried.

    The command itself is not: its number stays its group's, and nobody else's.
    """
    while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if found.si_pid == pid:
            by_signal = found.si_code != os.CLD_EXITED
            return found.si_status + (128 if by_signal else 0)
        os.waitpid(found.si_pid, 0)
    return None


def _clear(group: int) -> None:
    """End all that is left: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGCONT):  # who is stopped hears nothing
        with suppress(OSError):
            os.killpg(group, number)
    until_s = time.monotonic() + TERMINATE_WAIT_S
    while not _buried() and time.monotonic() < until_s:
        time.sleep(TURN_S)
    until_s = time.monotonic() + KILL_WAIT_S
    while not _buried() and time.monotonic() < until_s:
        for pid in _children():  # and theirs become ours
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(TURN_S)


def _buried() -> bool:
    """Whether nobody is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _children() -> list[int]:
    return [
        int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    ]


def _wake_on(*numbers: int) -> tuple[int, int]:
    """A pipe that gets a byte for each of these signals."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reader, writer


def _let_go_of_all_but(*kept: int) -> None:
    """Whoever reads what the command writes shall see it end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor <= 2:
            os.dup2(nothing, descriptor)
        elif descriptor not in kept:
            with suppress(OSError):  # the listing's own
                os.close(descriptor)


def _say(control: int, text: str) -> None:
    with suppress(OSError):  # nobody hears it
        os.write(control, f"{text}\n".encode())


if __name__ == "__main__":
    main()
