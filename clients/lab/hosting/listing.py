"""`redlab hosts list` and `redlab hosts clean`: what is built, and what of it may go."""

import json
import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console

from clients.lab import ending
from clients.lab.hosting.words import refused
from deploy.hosts import cache, planning
from deploy.hosts.architectures import ARCHITECTURES
from deploy.hosts.cleaning import Cleaning
from deploy.hosts.host import HostError
from deploy.hosts.locking import locked
from redird.wire.console import table
from redird.wire.process import fail, output

PROGRAM = "redlab"


@click.command("list")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def list_command(as_object: bool) -> None:
    """Show which hosts are built, from what, and how much room they take."""
    try:
        rows = [_row(arch, mode, ready) for arch, mode, ready in cache.ready()]
    except HostError as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, refused(error))
    if as_object:
        output(PROGRAM, json.dumps({"hosts": rows, "cache": str(cache.folder())}))
        return
    output(PROGRAM, "\n".join([*table([_shown(row) for row in rows]), f"in {cache.folder()}"]))


def _row(arch: str, mode: str, ready: bool) -> dict[str, Any]:
    record = cache.read(arch)
    parts = [cache.ROOT] if mode == "user" else [cache.KERNEL, cache.INITRAMFS]
    return {
        "arch": arch,
        "mode": mode,
        "ready": ready,
        "outdated": ready and planning.outdated(ARCHITECTURES[arch]),
        "bytes": sum(cache.size(record.path(part)) for part in parts) if ready else 0,
        "built_at": record.built_at if ready else None,
        "versions": dict(sorted(record.versions.items())) if ready else {},
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    built = row["built_at"]
    return {
        "host": row["arch"] + ("-system" if row["mode"] == "system" else ""),
        "ready": "outdated" if row["outdated"] else row["ready"],
        "built": time.strftime("%Y-%m-%d %H:%M", time.localtime(built)) if built else None,
        "MB": round(row["bytes"] / 1e6),
        "made of": ", ".join(_versions(row)) or None,
    }


def _versions(row: dict[str, Any]) -> Iterator[str]:
    """Its Python and what speaks TLS, or its kernel."""
    beginnings = ("linux",) if row["mode"] == "system" else ("python3", "openssl", "libssl")
    for version in row["versions"].values():
        if version.startswith(beginnings):
            yield version.replace("=", " ", 1)


@click.command("clean")
@click.argument("names", metavar="[ARCH...]", nargs=-1, type=click.Choice(list(ARCHITECTURES)))
@click.option("--all", "all_of_it", is_flag=True, help="built hosts too")
@click.option("--json", "as_object", is_flag=True, help="one JSON object on standard output")
def clean_command(names: tuple[str, ...], all_of_it: bool, as_object: bool) -> None:
    """Remove unfinished work and outdated results; with --all, everything.

    Of these architectures, or of all. What a running host uses stays.
    """
    try:
        done = ending.run(_clean, list(dict.fromkeys(names)), all_of_it)
    except HostError as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, refused(error))
    freed, in_use = done.freed, sorted(done.in_use)
    if as_object:
        found = {"removed": sorted(freed), "in_use": in_use, "bytes": sum(freed.values())}
        output(PROGRAM, json.dumps(found))
        return
    removed = "\n".join(f"removed {name}" for name in sorted(freed))
    total = f"{sum(freed.values()) / 1e6:.0f} MB given back"
    output(PROGRAM, f"{removed}\n{total}" if removed else "nothing to remove")


async def _clean(names: list[str], all_of_it: bool) -> Cleaning:
    console = Console(stderr=True, highlight=False)
    cleaning = Cleaning()
    for arch in names or list(ARCHITECTURES):
        async with locked(arch, console.print):
            if all_of_it:
                cleaning.everything(arch)
            else:
                cleaning.litter(arch)
    if not names and all_of_it:
        cleaning.shared()
    for name in cleaning.in_use:
        console.print(f"kept {name}: a host that runs uses it")
    return cleaning
