"""`redlab hosts`: other kinds of machine, emulated, to run sessions on."""

import click

from clients.lab.hosting.building import build_command
from clients.lab.hosting.listing import clean_command, list_command
from clients.lab.hosting.running import run_command


@click.group("hosts")
def hosts_command() -> None:
    """Build and run emulated hosts: arm64, armhf, alpha."""


for command in (build_command, list_command, run_command, clean_command):
    hosts_command.add_command(command)
