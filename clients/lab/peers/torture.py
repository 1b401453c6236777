"""What peers print, read back: smbtorture, and dbench which has its load files in common."""

import re
import statistics
from dataclasses import dataclass

_PROGRESS = re.compile(
    r"^\s*(\d+)\s+(\d+)\s+[\d.]+ MB/sec\s+(warmup|execute)\s+(\d+) sec", re.MULTILINE
)
_THROUGHPUT = re.compile(r"^Throughput ([\d.]+) MB/sec", re.MULTILINE)
_CONNECTIONS = re.compile(r"^(\d+) connections/sec$", re.MULTILINE)
_ENDED = re.compile(r"^\[(\d+)\] client \d+ exiting with status 1$", re.MULTILINE)
_OPENS = re.compile(r"open\[num/s=(\d+),")


class NotUnderstood(Exception):
    """A peer printed something else than it does; the argument is what."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """MB are millions of bytes read and written; an operation is a line of the file."""

    mb_per_s: float
    operations_per_s: float


def nbench(text: str) -> Throughput:
    """Read `bench.nbench`: its last word on bytes, and its lines of progress, each of which
    tells how far the clients are on average.
    """
    throughput = _THROUGHPUT.search(text)
    told = [
        (one[3], int(one[1]) * int(one[2]), int(one[4])) for one in _PROGRESS.finditer(text)
    ]
    counted = [(lines, second) for phase, lines, second in told if phase == "execute"]
    if throughput is None or not counted or "\nfailure" in text:
        raise NotUnderstood(text[-500:])
    before = max((lines for phase, lines, _ in told if phase == "warmup"), default=0)
    lines, second = counted[-1]
    return Throughput(float(throughput[1]), (lines - before) / second)


def ended_at(text: str, line: int) -> None:
    """See to it that one client of `bench.nbench` ended itself at that line of its file."""
    ended = _ENDED.findall(text)
    if ended != [str(line)]:
        raise NotUnderstood(text[-500:])


def mb_per_s(text: str) -> float:
    """Read the last word of `dbench`, in MB of bytes read and written."""
    throughput = _THROUGHPUT.search(text)
    if throughput is None or "\nfailure" in text:
        raise NotUnderstood(text[-500:])
    return float(throughput[1])


def opens_per_s(text: str) -> float:
    """Read `smb2.bench.path-contention-shared`: the median of its seconds."""
    told = [int(one) for one in _OPENS.findall(text)]
    if not told or "\nfailure" in text:
        raise NotUnderstood(text[-500:])
    return statistics.median(told)


def connections(text: str) -> int:
    """Read `raw.bench-tcon`: the sum of its seconds. What it calls the total is a mean that
    counts a second more, in which nothing is begun.
    """
    told = [int(one) for one in _CONNECTIONS.findall(text)]
    if not any(told) or "\nfailure" in text:
        raise NotUnderstood(text[-500:])
    return sum(told)
