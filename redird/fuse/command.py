"""`redird mount`, `unmount` and `logoff`: ask a daemon, or be one for a single mount."""

import functools
import os
from dataclasses import replace
from pathlib import Path

import click
import trio

from redird import daemon
from redird.config import Config, MountConfig
from redird.fuse.mounting import MountFailed
from redird.fuse.mounts import split_share
from redird.presets import PRESETS
from redird.wire import messages as m
from redird.wire.address import AddressError
from redird.wire.asking import run_asking
from redird.wire.config import ConfigError
from redird.wire.dialling import unwrapped
from redird.wire.errors import Refused
from redird.wire.link import Link
from redird.wire.messages import Message
from redird.wire.process import (
    configure_logging,
    default_socket,
    fail,
    free_socket,
    listening,
    output,
    raise_open_files_limit,
    until_signalled,
)
from redird.wire.status import Status, advice

PROGRAM = "redird"
AT = click.option("--at", default=functools.partial(default_socket, PROGRAM), help="its socket")


def named_servers(texts: tuple[str, ...]) -> dict[str, str]:
    """Read `NAME=ADDRESS` options; raises ConfigError."""
    servers = {}
    for text in texts:
        name, _, address = text.partition("=")
        if not name or not address:
            raise ConfigError(f"--server {text!r}: write NAME=tcp:HOST:PORT or NAME=unix:/PATH")
        servers[name] = address
    return servers


@click.command("mount")
@click.argument("share")
@click.argument("folder")
@click.option("--redird", "asked", help="a daemon that runs: unix:/PATH")
@click.option("--server", "servers", multiple=True, help="NAME=ADDRESS, repeatable")
@click.option("--user", default="", help="who to be at the server; else its guest")
@click.option("--password-file", default="", help="a file that holds the password")
@click.option("--preset", default="win10", type=click.Choice(list(PRESETS)), show_default=True)
def mount(
    share: str,
    folder: str,
    asked: str | None,
    servers: tuple[str, ...],
    user: str,
    password_file: str,
    preset: str,
) -> None:
    """Mount SHARE (//server/share) at FOLDER.

    With --redird a daemon that runs does it. Else one runs here for this mount, until it is
    unmounted or interrupted; tell it with --server where the server is.
    """
    try:
        split_share(share)
        at = os.path.abspath(folder)
        if asked:
            password = Path(password_file).read_text().rstrip("\n") if password_file else ""
            ask(asked, m.Mount(share, at, user, password))
            return
        wanted = MountConfig(share, at, user, password_file)
        config = Config(preset=preset, servers=named_servers(servers))
        configure_logging()
        raise_open_files_limit()
        with unwrapped():
            trio.run(_serve, config, wanted)
    except OSError as error:
        fail(PROGRAM, f"{error.filename}: {(error.strerror or '').lower()}")
    except (ConfigError, AddressError, MountFailed) as error:
        fail(PROGRAM, error)
    except Refused as no:
        hint = advice(no.status)
        fail(PROGRAM, f"{no}; {hint}" if hint else no)


async def _serve(config: Config, wanted: MountConfig) -> None:
    """Run a redirector for one mount; it ends with it."""
    config = replace(config, listen=(free_socket(PROGRAM),))
    state = daemon.build_state(config, daemon.real_world())
    async with listening(config.listen) as listeners, trio.open_nursery() as nursery:

        async def main(*, task_status: trio.TaskStatus[None]) -> None:
            async with trio.open_nursery() as running:
                await running.start(daemon.run, state, listeners)
                mounts = state.mounts
                assert mounts is not None
                mounted = await mounts.add(wanted, os.getuid(), "")
                task_status.started()
                await mounted.ended.wait()
                await daemon.stop(state)
                nursery.cancel_scope.cancel()

        await until_signalled(
            main,
            lambda: output(PROGRAM, f"{wanted.share} is mounted at {wanted.at}"),
            functools.partial(daemon.stop, state),
        )


@click.command("unmount")
@click.argument("folder")
@AT
def unmount(folder: str, at: str) -> None:
    """End the mount at FOLDER, and log its users off."""
    ask(at, m.Unmount(os.path.abspath(folder)))


@click.command("logoff")
@click.argument("uid", type=int)
@click.option("--force", is_flag=True, help="though files are open")
@AT
def logoff(uid: int, force: bool, at: str) -> None:
    """Log the local user UID off from all mounts; the next use logs on again."""
    done = ask(at, m.LogoffUser(uid, force))
    assert isinstance(done, m.UserLoggedOff)
    output(PROGRAM, f"user {uid} is logged off from {done.mounts} mounts")


def ask(at: str, request: Message) -> Message:
    """Ask a daemon for one thing; what goes wrong ends the program with one line."""

    async def asking(link: Link) -> Message:
        try:
            return await link.request(request)
        except Refused as no:
            files = no.detail.get("files")
            if no.status == Status.STATUS_FILES_OPEN and files:
                raise Refused(no.status, f"{no.subject}: {files} files open; --force") from None
            raise

    return run_asking(PROGRAM, asking, at)
