"""What a command in words is on a host: Python, one of our programs, a script, another."""

import re
from collections.abc import Sequence

from deploy.hosts.host import HostError

FLAGS = "-[bBdEiIOPqsSuvx]+"  # of Python, those that take nothing more
PYTHONS = ("python", "python3", "python3.11")
PROGRAMS = {
    "redird": "redird",
    "shareserver": "shareserver",
    "redclient": "clients",
    "redlab": "clients.lab",
}


def arguments(python: str, command: Sequence[str]) -> list[str]:
    """The arguments that run `command` where `python` is the interpreter."""
    if not command:
        raise HostError("no command: give one after --")
    program, *rest = command
    if program in PYTHONS:
        return [python, *rest]
    if program in PROGRAMS:
        return [python, "-m", PROGRAMS[program], *rest]
    if program.endswith(".py"):
        return [python, *command]
    return list(command)


def script(command: Sequence[str]) -> str | None:
    """The file of ours that the command runs, if it runs one."""
    program, *rest = command
    if program in PYTHONS:
        program = next((one for one in rest if not re.fullmatch(FLAGS, one)), "")
    return program if program.endswith(".py") else None
