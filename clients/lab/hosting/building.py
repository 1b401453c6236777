"""`redlab hosts build`: have hosts from Debian's packages and sources."""

import json
import time
from typing import Any

import click
from rich.console import Console

from clients.lab import ending
from clients.lab.hosting.progress import shown
from clients.lab.hosting.words import refused
from deploy.hosts.architectures import ARCHITECTURES
from deploy.hosts.building import build
from deploy.hosts.host import HostError
from deploy.hosts.planning import Plan, Wish
from deploy.hosts.steps import Architecture
from redird.wire.process import fail, output

PROGRAM = "redlab"


@click.command("build")
@click.argument(
    "names", metavar="ARCH...", nargs=-1, required=True, type=click.Choice(list(ARCHITECTURES))
)
@click.option("--update", is_flag=True, help="take the newest versions of what goes in")
@click.option("--install", is_flag=True, help="as root: install what this machine lacks")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def build_command(names: tuple[str, ...], update: bool, install: bool, as_object: bool) -> None:
    """Build hosts of these architectures, user mode and full system.

    What is built is kept, by the versions of what went into it. Interrupted, a build goes on
    where it was when it is asked for again.
    """
    architectures = [ARCHITECTURES[name] for name in dict.fromkeys(names)]
    began = time.monotonic()
    try:
        plans = ending.run(_build, architectures, Wish(update, install))
    except HostError as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, refused(error))
    seconds = round(time.monotonic() - began, 1)
    if as_object:
        hosts = {plan.architecture.name: _row(plan) for plan in plans}
        output(PROGRAM, json.dumps({"hosts": hosts, "seconds": seconds, "ok": True}))
        return
    for plan in plans:
        name = plan.architecture.name
        output(PROGRAM, f"{name} and {name}-system are ready ({seconds:g} s)")


async def _build(architectures: list[Architecture], wish: Wish) -> list[Plan]:
    async with shown(Console(stderr=True, highlight=False)) as progress:
        return await build(architectures, wish, progress)


def _row(plan: Plan) -> dict[str, Any]:
    return {"ready": not plan.left, "keys": dict(plan.keys), "seconds": plan.record.seconds}
