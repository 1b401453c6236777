"""This machine as a host: this interpreter, and what it has installed."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from deploy.hosts.commands import arguments
from deploy.hosts.host import HostError

SETTINGS = {"NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def prepared(
    command: Sequence[str], env: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command and its environment."""
    found = arguments(sys.executable, command)
    if shutil.which(found[0]) is None:
        raise HostError(f"native has no program {found[0]}")
    return found, {**os.environ, **SETTINGS, **env}
