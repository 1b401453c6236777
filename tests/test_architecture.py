"""The layering is a test: the house on disk keeps the rules in `architecture.py`.

For each rule a small house at the end breaks it, so that no rule passes by being blind.
"""

import subprocess
from collections.abc import Callable
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement

from tests.architecture import (
    CORES,
    PACKAGES,
    ROOT,
    RULES,
    House,
    Module,
    compiled_packages_come_late,
    cores_are_plain,
    doors_import_nothing,
    imports_run_one_way,
    modules_and_functions_stay_small,
    names_say_something,
    nobody_catches_everything,
    read_house,
    rooms_know_only_their_own,
    rooms_take_little_from_outside,
)
from tests.portability import (
    EVERYWHERE,
    PURE,
    STARTED_THERE,
    emulated_hosts_need_pure_python_only,
    no_number_of_an_operating_system,
)

Rule = Callable[[House], list[str]]
VISIBLE = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests", *PACKAGES}


ALL_RULES = [*RULES, emulated_hosts_need_pure_python_only, no_number_of_an_operating_system]


@pytest.mark.parametrize("rule", ALL_RULES)
def test_the_house_keeps(rule: Rule):
    assert "" == "\n".join(rule(read_house()))


def test_the_list_of_cores_has_no_stale_name():
    assert [] == sorted(set(CORES) - set(read_house()))


def test_what_emulated_hosts_run_is_there():
    known = read_house()

    assert [] == [name for name in (*STARTED_THERE, *EVERYWHERE) if name not in known]


def test_pure_packages_have_no_compiled_file():
    """And nothing that they need has; msgpack alone does, and does without."""
    files = {name: compiled_files(name) for name in with_requirements(PURE)}

    assert {"msgpack"} >= {name for name, compiled in files.items() if compiled}
    assert {"trio", "attrs", "sortedcontainers", "idna"} < set(files)


def with_requirements(names: set[str]) -> set[str]:
    """Distributions that are installed here, and what they need on Linux."""
    todo, done = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name in done:
            continue
        done.add(name)
        needed = map(Requirement, distribution(name).requires or ())
        todo += [one.name for one in needed if not one.marker or one.marker.evaluate()]
    return done


def compiled_files(name: str) -> list[str]:
    return [str(file) for file in distribution(name).files or () if file.suffix == ".so"]


def test_the_visible_root_is_short():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    tops = {line.partition("/")[0] for line in listing.stdout.splitlines()}

    assert set() == {top for top in tops if not top.startswith(".")} - VISIBLE


# --- every rule can fail ----------------------------------------------------------------------


def house(*modules: tuple[str, str]) -> House:
    """A small house; a name that ends in a slash is a package."""
    made = (Module(name.rstrip("/"), text, name.endswith("/")) for name, text in modules)
    return {module.name: module for module in made}


LONG_FUNCTION = "def f():\n" + 50 * "    x = 1\n"


@pytest.mark.parametrize(
    ("rule", "small_house", "broken"),
    [
        (
            rooms_know_only_their_own,
            house(
                ("redird.sessions", "import redird.wire.link"),
                ("redird.wire.link", "from redird import sessions"),
                ("shareserver.server", "from redird.wire import link\nimport redird"),
                ("shareserver.service", "def f():\n    from clients.session import logon"),
                ("clients.session", "from . import lab\nfrom .faults import x"),
                ("clients.lab/", "import redird.daemon, shareserver.server, deploy.local"),
                ("deploy.local", "import redird.wire.link"),
            ),
            [
                "redird.wire.link imports redird.sessions",
                "shareserver.server imports redird",
                "shareserver.service imports clients.session",
                "clients.session imports clients.lab",
                "deploy.local imports redird.wire.link",
            ],
        ),
        (
            rooms_take_little_from_outside,
            house(
                ("redird.wire.framing", "import struct, msgpack, trio"),
                ("redird.wire.link", "import trio.socket\nimport msgpack"),
                ("redird.wire.schema", "import msgpack"),
                ("redird.daemon", "import structlog, trio"),
                ("deploy.local", "import trio, json, click"),
            ),
            [
                "redird.wire.framing imports trio",
                "redird.wire.link imports msgpack",
                "redird.wire.schema imports msgpack",
                "deploy.local imports click",
            ],
        ),
        (
            cores_are_plain,
            house(
                ("redird.dormant", "import json\nfrom os import path"),
                ("redird.sessions", "def f():\n    import time"),
                ("redird.presets", "import redird.wire.files, redird.daemon"),
                ("redird.daemon", "import trio"),
                ("redird.wire.files", ""),
                ("shareserver.ledger", "if TYPE_CHECKING:\n    from random import Random"),
            ),
            [
                "redird.presets imports trio through redird.daemon",
                "redird.sessions imports time",
                "redird.dormant imports os",
            ],
        ),
        (
            doors_import_nothing,
            house(
                ("redird/", "import redird.daemon"),
                ("redird.wire/", ""),
                ("deploy/", "import x"),
            ),
            ["redird/__init__ imports redird.daemon"],
        ),
        (
            imports_run_one_way,
            house(
                ("redird.a", "import redird.b"),
                ("redird.b", "from redird import c"),
                ("redird.c", "from redird.a import x"),
            ),
            ["redird.a -> redird.b -> redird.c -> redird.a"],
        ),
        (
            imports_run_one_way,
            house(
                ("redird.a", "import redird.b"),
                ("redird.b", "def f():\n    import redird.a"),
                ("redird.c", "from redird.d import x"),
                ("redird.d", "if typing.TYPE_CHECKING:\n    import redird.c"),
                ("redird.e/", "from redird.e import later"),
            ),
            [],
        ),
        (
            compiled_packages_come_late,
            house(
                ("clients.lab.plot", "def f():\n    import matplotlib.pyplot\nimport numpy"),
                ("clients.swarm", "def f():\n    import scipy"),
            ),
            ["clients.lab.plot imports numpy", "clients.swarm imports scipy"],
        ),
        (
            nobody_catches_everything,
            house(
                ("redird.a", "try: x\nexcept: raise"),
                ("redird.b", "try: x\nexcept (OSError, Exception): pass"),
                ("redird.c", "try: x\nexcept BaseException:\n    clean_up()\n    raise"),
                ("redird.d", "with contextlib.suppress(BaseException): x"),
                ("redird.e", "try: x\nexcept* Exception as e: raise X from e"),
                ("redird.wire.suspension", "try: x\nexcept Exception: end_link()"),
                ("redird.f", "try: x\nexcept OSError: raise Exception"),
            ),
            [
                "redird.b:2 catches everything",
                "redird.d:1 catches everything",
                "redird.e:2 catches everything",
                "redird.a:2 has a bare except",
            ],
        ),
        (
            names_say_something,
            house(("redird.utils.x", ""), ("redird.commonly", ""), ("clients.helpers/", "")),
            ["redird.utils.x", "clients.helpers"],
        ),
        (
            modules_and_functions_stay_small,
            house(
                ("redird.a", "x = 1\n" * 300),
                ("redird.b", "x = 1\n" * 301),
                ("redird.c", LONG_FUNCTION),
                ("redird.d", "async def f():\n" + 49 * "    x = 1\n"),
            ),
            ["redird.b has 301 lines", "redird.c:1 f() has 51 lines"],
        ),
        (
            emulated_hosts_need_pure_python_only,
            house(
                ("redird.__main__", "import trio, redird.daemon"),
                ("redird.daemon", "import os, uvloop\ndef f():\n    import numpy"),
                ("clients.swarm.worker", "if TYPE_CHECKING:\n    import x\nimport orjson"),
                ("clients.lab.plot", "import pandas"),
                ("shareserver.journal", "import lmdb"),
            ),
            ["clients.swarm.worker imports orjson", "redird.daemon imports uvloop"],
        ),
        (
            no_number_of_an_operating_system,
            house(
                ("redird.a", "s.getsockopt(SOL_SOCKET, SO_ERROR, 4)\nos.kill(pid, 0)"),
                ("redird.b", "x = error.errno in (errno.EIO, 11)\ny = error.errno == 0"),
                ("redird.c", "SIGINT, a = 2, 3\nSIGINT = signal.SIGINT\n_MS_X: int = 1 << 3"),
                ("redird.d", "raise OSError(-5)\nos.open(p, os.O_RDWR | 0o100, 0o644)"),
                ("redird.fuse.mounting", "_MS_NOSUID, SIGTERM = 2, 15"),
            ),
            [
                "redird.a:1 s.getsockopt(SOL_SOCKET, SO_ERROR, 4)",
                "redird.b:1 error.errno in (errno.EIO, 11)",
                "redird.c:1 SIGINT",
                "redird.c:3 _MS_X",
                "redird.d:1 OSError(-5)",
                "redird.d:2 os.open(p, os.O_RDWR | 64, 420)",
                "redird.fuse.mounting:1 SIGTERM",
            ],
        ),
    ],
)
def test_a_rule_finds_what_breaks_it(rule: Rule, small_house: House, broken: list[str]):
    assert broken == rule(small_house)


def test_every_rule_is_seen_to_fail():
    marks = test_a_rule_finds_what_breaks_it.pytestmark
    cases = next(mark.args[1] for mark in marks if mark.name == "parametrize")

    assert set(ALL_RULES) == {rule for rule, _, broken in cases if broken}
