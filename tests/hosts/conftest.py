"""Emulated hosts for tests: those of `--hosts`, each skipped, on CI failed, if it is not built.

A host takes seconds to start, so one run of it serves many tests: see `played.py`.
"""

import os
import time
from pathlib import Path

import pytest

from deploy.hosts import cache
from deploy.hosts.host import NATIVE, SYSTEM_SUFFIX, Host, HostError, known
from tests.conftest import NEEDS

BUILD_MAX_S = 1800.0  # much longer than it takes


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "host_name" in metafunc.fixturenames:
        chosen = str(metafunc.config.getoption("--hosts"))
        every = [name for name in known() if name != NATIVE]
        names = every if chosen == "all" else [name for name in chosen.split(",") if name]
        if "machine" in metafunc.fixturenames:
            names = [name for name in names if name.endswith(SYSTEM_SUFFIX)]
        metafunc.parametrize("host_name", names)


@pytest.fixture(scope="session")
def hosts_made() -> None:
    """`.ci/run` has hosts built beside the other tests: wait for that process to end."""
    builder = os.environ.get("REDIRD_HOSTS_BUILDER", "")
    until = time.monotonic() + BUILD_MAX_S
    while builder and Path("/proc", builder).exists() and time.monotonic() < until:
        time.sleep(1.0)


@pytest.fixture
def host(host_name: str, hosts_made: None) -> Host:
    try:
        return cache.find(host_name)
    except HostError as error:
        pytest.skip(f"{NEEDS}{error}")


@pytest.fixture
def machine(host: Host) -> Host:
    """One of the hosts that are whole machines."""
    return host
