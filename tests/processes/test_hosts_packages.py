"""What is asked of apt: here by a script in its place."""

import os

import pytest
import trio

from deploy.hosts import packages
from deploy.hosts.host import HostError
from tests.processes.daemons import wait_until


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """An apt-get that notes what it begins and what it did; by root, as far as we know."""
    program = tmp_path / "apt-get"
    program.write_text(f'#!/bin/sh\ncd {tmp_path}\ntouch "$1"\nsleep 0.3\necho "$1" >>did\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return program


async def test_what_this_machine_gets_is_installed_to_the_end(apt, tmp_path):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(packages.install, ["gcc"], tmp_path / "log")
        await wait_until((tmp_path / "install").exists)
        nursery.cancel_scope.cancel()

    assert "update\ninstall\n" == (tmp_path / "did").read_text()


async def test_only_root_is_asked_to_install(apt, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="only root can install packages: apt-get install"):
        await packages.install(["gcc"], tmp_path / "log")

    assert not (tmp_path / "did").exists()


async def test_an_install_that_fails_is_told_with_the_end_of_its_log(apt, tmp_path):
    apt.write_text("#!/bin/sh\necho no room left\nexit 100\n")
    with pytest.raises(HostError, match=r"(?s)apt-get failed with status 100.*no room left"):
        await packages.install(["gcc"], tmp_path / "log")
