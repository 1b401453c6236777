"""`redlab bench`: one figure, or several, each beside its yardstick or its peer."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import click
from rich.console import Console

from clients.errors import SessionError
from clients.lab import ending
from clients.lab.bench.figures import BENCHES, run_bench
from clients.lab.bench.hosts import hosts
from clients.lab.bench.yardstick import Result, machine
from clients.lab.peers.against import AGAINST
from clients.lab.peers.turns import ROUNDS, Turns
from clients.lab.quantity import Quantity
from clients.lab.replaying.playing import DAEMON, LIBRARY
from deploy.local import StartFailed
from redird.wire.console import table
from redird.wire.process import fail

PROGRAM = "redlab"
HOSTS = "hosts"  # not of `all`: most have to be built first


@click.command()
@click.argument(
    "names",
    nargs=-1,
    type=click.Choice([*dict.fromkeys(chain(BENCHES, *AGAINST.values())), HOSTS, "all"]),
)
@click.option(
    "--seconds",
    type=Quantity(min=0.05),
    help="of each round  [default: 1, of hosts 5, against a peer 10]",
)
@click.option(
    "--pin", is_flag=True, help="every process on one core: compare work, not wake-ups"
)
@click.option(
    "--against",
    type=click.Choice(list(AGAINST)),
    help="; ".join(f"{peer}: {', '.join(benches)}" for peer, benches in AGAINST.items()),
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 99),
    default=ROUNDS,
    show_default=True,
    help="turns of each beside a peer",
)
@click.option(
    "--through",
    type=click.Choice([DAEMON, LIBRARY]),
    default=DAEMON,
    show_default=True,
    help="netbench, reopen: how our clients reach the server",
)
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def bench(
    names: tuple[str, ...],
    seconds: float | None,
    pin: bool,
    against: str | None,
    rounds: int,
    through: str,
    as_object: bool,
) -> None:
    """Measure one thing (or `all`), beside a bare trio + msgpack echo of the same run.

    With --against beside another program, in turns, medians of the rounds. `hosts` measures
    each emulated host that is built beside this one.
    """
    peers = AGAINST[against] if against else {}
    there_are = list(peers or BENCHES)
    chosen = there_are if not names or "all" in names else list(names)
    possible = there_are if peers else [*there_are, HOSTS]
    if strangers := [name for name in chosen if name not in possible]:
        fail(PROGRAM, f"{strangers[0]} is measured {_where(strangers[0])}")
    turns = Turns(round(max(1.0, seconds or 10.0)), rounds, through)
    rows, notes = list[dict[str, Any]](), list[str]()
    for name in chosen:
        try:
            results = _measure(name, peers, turns, seconds, pin, notes)
        except (StartFailed, SessionError) as error:
            fail(PROGRAM, error)
        rows += [result.row() for result in results]
    if as_object and len(rows) == 1 and chosen != [HOSTS]:
        print(json.dumps(rows[0]))
    elif as_object:
        noted = {"notes": notes} if HOSTS in chosen else {}
        print(json.dumps({"benches": rows, "machine": machine(), **noted}))
    else:
        _show_benches(rows, notes)


def _measure(
    name: str,
    peers: Mapping[str, Any],
    turns: Turns,
    seconds: float | None,
    pin: bool,
    notes: list[str],
) -> list[Result]:
    _tell(name)
    if peers:
        against: list[Result] = ending.run(peers[name], turns)
        return against
    if name == HOSTS:
        rows, more = ending.run(hosts, seconds or 5.0, lambda host: _tell(f"{name}: {host}"))
        notes += more
        return rows
    return [ending.run(run_bench, name, seconds or 1.0, pin)]


def _tell(name: str) -> None:
    Console(stderr=True).print(f"{name} ...", end="\r")


def _where(name: str) -> str:
    peers = [f"--against {peer}" for peer, benches in AGAINST.items() if name in benches]
    plain = name in BENCHES or name == HOSTS
    return " or ".join([*peers, "without --against"] if plain else peers)


def _show_benches(rows: list[dict[str, Any]], notes: Sequence[str]) -> None:
    shown = ("name", "ours", "unit", "reference", "reference_name", "ratio")
    lines = [
        {key: row[key] for key in shown} | {"ratio": f"{row['ratio']:.2f}"} for row in rows
    ]
    print("\n".join(table(lines)))
    for row in rows:
        more = ", ".join(f"{key} {value}" for key, value in row.items() if key not in shown)
        print(f"  {row['name']}: {more}")
    for note in notes:
        print(f"  {note}")
    print(f"on {machine()}")
