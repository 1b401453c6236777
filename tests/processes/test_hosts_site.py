"""The Python packages that go along to an emulated host."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.hosts import packages
from deploy.hosts import site as sites
from deploy.hosts.keeping import using
from tests.architecture import ROOT

PRINT_SITE = "from deploy.hosts.site import site; print(site())"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("hosts")


def python(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=100,
        cwd="/",
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(cache):
    """Made by three processes at once."""
    here = ":".join([str(ROOT), *sys.path])

    def make(_: int) -> str:
        return python(PRINT_SITE, PYTHONPATH=here, REDIRD_HOSTS=str(cache))

    with ThreadPoolExecutor() as pool:
        made = set(pool.map(make, range(3)))
    (line,) = made
    return Path(line.strip())


def test_whoever_makes_a_site_at_the_same_time_makes_the_same(site, cache):
    left = sorted(path.name.partition("-")[0] for path in (cache / "site").iterdir())

    assert ["all", "theirs"] == left


def test_programs_run_from_a_site_alone(site):
    code = (
        "import redird.__main__, shareserver.__main__, clients.__main__, clients.lab.__main__,"
        " clients.swarm.runner, trio, msgpack, sys, redird;"
        "print(msgpack.Packer.__module__, redird.__file__, redird.__cached__)"
    )
    packer, origin, compiled = python(
        code, PYTHONPATH=str(site), MSGPACK_PUREPYTHON="1"
    ).split()

    assert "msgpack.fallback" == packer
    assert str(site / "redird/__init__.py") == origin
    assert Path(compiled).is_file()


def test_nothing_compiled_for_this_machine_is_in_a_site(site):
    assert [] == [path for path in site.rglob("*") if path.suffix == ".so"]


def test_what_goes_along_as_data_is_in_a_site(site):
    assert (site / "clients/lab/cards/Q248371.toml").is_file()
    assert (site / "deploy/config/redird.toml").is_file()


def test_sites_that_nobody_uses_or_asked_for_of_late_are_dropped(tmp_path):
    for name in ("all-old", "all-new", "all-used", ".making-all-1"):
        (tmp_path / name).mkdir()
    long_ago = (tmp_path / "all-new").stat().st_mtime - sites.UNUSED_MAX_S - 1
    for name in ("all-old", "all-used", ".making-all-1"):
        os.utime(tmp_path / name, (long_ago, long_ago))

    with using([tmp_path / "all-used"]):
        sites._drop_unused(tmp_path)

    assert ["all-new", "all-used"] == sorted(path.name for path in tmp_path.iterdir())


def test_what_compiles_a_site_does_not_hear_the_terminal(tmp_path):
    """A Ctrl-C would end it, and the site be kept as it is then."""
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\ncut -d" " -f6 "/proc/$$/stat" >"$0.session"\n')
    compiler.chmod(0o755)

    sites._compile(str(compiler), tmp_path)

    assert os.getsid(0) != int((tmp_path / "compiler.session").read_text())


def test_a_site_that_somebody_else_made_will_do(tmp_path, monkeypatch):
    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path))
    files = {"a.py": tmp_path / "a.py"}
    files["a.py"].touch()
    made = sites._kept("theirs", files, None)
    monkeypatch.setattr(os, "utime", refuse)

    assert made == sites._kept("theirs", files, None)


def test_of_no_packages_none_is_installed(requires):
    requires("dpkg-query", "dpkg")

    assert {} == packages.installed([])
