"""Two rules of the house for what runs on other hosts: pure Python, and no host's raw numbers.

Linux numbers errors, signals, open flags, locks and socket options anew for each architecture:
95 of Alpha's 133 errno values are not those of x86. So a number comes from the standard
library, which was compiled there, or it is one of those that are the same everywhere.
"""

import ast
import errno
import fcntl
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator

from tests.architecture import PACKAGES, House, Module, brought_in, closest, imports

# What an emulated host starts. `clients.lab` is a table of commands, each a late import.
STARTED_THERE = [
    "redird.__main__",
    "clients.__main__",
    "clients.session",
    "clients.swarm",
    "clients.lab.__main__",
    "deploy",
]
# All pure Python; msgpack has a compiled half that it does without.
PURE = {"trio", "msgpack", "structlog", "click", "rich", "scramp"}

# Which arguments of a call are such numbers, and must not be written as one.
TAKE_NUMBERS = {
    "setsockopt": (0, 1),
    "getsockopt": (0, 1, 2),
    "ioctl": (1,),
    "fcntl": (1,),
    "lockf": (1,),
    "flock": (1,),
    "open": (1,),
    "lseek": (2,),
    "access": (1,),
    "kill": (1,),
    "killpg": (1,),
    "send_signal": (0,),
    "signal": (0,),
    "getrlimit": (0,),
    "setrlimit": (0,),
    "sysconf": (0,),
    "strerror": (0,),
    "OSError": (0,),
    "NotDone": (0,),
    "mount": (3,),
    "umount2": (1,),
    "syscall": (0,),
}
NUMBERED = {
    name
    for module in (errno, fcntl, os, resource, signal, socket)
    for name in dir(module)
    if name.isupper()
}
NUMBERED_BY = ("MS_", "MNT_", "RESOLVE_", "SYS_", "NR_", "AT_FDCWD", "FALLOC_", "TIOC")
# Written as numbers, for Python has no name for them, and the same on all of Linux:
# linux/mount.h, linux/openat2.h.
EVERYWHERE = {
    "redird.fuse.mounting": {"_MS_NOSUID", "_MS_NODEV", "_MNT_DETACH"},
    "shareserver.store.beneath": {
        "_RESOLVE_NO_MAGICLINKS",
        "_RESOLVE_NO_SYMLINKS",
        "_RESOLVE_BENEATH",
    },
}


def emulated_hosts_need_pure_python_only(house: House) -> list[str]:
    """At import; what comes late is asked for by name, on this side of the wire."""
    started = [name for name in house if closest(name, STARTED_THERE)]
    return sorted(
        f"{module.name} imports {found.name}"
        for module in brought_in(house, *started)
        for found in imports(module, house)
        if found.at_once and found.top not in {*sys.stdlib_module_names, *PACKAGES, *PURE}
    )


def no_number_of_an_operating_system(house: House) -> list[str]:
    return [
        f"{module.name}:{line} {what}"
        for module in house.values()
        for line, what in sorted(_raw_numbers(module))
    ]


def _raw_numbers(module: Module) -> Iterator[tuple[int, str]]:
    allowed = EVERYWHERE.get(module.name, set())
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in _passed(node))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from ((node.lineno, name) for name in _named(node) if name not in allowed)
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(_is_errno, sides)) and any(map(_has_number, sides)):
                yield node.lineno, ast.unparse(node)


def _passed(call: ast.Call) -> Iterator[str]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
    for place in TAKE_NUMBERS.get(name, ()):
        if place < len(call.args) and _has_number(call.args[place]):
            yield ast.unparse(call)


def _named(assign: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """Names of such numbers that are given one here."""
    if assign.value is None:
        return
    for target in assign.targets if isinstance(assign, ast.Assign) else [assign.target]:
        pairs = [(target, assign.value)]
        if isinstance(target, ast.Tuple) and isinstance(assign.value, ast.Tuple):
            pairs = list(zip(target.elts, assign.value.elts, strict=False))
        for one, value in pairs:
            name = one.id.lstrip("_") if isinstance(one, ast.Name) else ""
            if (name in NUMBERED or name.startswith(NUMBERED_BY)) and _has_number(value):
                yield ast.unparse(one)


def _is_errno(node: ast.expr) -> bool:
    return ast.unparse(node).endswith((".errno", "get_errno()"))


def _has_number(node: ast.expr) -> bool:
    """Whether a number that is not 0 is written there, outside of any call."""
    if isinstance(node, ast.Constant):
        return type(node.value) is int and node.value != 0
    if isinstance(node, ast.BinOp):
        return _has_number(node.left) or _has_number(node.right)
    if isinstance(node, ast.UnaryOp):
        return _has_number(node.operand)
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return any(map(_has_number, node.elts))
    return False
