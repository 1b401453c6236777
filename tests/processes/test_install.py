"""What users install is a wheel: it holds the four packages, and its commands run.

No network is needed: the wheel goes alone into a fresh environment, which borrows this one's
dependencies.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"redird", "shareserver", "clients", "deploy"}
HOST_SCRIPTS = ROOT / "deploy/hosts/scripts"
COMMANDS = ["shareserver", "redird", "redclient", "redlab"]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end; a failure shows what it said."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    return next(folder.glob("redird-*.whl"))


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """The folder of commands of a fresh environment with the wheel in it."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("needs package uv (PyPI: uv)")
    folder = tmp_path_factory.mktemp("environment")
    run(uv, "venv", "--offline", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv/bin/python"
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=folder)
    packages = next(folder.glob("venv/lib/python*/site-packages"))
    # The .pth files in there are not read again, so the project is not found twice.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel):
    names = ZipFile(wheel).namelist()

    tops = {name.partition("/")[0] for name in names}
    assert PACKAGES == {top for top in tops if not top.endswith(".dist-info")}
    assert PACKAGES == {name.removesuffix("/py.typed") for name in names if "py.typed" in name}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert {"deploy/config/redird.toml", "deploy/systemd/redird.service"} < set(names)
    scripts = {f"deploy/hosts/scripts/{path.name}" for path in HOST_SCRIPTS.iterdir()}
    assert "deploy/hosts/scripts/alpha-python.sh" in scripts
    assert scripts < set(names)
    kept = {path.name for path in (ROOT / "clients/lab/cards").glob("*.toml")}
    assert "Q248371.toml" in kept
    assert kept == {Path(name).name for name in names if "cards/" in name and "toml" in name}


def test_the_installed_packages_are_the_wheels(scripts, tmp_path):
    listed = "; ".join(f"print({name}.__file__)" for name in sorted(PACKAGES))
    program = f"import {', '.join(sorted(PACKAGES))}; {listed}"
    files = run(scripts / "python", "-c", program, cwd=tmp_path).splitlines()

    assert 4 == len(files)
    assert [] == [file for file in files if not Path(file).is_relative_to(scripts.parent)]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_installed_command_says_how_it_is_used(scripts, tmp_path, command):
    shown = run(scripts / command, "--help", cwd=tmp_path)

    assert f"Usage: {command} " in shown
