"""`redclient`: one session from a shell, each command from logon to logoff."""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from clients import transfer
from clients.errors import FileMissing, SessionError
from clients.hold import hold as hold_files
from clients.session import Session
from clients.visit import PROGRAM, Login, visit
from redird.wire.console import printable, table
from redird.wire.messages import FileInfo
from redird.wire.process import default_socket, fail, keep_standard_streams, output
from redird.wire.status import Status

F = TypeVar("F", bound=Callable[..., Any])
WILDCARDS = frozenset('*?<>"')
NANO = 1_000_000_000
EPOCH = datetime(1970, 1, 1)
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="one JSON object on standard output"
)
LOGIN = click.make_pass_decorator(Login)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--at",
    default=functools.partial(default_socket, "redird"),
    help="a redirector's or share server's address: tcp:HOST:PORT or unix:/PATH",
)
@click.option("--user", default="guest", show_default=True)
@click.option("--password", default="", envvar="REDCLIENT_PASSWORD", show_envvar=True)
@click.option("--ask-password", is_flag=True, help="ask for it at the terminal")
@click.pass_context
def main(context: click.Context, at: str, user: str, password: str, ask_password: bool) -> None:
    r"""Work on shares as one user: each command logs on, works and logs off.

    A NAME is \\SERVER\SHARE\PATH or //SERVER/SHARE/PATH.
    """
    keep_standard_streams()
    if sys.stdout is not None:  # names on a share may not fit the terminal's encoding
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if ask_password:
        password = click.prompt("Password", hide_input=True, err=True)
    context.obj = Login(at, user, password)


# --- looking ----------------------------------------------------------------------------------


@main.command()
@click.argument("name")
@AS_JSON
@LOGIN
def ls(login: Login, name: str, as_json: bool) -> None:
    """List a folder, or what in it matches: the last component may hold * ? < > "."""
    entries = visit(login, (name,), functools.partial(_list, name))
    if as_json:
        output(
            PROGRAM, json.dumps({"name": name, "entries": [_facts(*one) for one in entries]})
        )
    elif entries:
        output(PROGRAM, "\n".join(table([_row(*one) for one in entries])))


async def _list(name: str, session: Session) -> list[tuple[str, FileInfo]]:
    separator = name[0]
    folder, _, last = name.rpartition(separator)
    if WILDCARDS.isdisjoint(last):
        info = await session.stat(name)
        if info.kind != "directory":
            return [(last, info)]
        folder, last = name, "*"
    found = await session.listdir(folder, last)
    if not found and last != "*":
        raise FileMissing(Status.STATUS_NO_SUCH_FILE, name, {})
    return [(entry.name, entry.info) for entry in found]


@main.command()
@click.argument("name")
@AS_JSON
@LOGIN
def stat(login: Login, name: str, as_json: bool) -> None:
    """Tell about a file or folder."""
    facts = _facts(name, visit(login, (name,), lambda session: session.stat(name)))
    width = max(map(len, facts))
    rows = (f"{key:{width}}  {printable(str(value))}" for key, value in facts.items())
    output(PROGRAM, json.dumps(facts) if as_json else "\n".join(rows))


def _facts(name: str, info: FileInfo) -> dict[str, Any]:
    return {"name": name} | asdict(info) | {"mode": f"{info.mode:04o}"}


def _row(name: str, info: FileInfo) -> dict[str, Any]:
    return {
        "kind": info.kind,
        "size": info.size,
        "changed": _local_time(info.mtime_ns // NANO),
        "name": printable(name),
    }


def _local_time(seconds: int) -> str:
    """In UTC where the host's own calendar has ended, as in 2038 on one with 32 bits."""
    try:
        return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"


# --- contents ---------------------------------------------------------------------------------


@main.command()
@click.argument("name")
@AS_JSON
@LOGIN
def cat(login: Login, name: str, as_json: bool) -> None:
    """Write a file to standard output; with --json in base64, as `data`."""
    before, after = f'{{"name": {json.dumps(name)}, "data": "', '"}\n'
    if as_json:
        visit(login, (name,), lambda one: transfer.cat_base64(one, name, before, after))
    else:
        visit(login, (name,), lambda one: transfer.get(one, name, transfer.STANDARD))


@main.command()
@click.argument("local")
@click.argument("name")
@click.option("--append", is_flag=True, help="write behind what the file holds")
@AS_JSON
@LOGIN
def put(login: Login, local: str, name: str, append: bool, as_json: bool) -> None:
    """Copy the file LOCAL (- is standard input) to NAME."""
    count = visit(login, (name,), lambda one: transfer.put(one, local, name, append=append))
    _confirm(as_json, {"local": local, "name": name, "bytes": count})


@main.command()
@click.argument("name")
@click.argument("local")
@AS_JSON
@LOGIN
def get(login: Login, name: str, local: str, as_json: bool) -> None:
    """Copy NAME to the file LOCAL (- is standard output), wholly or not at all."""
    if as_json and local == transfer.STANDARD:
        fail(PROGRAM, "--json and - both want standard output: give a file, or use cat --json")
    count = visit(login, (name,), lambda session: transfer.get(session, name, local))
    _confirm(as_json, {"name": name, "local": local, "bytes": count})


# --- names ------------------------------------------------------------------------------------


@main.command()
@click.argument("name")
@AS_JSON
@LOGIN
def mkdir(login: Login, name: str, as_json: bool) -> None:
    """Make a folder."""
    visit(login, (name,), lambda session: session.mkdir(name))
    _confirm(as_json, {"made": name})


@main.command()
@click.argument("name")
@click.option("--dir", "folder", is_flag=True, help="an empty folder instead of a file")
@AS_JSON
@LOGIN
def rm(login: Login, name: str, folder: bool, as_json: bool) -> None:
    """Delete a file."""

    async def remove(session: Session) -> None:
        await (session.rmdir(name) if folder else session.unlink(name))

    visit(login, (name,), remove)
    _confirm(as_json, {"removed": name})


@main.command()
@click.argument("name")
@click.argument("target")
@click.option("--replace", is_flag=True, help="replace what has the name TARGET")
@AS_JSON
@LOGIN
def mv(login: Login, name: str, target: str, replace: bool, as_json: bool) -> None:
    """Rename NAME to TARGET, on the same share."""
    visit(login, (name,), lambda session: session.rename(name, target, replace=replace))
    _confirm(as_json, {"moved": name, "to": target})


@main.command()
@click.argument("target")
@click.argument("name")
@click.option("-s", "--symbolic", is_flag=True, help="a symlink that says TARGET as it is")
@AS_JSON
@LOGIN
def ln(login: Login, target: str, name: str, symbolic: bool, as_json: bool) -> None:
    """Make the link NAME to TARGET, on the same share."""
    if symbolic:
        if any("\udc80" <= letter <= "\udcff" for letter in target):
            raise click.BadParameter(f"{target!r} is not UTF-8")
        visit(login, (name,), lambda session: session.symlink(name, target))
    else:
        visit(login, (target, name), lambda session: session.link(target, name))
    _confirm(as_json, {"linked": name, "to": target})


def _confirm(as_json: bool, done: Mapping[str, object]) -> None:
    """What was done; people see it by the silence."""
    if as_json:
        output(PROGRAM, json.dumps(done))


# --- holding ----------------------------------------------------------------------------------


def _not_nan(context: click.Context, option: click.Parameter, value: float) -> float:
    if not value >= 0:
        raise click.BadParameter("a number of seconds, 0 or more")
    return value


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--seconds",
    type=float,
    default=float("inf"),
    callback=_not_nan,
    help="for how long; without it until a signal",
)
@click.option("--dormant", is_flag=True, help="close them at once, so that they are dormant")
@AS_JSON
@LOGIN
def hold(
    login: Login, names: tuple[str, ...], seconds: float, dormant: bool, as_json: bool
) -> None:
    """Keep files open or dormant for a while, then log off; SIGTERM ends it early."""
    state = "dormant" if dormant else "open"

    def tell(session: Session) -> None:
        if as_json:
            held = {"state": state, "user": session.user, "session": session.number}
            output(PROGRAM, json.dumps(held | {"holding": list(names)}))
        else:
            output(PROGRAM, "\n".join(f"holding {printable(name)}, {state}" for name in names))

    async def work(session: Session) -> None:
        if dormant and session.client.direct:
            subject = "--dormant straight to a share server, which keeps nothing dormant"
            raise SessionError(Status.STATUS_NOT_SUPPORTED, subject, {})
        await hold_files(session, names, dormant=dormant, seconds=seconds, tell=tell)

    visit(login, names, work)


if __name__ == "__main__":
    main()
