"""What a swarm was asked for: a workload from a file and from flags, and where it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from clients.swarm import trace as traces
from clients.swarm.runner import Bounds
from clients.swarm.trace import Trace, TraceError
from clients.swarm.workload import Workload, WorkloadError, parse
from deploy.hosts.host import HostError, split_name
from redird.wire.config import read_table

TERMINALS_MAX = 64  # on one host
COUNTS = {str(count): count for count in range(1, TERMINALS_MAX + 1)}
THINKING_SLACK = 1.5  # of a closed trace: by how much its users may be kept waiting
THINKING_SLACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """All of a run; without `redird` the daemons are started for it."""

    workload: Workload
    trace: Trace | None = None
    seed: int = 1
    preset: str = "sp6"
    limit: int | None = None
    time_scale: float = 1.0
    redird: str = ""
    server: str = "files"
    share: str = "docs"
    user: str = "guest"
    password: str = field(default="", repr=False)
    processes: int = 0
    dask: str | None = None
    hosts: tuple[tuple[str, int], ...] = ()  # on which named host how many terminal servers
    bounds: Bounds = field(default_factory=Bounds)

    def words(self) -> dict[str, Any]:
        """What to show of them: nothing secret, nothing that does not apply."""
        workload = asdict(self.workload)
        unused = {"rate_per_s"} if self.workload.closed or self.trace else set()
        unused |= set() if self.workload.closed else {"users", "think_s"}
        unused |= set() if self.workload.length == "lognormal" else {"length_cv"}
        unused |= set() if self.trace else {"trace"}
        ours = {"preset": self.preset, "time_scale": self.time_scale}
        theirs = {"redird": self.redird, "server": self.server, "share": self.share}
        return {
            **{key: value for key, value in workload.items() if key not in unused},
            **(theirs if self.redird else ours),
            **(
                {"host": [f"{host}={count}" for host, count in self.hosts]}
                if self.hosts
                else {}
            ),
            "limit": self.limit,
            "user": self.user,
            "seed": self.seed,
        }


def read_workload(path: Path | None, flags: Mapping[str, Any]) -> tuple[Workload, Trace | None]:
    """The workload of a file with the flags over it, and its trace if it has one.

    Raises ConfigError, WorkloadError or TraceError, each with the name of what is wrong.
    """
    table = read_table(path) if path else {}
    given = {key: value for key, value in flags.items() if value is not None}
    if given.keys() >= {"users", "rate_per_s"}:
        raise WorkloadError("--users and --rate: users come again, or a rate comes; give one")
    if "rate_per_s" in given:
        table.pop("users", None)
    if "trace" in given:
        given.setdefault("arrivals", "trace")
        table.pop("users", None)
    names = [str(path)] if path else []
    names += ["the options"] if given or not path else []
    workload = parse(table | given, " and ".join(names))
    if workload.closed or workload.arrivals != "trace":
        return workload, None
    trace = _read_trace(Path(workload.trace))
    if "duration_s" not in table | given:
        workload = replace(workload, duration_s=_duration_s(trace))
    return workload, trace


def _read_trace(path: Path) -> Trace:
    try:
        with path.open(encoding="utf-8") as lines:
            return traces.read(lines)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise TraceError(f"{path}: not a text in UTF-8") from None
    except OSError as error:
        raise TraceError(f"{path}: {(error.strerror or '').lower()}") from None


def _duration_s(trace: Trace) -> float:
    """Long enough for the last session of a trace to end."""
    if not trace.closed:
        return max((one.at_s + one.length_s for one in trace.sessions), default=0.0) + 1e-3
    by_user = groupby(trace.sessions, key=lambda one: one.user)
    busy_s = max(
        (sum(one.at_s + one.length_s for one in own) for _, own in by_user), default=0.0
    )
    return busy_s * THINKING_SLACK + THINKING_SLACK_S


def read_hosts(given: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """How many terminal servers on which host, from NAME=N; raises HostError."""
    hosts: dict[str, int] = {}
    for text in given:
        name, _, count = text.partition("=")
        split_name(name)
        if count not in COUNTS:
            raise HostError(
                f"--host {text}: write {name}=N, N terminal servers, 1 to {TERMINALS_MAX}"
            )
        if name in hosts:
            raise HostError(f"--host {text}: name each host once")
        hosts[name] = COUNTS[count]
    return tuple(hosts.items())
