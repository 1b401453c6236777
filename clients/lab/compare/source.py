"""Where a trace to compare comes from: a file of one, a workload's file, or flags."""

import dataclasses
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clients.swarm import trace as traces
from clients.swarm import workload as workloads
from clients.swarm.trace import PlannedSession, Trace, TraceError
from clients.swarm.workload import Workload, WorkloadError

OPERATIONS_MAX = 2_000_000  # sessions and visits, of one trace
FILES_MAX = 100_000
SECONDS_MAX = 1e9  # thirty years
# Users who log off and on in quick succession, two fewer than the default limit: Q248371.
USUAL = Workload(users=8, think_s=2.0, duration_s=600.0, length_s=5.0, visits=4.0, files=24)


class SourceError(Exception):
    """There is no trace to be had: what was asked for, and why not."""


def load(source: Path | None, changes: Mapping[str, Any], seed: int) -> tuple[Trace, str]:
    """Return the trace and what it is, in words; raises SourceError.

    `changes` are a workload's values that flags set; a recorded trace has none to change.
    """
    try:
        if source is not None and source.suffix != ".toml":
            return _checked(_recorded(source, changes)), str(source)
        workload = _workload(source, changes)
        if workload.retry_pause_s is not None:
            raise SourceError("retries: each preset plays the same attempts; leave it at none")
        if workload.arrivals == "trace" and not workload.closed:
            return _checked(_recorded(Path(workload.trace), {})), workload.trace
        return _checked(_generated(workload, seed)), _said(workload)
    except (TraceError, WorkloadError) as error:
        where = f"{source}: " if source is not None and str(source) not in str(error) else ""
        raise SourceError(f"{where}{error}") from None


def save(trace: Trace, path: Path) -> None:
    """Write a trace to a file; raises OSError."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(traces.write(trace))


def _recorded(path: Path, changes: Mapping[str, Any]) -> Trace:
    if changes:
        given = ", ".join(changes)
        raise SourceError(f"{path} is a trace: {given} cannot be changed; give a workload.toml")
    try:
        with path.open(encoding="utf-8") as file:
            return traces.read(file)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    why = error.strerror if isinstance(error, OSError) else "not text"
    return f"{path} cannot be read: {why}"


def _workload(path: Path | None, changes: Mapping[str, Any]) -> Workload:
    if path is None:
        base = dataclasses.asdict(USUAL)
        if "rate_per_s" in changes:
            base["users"] = 0
        return workloads.parse(base | dict(changes), "the workload of the flags")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(_unreadable(path, error)) from None
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{path}: {error}") from None
    return workloads.parse(table | dict(changes), str(path))


def _generated(workload: Workload, seed: int) -> Trace:
    sessions = (
        _of_users(workload, seed) if workload.closed else workloads.generate(workload, seed)
    )
    return Trace(workload.closed, tuple(_bounded(sessions)))


def _bounded(sessions: Iterable[PlannedSession]) -> Iterator[PlannedSession]:
    operations = 0
    for session in sessions:
        operations += 1 + len(session.visits)
        if operations > OPERATIONS_MAX:
            raise SourceError(
                f"more than {OPERATIONS_MAX:,} sessions and visits: shorten duration_s or"
                " lower the rate"
            )
        yield session


def _of_users(workload: Workload, seed: int) -> Iterator[PlannedSession]:
    """What each user would begin within the time if nobody was refused."""
    for user in range(workload.users):
        begins_s = 0.0
        for session in workloads.generate(workload, seed, user, workload.users):
            begins_s += session.at_s
            if begins_s >= workload.duration_s:
                break
            begins_s += session.length_s
            yield session


def _checked(trace: Trace) -> Trace:
    if not trace.sessions:
        raise SourceError("there is no session in it: nothing to compare")
    operations = sum(1 + len(session.visits) for session in trace.sessions)
    files = {visit.file for session in trace.sessions for visit in session.visits}
    if operations > OPERATIONS_MAX or len(files) > FILES_MAX:
        raise SourceError(
            f"{operations:,} sessions and visits of {len(files):,} files: at most"
            f" {OPERATIONS_MAX:,} of {FILES_MAX:,} can be compared"
        )
    if ends_s(trace) > SECONDS_MAX:
        raise SourceError(f"it ends after {ends_s(trace):.3g} s: at most {SECONDS_MAX:.0e}")
    return trace


def ends_s(trace: Trace) -> float:
    """When the last session ends, if nobody is refused."""
    ends: dict[int, float] = {}
    for one in trace.sessions:
        begins_s = ends.get(one.user, 0.0) + one.at_s if trace.closed else one.at_s
        ends[one.user] = begins_s + one.length_s
    return max(ends.values())


def _said(workload: Workload) -> str:
    if workload.closed:
        who = f"{workload.users:,} users, {workload.think_s:g} s between their sessions"
    else:
        who = f"{workload.arrivals} arrivals, {workload.rate_per_s:g}/s"
    return f"{who}, {workload.length_s:g} s each, for {workload.duration_s:g} s"
