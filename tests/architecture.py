"""The rules of the house: what a room may know, what a core may touch, how large things grow.

A house is a dict of module names to `Module`, parsed and never imported. A rule takes a house
and returns a line for each thing that breaks it; `test_architecture.py` applies them.
"""

import ast
import graphlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("redird", "shareserver", "clients", "deploy")

# Which rooms each room may import. `clients.lab` runs the whole house in one process.
ROOMS = {
    "redird.wire": {"redird.wire"},
    "redird": {"redird", "redird.wire"},
    "shareserver": {"shareserver", "redird.wire"},
    "clients": {"clients", "redird.wire", "deploy"},
    "clients.lab": {"redird", "redird.wire", "shareserver", "clients", "clients.lab", "deploy"},
    "deploy": {"deploy"},
}
# What rooms and modules import from outside the house, where that is held down.
FOREIGN: dict[str, set[str]] = {
    "redird.wire": set(),
    "redird.wire.framing": {"msgpack"},
    "redird.wire.link": {"trio"},
    "redird.wire.waiting": {"trio"},
    "redird.wire.receiving": {"trio"},
    "redird.wire.sending": {"trio"},
    "redird.wire.keepalive": {"trio"},
    "redird.wire.address": {"trio"},
    "redird.wire.dialling": {"trio"},
    "redird.wire.asking": {"trio"},
    "redird.wire.process": {"trio", "structlog"},
    "deploy": {"trio"},
}
# Plain synchronous Python: time, chance and the world come in as arguments.
CORES = [
    "redird.wire.framing",
    "redird.wire.schema",
    "redird.wire.files",
    "redird.wire.messages",
    "redird.wire.scram",
    "redird.wire.compound",
    "redird.wire.confirming",
    "redird.facts",
    "redird.wire.status",
    "redird.wire.errors",
    "redird.wire.exchange",
    "redird.presets",
    "redird.sessions",
    "redird.connections",
    "redird.dormant",
    "redird.locks",
    "redird.holdings",
    "redird.ranges",
    "redird.once",
    "redird.reclaims",
    "redird.repeating",
    "redird.leased.cache",
    "redird.leased.deferred",
    "redird.leased.names",
    "redird.fuse.kernel",
    "redird.fuse.bodies",
    "redird.fuse.requests",
    "redird.fuse.replies",
    "redird.fuse.protocol",
    "redird.fuse.nodes",
    "redird.fuse.begun",
    "redird.fuse.errnos",
    "shareserver.shares",
    "shareserver.ledger",
    "shareserver.handles",
    "shareserver.durable",
    "shareserver.grace",
    "shareserver.replays",
    "shareserver.leases",
    "shareserver.locks",
    "shareserver.receipts",
    "redird.wire.patterns",
    "clients.receipt",
    "clients.faults.applied",
    "clients.faults.lane",
    "clients.faults.link",
    "clients.faults.schedule",
    "clients.faults.toxics",
    "clients.swarm.arrivals",
    "clients.swarm.chance",
    "clients.swarm.diary",
    "clients.swarm.measures",
    "clients.swarm.trace",
    "clients.swarm.workload",
    "clients.lab.checking.always",
    "clients.lab.checking.checker",
    "clients.lab.checking.counting",
    "clients.lab.checking.disruptions",
    "clients.lab.checking.exhaustive",
    "clients.lab.checking.history",
    "clients.lab.checking.holders",
    "clients.lab.checking.judging",
    "clients.lab.checking.linearizing",
    "clients.lab.checking.operation",
    "clients.lab.checking.recorder",
    "clients.lab.checking.registers",
    "clients.lab.checking.setting",
    "clients.lab.checking.sometimes",
    "clients.lab.checking.verdict",
    "clients.lab.compare.divergence",
    "clients.lab.compare.events",
    "clients.lab.compare.logons",
    "clients.lab.compare.story",
    "clients.lab.bugs.patch",
    "clients.lab.cards.vocabulary",
    "clients.lab.cards.card",
    "clients.lab.cards.writing",
    "clients.lab.cards.outcome",
    "clients.lab.exercising.actions",
    "clients.lab.exercising.blocks",
    "clients.lab.exercising.plans",
    "clients.lab.exercising.probing",
    "clients.lab.history",
    "clients.lab.faulting.seen",
    "clients.lab.replaying.loadfile",
    "clients.lab.swarming.outcome",
    "clients.lab.peers.torture",
    "clients.lab.replaying.tally",
    "clients.lab.simulating.knobs",
    "clients.lab.simulating.telling",
    "clients.lab.theory.cells",
    "clients.lab.theory.controls",
    "clients.lab.theory.eventsim",
    "clients.lab.theory.formulas",
    "clients.lab.theory.statistics",
    "clients.lab.timeline",
    "deploy.hosts.archives",
    "deploy.hosts.steps",
    "deploy.hosts.versions",
    "deploy.hosts.cpio",
    "deploy.hosts.host",
]
WORLDLY = {
    "trio",
    "socket",
    "time",
    "random",
    "os",
    "structlog",
    "threading",
    "select",
    "asyncio",
}
COMPILED = {"matplotlib", "numpy", "scipy"}  # not to be had on an emulated host
# The tasks of one link each, which end that link only; `suspension` passes errors on.
CATCH_EVERYTHING = {"redird.wire.suspension", "redird.daemon", "shareserver.server"}
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "managers", "manager", "common"}
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50


# --- reading a house --------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One imported module; `late`: inside a function; `typing`: under TYPE_CHECKING."""

    name: str
    late: bool
    typing: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def at_once(self) -> bool:
        return not self.late and not self.typing


@dataclass(frozen=True)
class Module:
    """One module: its dotted name, its text, and whether it is a package's `__init__`."""

    name: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.name)

    def origin(self, node: ast.ImportFrom) -> str:
        """What `from ... import` names, leading dots resolved."""
        names = self.name.split(".")
        package = names[: len(names) - node.level + self.is_package] if node.level else []
        return ".".join([*package, *filter(None, [node.module])])


House = dict[str, Module]


@cache
def read_house() -> House:
    """The four packages on disk; parsed once for all rules."""
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {module.name: module for module in map(read_module, paths)}


def read_module(path: Path) -> Module:
    *folders, stem = path.relative_to(ROOT).with_suffix("").parts
    is_package = stem == "__init__"
    name = ".".join(folders if is_package else [*folders, stem])
    return Module(name, path.read_text(), is_package)


def imports(module: Module, house: House) -> list[Import]:
    """All imports of a module; `from a import b` imports `a.b` if that is a module."""

    def walk(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, late, typing) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            origin = module.origin(node)
            for name in {f"{origin}.{alias.name}" for alias in node.names}:
                yield Import(name if name in house else origin, late, typing)
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        typing = typing or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, late, typing)

    return list(walk(module.tree, late=False, typing=False))


def closest(name: str, table: Iterable[str]) -> str:
    """The longest entry that is `name` or a package above it; empty if there is none."""
    above = (entry for entry in table if f"{name}.".startswith(f"{entry}."))
    return max(above, key=len, default="")


# --- the rules --------------------------------------------------------------------------------


def rooms_know_only_their_own(house: House) -> list[str]:
    return [
        f"{module.name} imports {found.name}"
        for module in house.values()
        for found in imports(module, house)
        if (theirs := closest(found.name, ROOMS))
        and theirs not in ROOMS[closest(module.name, ROOMS)]
    ]


def rooms_take_little_from_outside(house: House) -> list[str]:
    return [
        f"{module.name} imports {found.name}"
        for module in house.values()
        if (entry := closest(module.name, FOREIGN))
        for found in imports(module, house)
        if found.top not in {*sys.stdlib_module_names, *PACKAGES, *FOREIGN[entry]}
    ]


def cores_are_plain(house: House) -> list[str]:
    return [
        f"{name} imports {found.name}"
        + (f" through {module.name}" if module.name != name else "")
        for name in CORES
        if name in house
        for module in brought_in(house, name)
        for found in imports(module, house)
        if found.top in WORLDLY and (found.at_once or (module.name == name and found.late))
    ]


def brought_in(house: House, *names: str) -> list[Module]:
    """Our modules that an import of `names` runs, themselves first."""
    modules = [house[name] for name in names]
    for module in modules:
        found = {one.name for one in imports(module, house) if one.at_once}
        new = found - {known.name for known in modules}
        modules += [house[name] for name in sorted(new) if name in house]
    return modules


def doors_import_nothing(house: House) -> list[str]:
    """Whoever imports `redird.wire.link` runs both packages' `__init__` first."""
    return [
        f"{name}/__init__ imports {found.name}"
        for name in ("redird", "redird.wire")
        if name in house
        for found in imports(house[name], house)
    ]


def imports_run_one_way(house: House) -> list[str]:
    graph = {
        module.name: {
            found.name
            for found in imports(module, house)
            if found.at_once and found.name in house and found.name != module.name
        }
        for module in house.values()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" -> ".join(reversed(error.args[1]))]
    return []


def compiled_packages_come_late(house: House) -> list[str]:
    return [
        f"{module.name} imports {found.name}"
        for module in house.values()
        for found in imports(module, house)
        if found.top in COMPILED
        and not (found.late and closest(module.name, ROOMS) == "clients.lab")
    ]


def nobody_catches_everything(house: House) -> list[str]:
    return [
        f"{module.name}:{node.lineno} catches everything"
        for module in house.values()
        if module.name not in CATCH_EVERYTHING
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler | ast.Call) and catches_everything(node)
    ] + [
        f"{module.name}:{node.lineno} has a bare except"
        for module in house.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]


def catches_everything(node: ast.ExceptHandler | ast.Call) -> bool:
    """An `except` (unless it cleans up and raises again) or a `suppress` of any exception."""
    if isinstance(node, ast.Call):
        caught = node.args if ast.unparse(node.func).endswith("suppress") else []
    else:
        again = isinstance(last := node.body[-1], ast.Raise) and last.exc is None
        caught = [node.type] if node.type and not again else []
    names = {
        leaf.id for kind in caught for leaf in ast.walk(kind) if isinstance(leaf, ast.Name)
    }
    return bool(names & {"Exception", "BaseException"})


def names_say_something(house: House) -> list[str]:
    return [name for name in house if SAYS_NOTHING & set(name.split("."))]


def modules_and_functions_stay_small(house: House) -> list[str]:
    lines = {module.name: len(module.source.splitlines()) for module in house.values()}
    for module in house.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                lines[f"{module.name}:{node.lineno} {node.name}()"] = size
    return [
        f"{name} has {count} lines"
        for name, count in lines.items()
        if count > (FUNCTION_LINES_MAX if name.endswith("()") else MODULE_LINES_MAX)
    ]


RULES = [
    rooms_know_only_their_own,
    rooms_take_little_from_outside,
    cores_are_plain,
    doors_import_nothing,
    imports_run_one_way,
    compiled_packages_come_late,
    nobody_catches_everything,
    names_say_something,
    modules_and_functions_stay_small,
]
