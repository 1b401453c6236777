"""The first files of an emulated machine: `-m deploy.hosts.initramfs ARCHIVE ROOT [MODULES]`.

The host's tree, empty folders to mount on, its shell, the console that a kernel opens before
anything is mounted, and modules to be loaded in the order of their names.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.hosts import cpio

FOLDERS = ("dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp")
CONSOLE = (5, 1)  # its numbers as a device, on every architecture


def entries(root: Path, modules: Path | None) -> Iterator[cpio.Entry]:
    """All of it, each path once and every folder before what is in it."""
    tree = {entry.path: entry for entry in cpio.tree(root)}
    more = [cpio.folder(name) for name in FOLDERS]
    more.append(cpio.device("dev/console", 0o600, *CONSOLE))
    more.append(cpio.link("bin/sh", "busybox"))
    if modules is not None:
        more += [cpio.folder("lib"), cpio.folder("lib/modules")]
        more += cpio.tree(modules, "lib/modules/boot")
    for entry in more:
        tree.setdefault(entry.path, entry)
    yield from tree.values()


def main() -> None:
    """Write the archive."""
    archive, root, *modules = map(Path, sys.argv[1:])
    with archive.open("wb") as out:
        cpio.write(out, entries(root, modules[0] if modules else None))


if __name__ == "__main__":
    main()
