"""`shareserver`: serve shares, keep accounts, and look at what is held and why."""

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
import trio

from redird.wire import messages as m
from redird.wire.address import AddressError
from redird.wire.asking import ask_view, run_asking
from redird.wire.config import ConfigError, build, load, naming
from redird.wire.console import print_rows, printable
from redird.wire.process import (
    announce,
    configure_logging,
    default_socket,
    fail,
    free_socket,
    listening,
    output,
    raise_open_files_limit,
    until_signalled,
)
from shareserver import server
from shareserver.accounts import make_verifier, read_verifiers, write_verifiers
from shareserver.config import Config, require_sound_leases
from shareserver.state import State

PROGRAM = "shareserver"
F = TypeVar("F", bound=Callable[..., Any])
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="one JSON object on standard output"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Serve directories as shares with hard connection limits."""


@main.command()
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="a TOML file")
@click.option("--listen", "listen_at", multiple=True, help="tcp:HOST:PORT or unix:/PATH")
@click.option("--share", "shares", multiple=True, help="NAME=DIRECTORY[:USES_MAX], repeatable")
@AS_JSON
def serve(
    config_path: Path | None, listen_at: tuple[str, ...], shares: tuple[str, ...], as_json: bool
) -> None:
    """Serve until SIGTERM. Without --config: a guest account `guest` on a free port."""
    configure_logging()
    raise_open_files_limit()
    try:
        config = load(Config, config_path) if config_path else default_config(bool(shares))
        table = dict(_share(text) for text in shares)
        if table:
            extra = build(Config, {"shares": table}, "--share")
            config = replace(config, shares=config.shares | extra.shares)
        if listen_at:
            config = replace(config, listen=listen_at)
        with naming(config_path, options=bool(table or listen_at)):
            require_sound_leases(config)
            state = server.build_state(config, server.real_world())
        trio.run(_serve, state, as_json)
    except (ConfigError, AddressError) as error:
        fail(PROGRAM, error)


def default_config(has_shares: bool) -> Config:
    """Return what `serve` does without a file: share `public`, limit 10, user `guest`."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    public = Path(home) / "redird" / "public"
    table: dict[str, Any] = {
        "listen": ["tcp:127.0.0.1:0", free_socket(PROGRAM)],
        "accounts": {"guest": {"guest": True}},
    }
    if not has_shares:
        public.mkdir(parents=True, exist_ok=True)
        table["shares"] = {"public": {"path": str(public), "uses_max": 10}}
    return build(Config, table, "defaults")


def _accounts_file(config_path: Path | None) -> Path:
    named = load(Config, config_path).accounts_file if config_path else ""
    if not named:
        raise ConfigError("passwd: give --accounts FILE, or a --config that has accounts_file")
    return Path(named)


def _share(text: str) -> tuple[str, dict[str, Any]]:
    name, given, rest = text.partition("=")
    path, _, limit = rest.rpartition(":")
    if not given or not rest:
        raise ConfigError(f"--share {text!r}: write NAME=DIRECTORY or NAME=DIRECTORY:USES_MAX")
    if path and limit.isdigit():
        return name, {"path": path, "uses_max": int(limit)}
    return name, {"path": rest}


async def _serve(state: State, as_json: bool) -> None:
    shares = "".join(
        f"\n  share {one.name} = {one.path},"
        f" limit {'none' if one.uses_max is None else one.uses_max}"
        for one in state.shares
    )
    async with listening(state.config.listen) as listeners:
        await until_signalled(
            functools.partial(server.serve, state, listeners),
            functools.partial(announce, PROGRAM, listeners, as_json, shares),
            functools.partial(_stop, state),
        )


async def _stop(state: State) -> None:
    server.stop(state)  # a link that ends gives everything back by itself
    await trio.lowlevel.checkpoint()


def _at(command: F) -> F:
    """Add the options that say which server to ask, and as whom."""
    for option in (
        click.option(
            "--at",
            default=functools.partial(default_socket, PROGRAM),
            help="the server's address",
        ),
        click.option("--user", default="", help="one of `admins`; not needed on a unix socket"),
        click.option("--password", default="", envvar="SHARESERVER_PASSWORD"),
        AS_JSON,
    ):
        command = option(command)
    return command


def _view(name: str, text: str) -> None:
    @main.command(name, help=text)
    @_at
    def show(at: str, user: str, password: str, as_json: bool) -> None:
        rows = run_asking(PROGRAM, functools.partial(ask_view, name), at, user, password)
        print_rows(PROGRAM, name, rows, as_json)


for _name, _text in {
    "sessions": "Who is logged on, as `net session` shows it.",
    "connections": "Each use of each share: what the limits count.",
    "files": "Each open file, as `net file` shows it.",
    "slots": "Each counted slot, why it is held, and which timer will free it when.",
    "shares": "The shares, their uses and their limits.",
    "refusals": "The receipts of refused connects.",
    "statistics": "Counters.",
}.items():
    _view(_name, _text)


@main.command()
@click.argument("kind", type=click.Choice(["session", "connection", "file"]))
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@_at
def close(kind: str, number: int, at: str, user: str, password: str, as_json: bool) -> None:
    """End a session, a connection or an open file, by its number in the views."""

    async def ask(link: Any) -> Any:
        return await link.request(m.ForceClose(kind, number))

    closed = run_asking(PROGRAM, ask, at, user, password).closed
    print_rows(PROGRAM, "closed", [{"number": number, "closed": closed}], as_json)


@main.command()
@click.argument("user")
@click.option("--accounts", "path", type=click.Path(path_type=Path), help="an accounts file")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="names the file")
@click.option("--remove", is_flag=True, help="remove the account")
@click.password_option(required=False, prompt_required=False, envvar="SHARESERVER_NEW_PASSWORD")
def passwd(
    user: str, path: Path | None, config_path: Path | None, remove: bool, password: str | None
) -> None:
    """Set USER's password in an accounts file; only a verifier is kept."""
    try:
        if not user or not user.isprintable():  # nor the surrogates of what is not UTF-8
            raise ConfigError(f"{user!r} is no name for an account")
        path = path or _accounts_file(config_path)
        verifiers = read_verifiers(path)
        if remove and verifiers.pop(user, None) is None:
            fail(PROGRAM, f"{path}: there is no account {user!r}")
        if not remove:
            word = password or click.prompt(
                "Password", hide_input=True, confirmation_prompt=True
            )
            verifiers[user] = make_verifier(word)
        write_verifiers(path, verifiers)
    except ConfigError as error:
        fail(PROGRAM, error)
    done = "removed" if remove else "set"
    output(PROGRAM, f"{path}: {printable(user)} {done}; restart the server to use it")


if __name__ == "__main__":
    main()
