"""Which of the kernel's numbers is which file: nodes, their names, and what the kernel holds.

A file is one node whatever its names (hard links), so that its attributes are remembered once.
A name the kernel asked for counts as a lookup of its node until the kernel forgets it. A node
without names is a file that was unlinked; it may still be open. Numbers are never used twice.
"""

import errno
from dataclasses import dataclass, field
from typing import Any

from redird.fuse.errnos import NotDone
from redird.fuse.kernel import ROOT
from redird.wire.messages import FileInfo


@dataclass(slots=True, eq=False)
class Node:
    """One file or folder the kernel knows; `names`: the folders it is in and its names there.

    `handles`: what is open on it, by our numbers. `missing`: names the kernel was told to be
    free. `data`: under which licence its pages were read (`validity.data_mark`).
    """

    number: int
    file_id: int
    kind: str
    lookups: int = 0
    names: dict[tuple["Node", str], None] = field(default_factory=dict)
    children: dict[str, "Node"] = field(default_factory=dict)
    handles: dict[int, None] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    data: Any = None

    @property
    def path(self) -> str | None:
        """The way to it from the share's root; None if no name leads to it any more."""
        parts: list[str] = []
        node = self
        while node.number != ROOT:
            if not node.names:
                return None
            node, name = next(reversed(node.names))
            parts.append(name)
        return "/".join(reversed(parts))


class NodeTable:
    """All nodes of one mount."""

    def __init__(self) -> None:
        self.root = Node(ROOT, 0, "directory", lookups=1)
        self._nodes = {ROOT: self.root}
        self._named: dict[tuple[int, str], Node] = {}
        self._last = ROOT

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, number: int) -> Node:
        """Return a node; raises NotDone(ESTALE) for a number the kernel has forgotten."""
        node = self._nodes.get(number)
        if node is None:
            raise NotDone(errno.ESTALE)
        return node

    def find(self, path: str) -> Node | None:
        """Return the node that a path is known to lead to."""
        node: Node | None = self.root
        for name in path.split("/") if path else ():
            node = node.children.get(name) if node is not None else None
        return node

    def of_file(self, file_id: int, kind: str) -> Node | None:
        """Return the node of a file that has a name, by its number at the server."""
        return self._named.get((file_id, kind))

    def look_up(self, folder: Node, name: str, info: FileInfo) -> Node:
        """A name leads to a file: return its node, with one more lookup."""
        node = folder.children.get(name)
        if node is None or (node.file_id, node.kind) != (info.file_id, info.kind):
            self.unlink(folder, name)
            node = self._known(info) or self._make(info)
            folder.children[name] = node
            node.names[folder, name] = None
        node.lookups += 1
        return node

    def _known(self, info: FileInfo) -> Node | None:
        """A folder elsewhere was moved. A file is a hard link if it has several names, else
        it took the number of one that is gone.
        """
        node = self._named.get((info.file_id, info.kind))
        if node is None or (info.kind != "directory" and info.links > 1):
            return node
        for folder, name in list(node.names):
            self.unlink(folder, name)
        if info.kind == "directory":
            self._named[info.file_id, info.kind] = node
            return node
        return None

    def _make(self, info: FileInfo) -> Node:
        self._last += 1
        node = Node(self._last, info.file_id, info.kind)
        self._nodes[node.number] = node
        self._named[info.file_id, info.kind] = node
        return node

    def unlink(self, folder: Node, name: str) -> None:
        """A name is gone; what is open on its node stays."""
        node = folder.children.pop(name, None)
        if node is None:
            return
        node.names.pop((folder, name), None)
        key = (node.file_id, node.kind)
        if not node.names and self._named.get(key) is node:
            del self._named[key]

    def rename(self, folder: Node, name: str, to_folder: Node, to_name: str) -> None:
        """A name, and all below it, has moved, over whatever was there.

        Two names of one file stay as they are, as rename(2) has it.
        """
        node = folder.children.get(name)
        if node is not None and to_folder.children.get(to_name) is node:
            return
        self.unlink(to_folder, to_name)
        if node is None:
            return
        del folder.children[name]
        del node.names[folder, name]
        to_folder.children[to_name] = node
        node.names[to_folder, to_name] = None

    def forget(self, number: int, lookups: int) -> None:
        """The kernel gives back lookups; it has never heard of a node that has none left."""
        node = self._nodes.get(number)
        if node is None or number == ROOT:
            return
        node.lookups -= lookups
        if node.lookups <= 0:
            for folder, name in list(node.names):
                self.unlink(folder, name)
            del self._nodes[number]
