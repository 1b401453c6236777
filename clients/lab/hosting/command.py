"""`redlab hosts`: other kinds of machine, emulated, to run sessions on."""

import click

from clients.lab.hosting.running import run_command


@click.group("hosts")
def hosts_command() -> None:
    """Build and run emulated hosts: arm64, armhf, alpha."""


hosts_command.add_command(run_command)
