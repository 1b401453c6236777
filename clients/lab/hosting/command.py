"""`redlab hosts`: other kinds of machine, emulated, to run sessions on."""

import click


@click.group("hosts")
def hosts_command() -> None:
    """Build and run emulated hosts: arm64, armhf, alpha."""
