"""`redlab hosts run`: a command on an emulated host, as if it ran here."""

import signal
from functools import partial
from pathlib import Path

import click

from clients.lab import ending
from clients.lab.quantity import Quantity
from deploy.hosts.cache import find
from deploy.hosts.host import SYSTEM_SUFFIX, HostError, LimitReached
from deploy.hosts.running import LIMIT_S, MEMORY_MB, run
from redird.wire.process import fail, leave_quietly

PROGRAM = "redlab"
LIMIT_STATUS = 124  # as `timeout` has it


@click.command("run")
@click.argument("host")
@click.argument("command", nargs=-1, required=True)
@click.option("--system", is_flag=True, help="a whole machine: own kernel, own network")
@click.option("--limit-s", type=Quantity(min=1), default=LIMIT_S, show_default=True,
              help="seconds after which it is ended, with status 124")  # fmt: skip
@click.option("--memory-mb", type=click.IntRange(192, 4096), default=MEMORY_MB,
              show_default=True, help="of a whole machine")  # fmt: skip
@click.option("--file", "files", metavar="PATH", multiple=True, type=click.Path(exists=True),
              help="a file or folder that a whole machine shall have too")  # fmt: skip
def run_command(
    host: str,
    command: tuple[str, ...],
    system: bool,
    limit_s: float,
    memory_mb: int,
    files: tuple[str, ...],
) -> None:
    """Run a COMMAND on a HOST: native, arm64, armhf, alpha.

    \b
    COMMAND is python3, redird, redclient, redlab, shareserver, a script that ends in .py, or a
    program of that host such as busybox. Its streams and its exit status are this command's.
    Without --system it shares this machine's kernel, network and files; a whole machine
    reaches this one's loopback at 10.0.2.2.

    \b
    redlab hosts run alpha -- redclient --help
    redlab hosts run arm64 --system -- python3 -c "import os; print(os.uname())"
    """
    name = host + SYSTEM_SUFFIX if system and not host.endswith(SYSTEM_SUFFIX) else host
    brought = {path: Path(path) for path in files}
    try:
        status = ending.run(
            partial(run, find(name), command, files=brought, limit_s=limit_s,
                    memory_mb=memory_mb)
        )  # fmt: skip
    except LimitReached as error:
        click.echo(f"{PROGRAM}: {error}", err=True)
        raise SystemExit(LIMIT_STATUS) from None
    except HostError as error:
        fail(PROGRAM, error)
    except BrokenPipeError:
        leave_quietly(signal.SIGPIPE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(PROGRAM, f"{name}: {where}{(error.strerror or str(error)).lower()}")
    raise SystemExit(status)
