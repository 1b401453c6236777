"""Emulated hosts for tests: those of `--hosts`, each skipped, on CI failed, if it is not built.

A host takes seconds to start, so one run of it serves many tests: see `played.py`.
"""

import pytest

from deploy.hosts import cache
from deploy.hosts.host import NATIVE, Host, HostError, known
from tests.conftest import NEEDS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "host_name" in metafunc.fixturenames:
        chosen = str(metafunc.config.getoption("--hosts"))
        every = [name for name in known() if name != NATIVE]
        names = every if chosen == "all" else [name for name in chosen.split(",") if name]
        metafunc.parametrize("host_name", names)


@pytest.fixture
def host(host_name: str) -> Host:
    try:
        return cache.find(host_name)
    except HostError as error:
        pytest.skip(f"{NEEDS}{error}")
