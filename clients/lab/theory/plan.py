"""`redlab plan`: how many users a limit will do for, and what a dormant age costs."""

import json
import math
from dataclasses import asdict
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from clients.lab import ending
from clients.lab.quantity import Quantity
from clients.lab.theory.checking import Check, check
from clients.lab.theory.formulas import NoAnswer
from clients.lab.theory.planning import AGE_EXACT_S, AGE_MAX_S, Answer, Question, answers
from clients.lab.theory.running import PieceLost
from clients.swarm.executors import ExecutorError
from redird.wire.process import fail

PROGRAM = "redlab"
LOAD_MAX = 2000.0  # in slots: a simulation of more takes minutes
CHECK_LOAD_MAX = 300.0  # the daemons do a thousand logons a second


@click.command("plan")
@click.option("--limit", type=click.IntRange(1, 10_000), required=True, help="of connections")
@click.option("--rate", type=Quantity(1e-6, 1e4), help="logons per second, many users")
@click.option("--users", type=click.IntRange(1, 10_000), help="so many who come back")
@click.option("--think-s", type=Quantity(0.001, 1e7), help="from logoff to logon, mean")
@click.option("--length-s", type=Quantity(0.001, 1e7), required=True, help="mean session")
@click.option("--dormant-age-s", type=Quantity(0, 86_400), default=30.0, show_default=True)
@click.option(
    "--tick-s",
    type=Quantity(0, 86_400),
    default=0.0,
    show_default=True,
    help="one scavenger tick for all; 0: each file on its own deadline",
)
@click.option(
    "--target",
    type=Quantity(0.0005, 0.9),
    default=0.01,
    show_default=True,
    help="the part of logons that may be refused",
)
@click.option("--check", "checked", is_flag=True, help="run simulation and daemons beside it")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--processes", type=click.IntRange(0, 1024), default=0, help="0: all cores")
@click.option("--dask", metavar="ADDRESS", help="a Dask scheduler, instead of processes here")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def plan(
    limit: int,
    rate: float | None,
    users: int | None,
    think_s: float | None,
    length_s: float,
    dormant_age_s: float,
    tick_s: float,
    target: float,
    checked: bool,
    seed: int,
    processes: int,
    dask: str | None,
    as_object: bool,
) -> None:
    """Say how many logons a limit refuses, and what it takes to refuse fewer.

    \b
    Load: --rate (many users, each seldom), or --users with --think-s (the same ones again).
    sp5 leaves a slot until the files closed last are no longer dormant; sp6 gives it back.
    With --check the daemons run in virtual time; exit status 1 if they disagree.
    """
    _require_load(rate, users, think_s)
    question = Question(
        limit, length_s, dormant_age_s, tick_s, target, rate or 0.0, users or 0, think_s or 0.0,
        seed,
    )  # fmt: skip
    _require_bounds(question, checked)
    checks: list[Check] = []
    try:
        found = answers(question)
        if checked:
            checks = ending.run(check, question, found, processes, dask)
    except (NoAnswer, PieceLost, ExecutorError) as error:
        fail(PROGRAM, error)
    if as_object:
        print(json.dumps(_object(question, found, checks)))
    else:
        _show(Console(), question, found, checks)
    raise SystemExit(0 if all(one.agrees for one in checks) else 1)


def _require_load(rate: float | None, users: int | None, think_s: float | None) -> None:
    if (rate is None) == (users is None):
        raise click.UsageError("give --rate, or --users with --think-s")
    if (users is None) != (think_s is None):
        raise click.UsageError("--users and --think-s go together")


def _require_bounds(question: Question, checked: bool) -> None:
    held_s = question.length_s + question.dormant_age_s + question.tick_s
    load = question.users or question.rate_per_s * held_s
    if load > LOAD_MAX:
        fail(PROGRAM, f"a load of {load:,.0f} slots: plans take at most {LOAD_MAX:,.0f}")
    if checked and load > CHECK_LOAD_MAX:
        fail(
            PROGRAM, f"a load of {load:,.0f} slots: --check takes at most {CHECK_LOAD_MAX:,.0f}"
        )


def _object(question: Question, found: list[Answer], checks: list[Check]) -> dict[str, Any]:
    presets = {}
    for one in found:
        any_age = one.age_allowed_s == math.inf
        row = asdict(one) | {"any_age": any_age}
        presets[one.preset] = row | ({"age_allowed_s": None} if any_age else {})
    return {
        "question": asdict(question),
        "presets": presets,
        "checks": [asdict(one) for one in checks],
        "agrees": all(one.agrees for one in checks) if checks else None,
    }


# --- for people -------------------------------------------------------------------------------


def _show(
    console: Console, question: Question, found: list[Answer], checks: list[Check]
) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("")
    for one in found:
        table.add_column(one.preset, justify="right")
    table.add_row("refused at this limit", *map(_refused, found))
    goal = f"{100 * question.target:g} %"
    table.add_row(f"limit needed for {goal}", *(_limit(one) for one in found))
    table.add_row(f"dormant age allowed for {goal}", *map(_age, found))
    table.add_row("model", *(one.model for one in found))
    console.print(table)
    for one in found:
        console.print(
            f"\n[bold]{one.preset}[/bold], {one.model}: {one.assumes}.", highlight=False
        )
        if one.beside_refused is not None:
            said = f"{one.beside} would say {100 * one.beside_refused:.2f} %"
            console.print(f"Beside it: {said}.", highlight=False)
    if checks:
        _show_checks(console, checks)


def _refused(one: Answer) -> str:
    if one.low == one.high:
        return f"{100 * one.refused:.3g} %"
    return f"{100 * one.refused:.3g} % +- {50 * (one.high - one.low):.2g}"


def _limit(one: Answer) -> str:
    return "none" if one.limit_needed is None else f"{one.limit_needed:,}"


def _age(one: Answer) -> str:
    if one.age_allowed_s is None:
        return "none would do"
    if math.isinf(one.age_allowed_s):
        return "any"
    if one.age_allowed_s < AGE_EXACT_S:
        return "0 s only"
    more = " or more" if one.age_allowed_s == AGE_MAX_S else ""
    return f"{one.age_allowed_s:.1f} s{more}"


def _show_checks(console: Console, checks: list[Check]) -> None:
    table = Table(
        title="\nChecked, refused in per cent with 95 % intervals",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for heading in (
        "preset",
        "model",
        "event simulation",
        "daemons",
        "logons",
        "otherwise",
        "",
    ):
        table.add_column(heading, justify="left" if heading == "preset" else "right")
    for one in checks:
        table.add_row(
            one.preset,
            f"{100 * one.model:.2f}",
            f"{100 * one.simulated_low:.2f} - {100 * one.simulated_high:.2f}",
            f"{100 * one.daemons_low:.2f} - {100 * one.daemons_high:.2f}",
            f"{one.logons:,}",
            f"{one.decided_differently}",
            "[green]agrees[/green]" if one.agrees else "[bold red]DIFFERS[/bold red]",
        )
    console.print(table)
    console.print("otherwise: logons that simulation and daemons decide differently")
