"""Process 1 of an emulated machine: it runs the machine's one command, `/redird/command`.

What the command reads and writes goes through a port each, so that every byte comes as it is;
over the port `control` this program asks for the time and says when a stream has ended, after
how many bytes, and with what status the command did. If this program fails, the kernel
panics, and whoever started the machine reads why on its console.

It imports little, for an import takes long on an emulated processor.
"""

import _thread  # what `threading` stands on
import os
import signal
import time

PORTS = "/sys/class/virtio-ports"
PORTS_WAIT_S = 30.0
COMMAND = ("/bin/busybox", "sh", "/redird/command")
CHUNK = 65_536
CLOCK_ASKS_MAX = 20
ROUND_TRIP_GOOD_NS = 4_000_000


def main() -> None:
    """Set the clock, run the command, carry its streams, say how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python's own answer would be a panic
    ports = open_ports()
    control = ports["control"]
    set_clock(control)
    pid, stdin, stdout, stderr = start()
    carry_in_thread(control, "stdin", ports["stdin"], stdin)
    flows = [
        carry_in_thread(control, "stdout", stdout, ports["stdout"]),
        carry_in_thread(control, "stderr", stderr, ports["stderr"]),
    ]
    status = wait(pid)
    end_all_others()
    for flow in flows:
        flow.acquire()
    say(control, f"ended {status}")
    while True:  # until the machine is switched off
        signal.pause()


def open_ports() -> dict[str, int]:
    """Open what leads out of the machine. `control` comes last there: the others are ready."""
    until_s = time.monotonic() + PORTS_WAIT_S
    found: dict[str, str] = {}
    while "control" not in found and time.monotonic() < until_s:
        time.sleep(0.01)
        found = {name_of(device): device for device in os.listdir(PORTS)}
    return {name: os.open(f"/dev/{found[name]}", os.O_RDWR) for name in found if name}


def name_of(device: str) -> str:
    """A port's name, which comes a moment after the port."""
    try:
        with open(f"{PORTS}/{device}/name", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def set_clock(control: int) -> None:
    """Take the host's time, as of the middle of the shortest round trip."""
    shortest_ns, ahead_ns = 1 << 62, 0
    for _ in range(CLOCK_ASKS_MAX):
        asked_ns = time.monotonic_ns()
        say(control, "clock")
        theirs_ns = int(os.read(control, 64))
        heard_ns = time.monotonic_ns()
        if heard_ns - asked_ns < shortest_ns:
            shortest_ns = heard_ns - asked_ns
            ahead_ns = theirs_ns - (asked_ns + heard_ns) // 2
        if shortest_ns < ROUND_TRIP_GOOD_NS:
            break
    time.clock_settime_ns(time.CLOCK_REALTIME, time.monotonic_ns() + ahead_ns)


def start() -> tuple[int, int, int, int]:
    """Start the command: its number, and our ends of its streams."""
    theirs_in, stdin = os.pipe()
    stdout, theirs_out = os.pipe()
    stderr, theirs_err = os.pipe()
    theirs = (theirs_in, theirs_out, theirs_err)
    pid = os.posix_spawn(
        COMMAND[0],
        COMMAND,
        {},
        file_actions=[(os.POSIX_SPAWN_DUP2, one, number) for number, one in enumerate(theirs)],
        setpgroup=0,
        setsigdef=[signal.SIGPIPE, signal.SIGINT],
    )
    for one in theirs:
        os.close(one)
    return pid, stdin, stdout, stderr


def carry_in_thread(control: int, name: str, source: int, sink: int) -> _thread.LockType:
    """Carry a stream; the lock is free when it has ended."""
    busy = _thread.allocate_lock()
    busy.acquire()

    def run() -> None:
        carry(control, name, source, sink)
        busy.release()

    _thread.start_new_thread(run, ())
    return busy


def carry(control: int, name: str, source: int, sink: int) -> None:
    """Carry a stream to its end and say how long it was."""
    count = 0
    try:
        while part := os.read(source, CHUNK):
            count += len(part)
            while part:
                part = part[os.write(sink, part) :]
    except BrokenPipeError:
        pass  # the command reads no more
    if name == "stdin":
        os.close(sink)
    say(control, f"{name} {count}")


def wait(pid: int) -> int:
    """Wait for the command's end, burying orphans: its status as a shell has it."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_all_others() -> None:
    """What the command left running holds its streams open."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        return


def say(control: int, text: str) -> None:
    """Tell the host."""
    os.write(control, f"{text}\n".encode())


if __name__ == "__main__":
    main()
