"""Q248371 on an Alpha: redirector and users there, the share server here."""

import json

import pytest
from click.testing import CliRunner

from clients.lab.__main__ import main
from deploy.hosts import cache
from deploy.hosts.host import HostError
from tests.conftest import NEEDS

NAME = "alpha"  # of three architectures the most unlike this one


@pytest.fixture
def built(hosts_made):
    try:
        cache.find(NAME)
    except HostError as error:
        pytest.skip(f"{NEEDS}{error}")


def redlab(*arguments):
    """Run a command; returns its object."""
    ended = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert 0 == ended.exit_code, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.usefixtures("built")
def test_sp5_refuses_users_of_an_alpha_and_sp6_does_not(tmp_path):
    few = ["--users", 3, "--limit", 3, "--cycles", 2, "--time-scale", 0.1]
    presets = ["--preset", "sp5", "--preset", "sp6"]
    found = redlab("reproduce", "--host", NAME, *presets, *few, "--out", tmp_path)
    presets = found["hosts"][NAME]["presets"]

    assert presets["sp5"]["spurious"] > 0
    assert (6, 0) == (presets["sp6"]["logons"], presets["sp6"]["refused"])
    assert found["ok"] is True


@pytest.mark.usefixtures("built")
def test_an_alpha_and_a_native_host_share_one_limit(tmp_path):
    load = ["--arrivals", "constant", "--rate", 8, "--duration-s", 3, "--length-s", 0.5]
    hosts = ["--host", f"{NAME}=1", "--host", "native=1"]
    sp5 = ["--preset", "sp5", "--limit", 4, "--time-scale", 0.1, "--no-report"]
    found = redlab("swarm", *load, *hosts, *sp5, "--out", tmp_path)
    own = found["hosts"]

    assert [12, 12] == [own[name]["logons"] for name in (NAME, "native")]
    assert min(own[name]["admitted"] for name in own) > 0
    assert found["admitted"] == sum(own[name]["admitted"] for name in own)
    assert found["refused"] == sum(own[name]["refused"] for name in own)
    assert found["spurious"] > 0 == found["failed"]
