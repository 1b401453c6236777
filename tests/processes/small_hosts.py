"""`redlab hosts` with an architecture whose steps are small scripts of a test.

    python -m tests.processes.small_hosts FOLDER build alpha

FOLDER holds `library.sh`, `root.sh`, `kernel.sh`, `initramfs.sh`, and may hold `lacking`:
names of packages that this machine would need.
"""

import sys
from pathlib import Path

from deploy.hosts import architectures, packages
from deploy.hosts.steps import Architecture, Step

folder = Path(sys.argv.pop(1))
lacking = folder / "lacking"


def step(part: str, *needs: str) -> Step:
    return Step(part, str(folder / f"{part}.sh"), needs)


architectures.ARCHITECTURES.clear()
architectures.ARCHITECTURES["alpha"] = Architecture(
    "alpha",
    "",
    (),
    tuple(lacking.read_text().split()) if lacking.exists() else (),
    (
        step("library"),
        step("root", "library"),
        step("kernel"),
        step("initramfs", "root", "kernel"),
    ),
)
packages.check_machine = lambda: None  # nothing of Debian's goes in

from clients.lab.hosting.command import hosts_command  # noqa: E402

hosts_command(prog_name="redlab hosts")
