"""`redlab bench`: one figure, or several, each beside its yardstick or its peer."""

import json
from itertools import chain
from typing import Any

import click
from rich.console import Console

from clients.errors import SessionError
from clients.lab import ending
from clients.lab.bench.figures import BENCHES, run_bench
from clients.lab.bench.yardstick import machine
from clients.lab.peers.against import AGAINST
from clients.lab.peers.turns import ROUNDS, Turns
from clients.lab.replaying.playing import DAEMON, LIBRARY
from deploy.local import StartFailed
from redird.wire.console import table
from redird.wire.process import fail

PROGRAM = "redlab"


@click.command()
@click.argument(
    "names",
    nargs=-1,
    type=click.Choice([*dict.fromkeys(chain(BENCHES, *AGAINST.values())), "all"]),
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.05),
    help="of each round  [default: 1, against a peer 10]",
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

    With --against beside another program, in turns, medians of the rounds.
    """
    peers = AGAINST[against] if against else {}
    there_are = list(peers or BENCHES)
    chosen = there_are if not names or "all" in names else list(names)
    if strangers := [name for name in chosen if name not in there_are]:
        fail(PROGRAM, f"{strangers[0]} is measured {_where(strangers[0])}")
    rows = []
    for name in chosen:
        Console(stderr=True).print(f"{name} ...", end="\r")
        try:
            if peers:
                turns = Turns(round(max(1.0, seconds or 10.0)), rounds, through)
                results = ending.run(peers[name], turns)
            else:
                results = [ending.run(run_bench, name, seconds or 1.0, pin)]
        except (StartFailed, SessionError) as error:
            fail(PROGRAM, error)
        rows += [result.row() for result in results]
    if as_object and len(rows) == 1:
        print(json.dumps(rows[0]))
    elif as_object:
        print(json.dumps({"benches": rows, "machine": machine()}))
    else:
        _show_benches(rows)


def _where(name: str) -> str:
    peers = [f"--against {peer}" for peer, benches in AGAINST.items() if name in benches]
    return " or ".join([*peers, "without --against"] if name in BENCHES else peers)


def _show_benches(rows: list[dict[str, Any]]) -> None:
    shown = ("name", "ours", "unit", "reference", "reference_name", "ratio")
    lines = [
        {key: row[key] for key in shown} | {"ratio": f"{row['ratio']:.2f}"} for row in rows
    ]
    print("\n".join(table(lines)))
    for row in rows:
        more = ", ".join(f"{key} {value}" for key, value in row.items() if key not in shown)
        print(f"  {row['name']}: {more}")
    print(f"on {machine()}")
