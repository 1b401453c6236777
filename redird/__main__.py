"""`redird`: run the redirector, and look at what it holds and why."""

import functools
from dataclasses import replace
from pathlib import Path

import click
import trio

from redird import daemon
from redird.config import Config
from redird.fuse import command
from redird.presets import PRESETS
from redird.state import State
from redird.wire.address import AddressError
from redird.wire.asking import ask_view, run_asking
from redird.wire.config import ConfigError, load, naming
from redird.wire.console import print_rows
from redird.wire.dialling import unwrapped
from redird.wire.process import (
    announce,
    configure_logging,
    default_socket,
    fail,
    free_socket,
    listening,
    raise_open_files_limit,
    until_signalled,
)

PROGRAM = "redird"

AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="one JSON object on standard output"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Reach shares for many sessions, keeping closed files dormant for a while."""


@main.command()
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="a TOML file")
@click.option("--listen", "listen_at", multiple=True, help="tcp:HOST:PORT or unix:/PATH")
@click.option("--server", "servers", multiple=True, help="NAME=ADDRESS, repeatable")
@click.option("--preset", type=click.Choice(list(PRESETS)), help="which policy")
@click.option("--time-scale", type=click.FloatRange(min=1e-6), help="multiplies policy times")
@AS_JSON
def serve(
    config_path: Path | None,
    listen_at: tuple[str, ...],
    servers: tuple[str, ...],
    preset: str | None,
    time_scale: float | None,
    as_json: bool,
) -> None:
    """Serve until SIGTERM, then log off every session. Without --config: preset sp6."""
    configure_logging()
    raise_open_files_limit()
    try:
        config = load(Config, config_path) if config_path else default_config(not listen_at)
        config = replace(
            config,
            listen=listen_at or config.listen,
            servers=config.servers | command.named_servers(servers),
            preset=preset or config.preset,
            time_scale=time_scale or config.time_scale,
        )
        options = bool(listen_at or servers or preset or time_scale)
        with naming(config_path, options=options):
            state = daemon.build_state(config, daemon.real_world())
        trio.run(_serve, state, as_json)
    except (ConfigError, AddressError) as error:
        fail(PROGRAM, error)


def default_config(needs_socket: bool) -> Config:
    """Return what `serve` does without a file: a free TCP port, and a unix socket of ours."""
    addresses = ("tcp:127.0.0.1:0", free_socket(PROGRAM)) if needs_socket else ()
    return Config(listen=addresses)


async def _serve(state: State, as_json: bool) -> None:
    config = state.config
    routes = "".join(f"\n  server {name} = {where}" for name, where in config.servers.items())
    more = f"\n  preset {state.preset.name}" + (routes or "\n  no servers: give --server")
    async with listening(config.listen) as listeners:
        with unwrapped():
            await until_signalled(
                functools.partial(daemon.run, state, listeners),
                functools.partial(announce, PROGRAM, listeners, as_json, more),
                functools.partial(daemon.stop, state),
            )


def _view(name: str, text: str) -> None:
    @main.command(name, help=text)
    @click.option("--at", default=functools.partial(default_socket, PROGRAM), help="its socket")
    @AS_JSON
    def show(at: str, as_json: bool) -> None:
        rows = run_asking(PROGRAM, functools.partial(ask_view, name), at)
        print_rows(PROGRAM, name, rows, as_json)


for _command in (command.mount, command.unmount, command.logoff):
    main.add_command(_command)

for _name, _text in {
    "sessions": "Who is logged on.",
    "connections": "Each session's use of each share, and why its slot is held.",
    "dormant": "Each file closed by its application and kept at the server.",
    "links": "Each link to a server, and what is being recovered.",
    "status": "The policy, and counters.",
}.items():
    _view(_name, _text)


if __name__ == "__main__":
    main()
