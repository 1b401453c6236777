"""`redlab`: start the daemons, load them, compare what they do, and report."""

from importlib import import_module

import click

from redird.wire.process import keep_standard_streams

# Where each command is; imported when it is asked for, as some bring much with them.
COMMANDS = {
    "reproduce": "clients.lab.reproduction.command:reproduce_command",
    "compare": "clients.lab.compare.command:compare_command",
    "swarm": "clients.lab.swarming.command:swarm_command",
    "plan": "clients.lab.theory.plan:plan",
    "oracle": "clients.lab.theory.oracle:oracle",
    "cards": "clients.lab.cards.command:cards_command",
    "card": "clients.lab.cards.command:card_command",
    "replay": "clients.lab.replaying.command:replay_command",
    "simulate": "clients.lab.simulating.command:simulate",
    "bench": "clients.lab.bench.command:bench",
    "check": "clients.lab.checking.command:check_command",
    "faults": "clients.lab.faulting.command:faults_command",
    "proxy": "clients.lab.faulting.proxying:proxy_command",
    "hosts": "clients.lab.hosting.command:hosts_command",
}


class Lazy(click.Group):
    """Commands in the order of the table."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one, if there is one of that name."""
        if name not in COMMANDS:
            return None
        module, _, command = COMMANDS[name].partition(":")
        found: click.Command = getattr(import_module(module), command)
        return found


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Reproduce, measure and compare how closed files are kept and limits are hit."""
    keep_standard_streams()


if __name__ == "__main__":
    main()
