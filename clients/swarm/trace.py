"""What every session is to do, and when: made from a workload, or recorded, kept as a file.

A file of JSON lines: the first says what it is, each further one is a session.

    {"format": "redird-trace", "version": 1, "closed": false}
    {"user": 0, "at_s": 0.25, "length_s": 60.0, "visits": [[1.5, 3, false], [59.9, 3, true]]}
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

FORMAT, VERSION = "redird-trace", 1
SESSIONS_MAX = 10_000_000
VISITS_MAX = 100_000  # of one session
LINE_CHARACTERS_MAX = 8_000_000
FIELDS = ("user", "at_s", "length_s", "visits")


class TraceError(Exception):
    """A trace that cannot be used: the line, the field, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One file operation: open, read or write, close."""

    at_s: float  # after the session was admitted
    file: int  # which of the share's files
    write: bool


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """One session: when it is to begin, how long it stays, what it does meanwhile.

    `user`: open workloads have a new number for each, closed ones the user's. `at_s`: open:
    the intended start since the run's begin; closed: the think time since the user's previous
    attempt ended. `length_s`: from admission to logoff. `visits` are sorted and before it.
    """

    user: int
    at_s: float
    length_s: float
    visits: tuple[Visit, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """All sessions of a run; `closed`: each user's sessions follow one another.

    Open: sorted by (at_s, user). Closed: by user, each user's in order.
    """

    closed: bool
    sessions: tuple[PlannedSession, ...]


def shard_of(trace: Trace, shard: int, shards: int) -> Iterator[PlannedSession]:
    """The sessions of one shard; a user is in one only, and all shards make the trace."""
    return (one for one in trace.sessions if one.user % shards == shard)


def write(trace: Trace) -> Iterator[str]:
    """The lines of a trace, each with its newline."""
    yield json.dumps({"format": FORMAT, "version": VERSION, "closed": trace.closed}) + "\n"
    for session in trace.sessions:
        visits = [[visit.at_s, visit.file, visit.write] for visit in session.visits]
        yield json.dumps({
            "user": session.user,
            "at_s": session.at_s,
            "length_s": session.length_s,
            "visits": visits,
        }) + "\n"  # fmt: skip


def read(lines: Iterable[str]) -> Trace:
    """Read the lines of a trace; raises TraceError."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    first = next(numbered, None)
    if first is None:
        raise TraceError(f"line 1: empty; a trace begins with its format, {FORMAT!r}")
    closed = _header(*first)
    sessions: list[PlannedSession] = []
    for number, line in numbered:
        session = _session(number, line)
        if len(sessions) == SESSIONS_MAX:
            raise TraceError(f"line {number}: more than {SESSIONS_MAX:,} sessions")
        if sessions and _order(closed, session) < _order(closed, sessions[-1]):
            said = "user" if closed else "at_s"
            raise TraceError(f"line {number}: {said}: before the line above; sort by it")
        sessions.append(session)
    return Trace(closed, tuple(sessions))


def _order(closed: bool, session: PlannedSession) -> tuple[float, ...]:
    return (session.user,) if closed else (session.at_s, session.user)


def _table(number: int, line: str) -> dict[str, Any]:
    if len(line) > LINE_CHARACTERS_MAX:
        raise TraceError(f"line {number}: longer than {LINE_CHARACTERS_MAX:,} characters")
    try:
        table = json.loads(line)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise TraceError(f"line {number}: not a JSON object")
    return table


def _header(number: int, line: str) -> bool:
    table = _table(number, line)
    if table.get("format") != FORMAT:
        raise TraceError(f"line {number}: format: must be {FORMAT!r}: this is no trace")
    if table.get("version") != VERSION:
        raise TraceError(f"line {number}: version: must be {VERSION}")
    if not isinstance(table.get("closed"), bool):
        raise TraceError(f"line {number}: closed: must be true or false")
    return bool(table["closed"])


def _session(number: int, line: str) -> PlannedSession:
    table = _table(number, line)
    for name in (*FIELDS, *table):
        if name not in table or name not in FIELDS:
            said = "is missing" if name not in table else "is no field of a session"
            raise TraceError(f"line {number}: {name}: {said}")
    user = table["user"]
    if not _is_count(user):
        raise TraceError(f"line {number}: user: must be a whole number from 0 on")
    at_s, length_s = (_seconds(number, name, table[name]) for name in ("at_s", "length_s"))
    return PlannedSession(user, at_s, length_s, _visits(number, table["visits"], length_s))


def _visits(number: int, rows: Any, length_s: float) -> tuple[Visit, ...]:
    if not isinstance(rows, list) or len(rows) > VISITS_MAX:
        raise TraceError(f"line {number}: visits: must be a list of at most {VISITS_MAX:,}")
    visits = tuple(_visit(number, row) for row in rows)
    if any(later.at_s < one.at_s for one, later in pairwise(visits)):
        raise TraceError(f"line {number}: visits: must be sorted by their time")
    if visits and visits[-1].at_s >= length_s:
        raise TraceError(f"line {number}: visits: must be before the session's end, length_s")
    return visits


def _visit(number: int, row: Any) -> Visit:
    match row:
        case [at_s, file, bool(write)] if _is_count(file):
            return Visit(_seconds(number, "visits", at_s), file, write)
    raise TraceError(f"line {number}: visits: each must be [seconds, file, true or false]")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _seconds(number: int, name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise TraceError(f"line {number}: {name}: must be seconds from 0 on, not {value!r}")
    return float(value)
