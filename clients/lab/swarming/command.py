"""`redlab swarm`."""

import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from clients.errors import SessionError
from clients.lab import ending
from clients.lab.bench.yardstick import machine
from clients.lab.quantity import Quantity
from clients.lab.swarming.crew import Pool, Terminals, terminals
from clients.lab.swarming.leader import Load, lead_swarm, shard_max_s
from clients.lab.swarming.options import Options, read_hosts, read_workload
from clients.lab.swarming.progress import Progress
from clients.lab.swarming.results import notes, results_tables, write_page, write_results
from clients.lab.swarming.site import line_address, redirector, site
from clients.lab.terminal.hosted import TerminalError
from clients.swarm.executors import ExecutorError, executor
from clients.swarm.runner import Bounds
from clients.swarm.trace import TraceError
from clients.swarm.workload import ARRIVALS, LENGTHS, WorkloadError
from deploy.hosts.cache import find
from deploy.hosts.host import HostError
from deploy.local import StartFailed
from redird.presets import PRESETS
from redird.wire.address import AddressError, parse
from redird.wire.config import ConfigError
from redird.wire.process import fail, leave_quietly

PROGRAM = "redlab"
PASSWORD_MAX = 1024
STARTS_MAX_S = 600.0  # of all hosts, one beside the other


@click.command("swarm")
@click.argument("workload_file", metavar="[WORKLOAD.toml]", required=False,
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--arrivals", type=click.Choice(ARRIVALS), help="[default: poisson]")
@click.option("--rate", "rate_per_s", type=float, help="arrivals per second  [default: 10]")
@click.option("--trace", type=str, help="a file of planned sessions, as JSON lines")
@click.option("--users", type=int, help="closed: so many users, who come again")
@click.option("--think-s", type=float, help="mean time between their sessions  [default: 5]")
@click.option("--duration-s", type=float, help="in which sessions begin  [default: 10]")
@click.option("--sessions-max", type=int, help="[default: 1000000]")
@click.option("--length", type=click.Choice(LENGTHS), help="[default: exponential]")
@click.option("--length-s", type=float, help="mean session  [default: 5]")
@click.option("--length-cv", type=float, help="of lognormal ones: deviation by mean")
@click.option("--visits", type=float, help="files opened in a session  [default: 2]")
@click.option("--files", type=int, help="how many there are  [default: 100]")
@click.option("--locality", type=float, help="chance of one's own file again  [default: 0.5]")
@click.option("--write-share", type=float, help="of the visits  [default: 0.2]")
@click.option("--retries", help='"none" or "pause:SECONDS"  [default: none]')
@click.option("--preset", type=click.Choice(list(PRESETS)), default="sp6", show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="of the share  [default: none]")
@click.option("--time-scale", type=Quantity(1e-4, 1000), default=1.0, help="of policies")
@click.option("--redird", default="", help="a redirector that runs, instead of our own daemons")
@click.option("--server", default="files", show_default=True, help="its name for the server")
@click.option("--share", default="docs", show_default=True)
@click.option("--user", default="guest", show_default=True)
@click.option("--password-file", type=click.Path(path_type=Path), help="of the user, by SCRAM")
@click.option("--processes", type=click.IntRange(0, 1024), default=0, help="0: one a core")
@click.option("--dask", metavar="ADDRESS", help="shards run on a Dask cluster")
@click.option("--host", "hosts", multiple=True, metavar="NAME=N",
              help="N terminal servers on a host; repeatable")  # fmt: skip
@click.option("--grace-s", type=Quantity(min=0), default=30.0, show_default=True,
              help="for sessions to end after the duration")  # fmt: skip
@click.option("--in-flight-max", type=click.IntRange(1), default=20_000, show_default=True,
              help="sessions at once, of one process")  # fmt: skip
@click.option("--sessions-per-link", type=click.IntRange(1), default=20, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("redlab-out"))
@click.option("--no-report", is_flag=True, help="only results.json: no pictures, no page")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def swarm_command(
    workload_file: Path | None, out: Path, no_report: bool, as_object: bool, **given: Any
) -> None:
    """Let thousands of sessions log on, work and log off; measure honestly.

    \b
    A user who is refused is lost unless --retries says otherwise. Latency counts from each
    session's intended start. What could not start is counted, never left out.
    Exit status 1 if the results are partial, or nobody was answered.
    """
    console = Console(stderr=True)
    try:
        options = read_options(workload_file, given)
        (out / "logs").mkdir(parents=True, exist_ok=True)
        began, started = time.monotonic(), datetime.now().astimezone()
        load = ending.run(_run, options, out / "logs", console)
        when = f"Started {started.isoformat(' ', 'seconds')}, took {_since(began)}"
        said = f"{when}, seen from {machine()}."
        figures = write_results(out, options, load)
        more = [] if no_report else write_page(out, options, load, said)
    except (ConfigError, WorkloadError, TraceError, AddressError) as error:
        fail(PROGRAM, error)
    except (ExecutorError, SessionError, StartFailed, HostError, TerminalError) as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, f"{error.filename or out}: {(error.strerror or str(error)).lower()}")
    if as_object:
        print(json.dumps(figures), flush=True)
    else:
        Console().print(results_tables(figures))
        print(f"\nSee {out}/{'results.json' if no_report else 'report.html'}", flush=True)
    for note in notes(options, load) + more:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    if load.signal is not None:
        leave_quietly(load.signal)
    counts = load.outcome.measures.counts
    in_vain = counts.arrivals and not counts.admitted + counts.refused
    raise SystemExit(1 if load.outcome.partial or in_vain else 0)


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


async def _run(options: Options, logs: Path, console: Console) -> Load:
    hosts = [find(name) for name, count in options.hosts for _ in range(count)]
    show = Progress(options, console).show
    async with site(options, logs) as where:
        with line_address(options) as at:
            if hosts:
                limit_s = STARTS_MAX_S + shard_max_s(options)
                async with terminals(hosts, logs, limit_s) as there:
                    crew = Terminals(there, where.target.address, redirector(options))
                    return await lead_swarm(options, crew, where, at, show)
            # Workers start and end for a while in which nobody here is waited for.
            with executor(options.processes, options.dask) as workers:
                return await lead_swarm(options, Pool(workers), where, at, show)


def read_options(workload_file: Path | None, given: dict[str, Any]) -> Options:
    """The options of a command line; raises what says in words what is wrong with them."""
    own = ("preset", "limit", "time_scale", "redird", "server", "share", "user", "processes",
           "dask", "seed")  # fmt: skip
    for name in ("processes", "dask", "redird"):
        if given["hosts"] and given[name]:
            raise HostError(f"--host and --{name}: sessions are on the hosts; give one of them")
    bounds = ("grace_s", "in_flight_max", "sessions_per_link")
    password_file = given["password_file"]
    rest = {*own, *bounds, "password_file", "hosts"}
    flags = {key: value for key, value in given.items() if key not in rest}
    workload, trace = read_workload(workload_file, flags)
    if given["redird"]:
        parse(given["redird"])
    options = Options(
        workload,
        trace,
        bounds=replace(Bounds(), **{key: given[key] for key in bounds}),
        hosts=read_hosts(given["hosts"]),
        **{key: given[key] for key in own},
    )
    return replace(options, password=_password(password_file)) if password_file else options


def _password(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")[:PASSWORD_MAX].rstrip("\n")
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text in UTF-8") from None
    if not text:
        raise ConfigError(f"{path}: holds no password")
    return text
