"""What is kept in the cache of hosts: whole when it is seen, there as long as it is used."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from deploy.hosts import cache
from deploy.hosts.cleaning import Cleaning
from deploy.hosts.host import HostError
from deploy.hosts.keeping import making, removed, using


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path))
    return tmp_path


def filled(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text("x")
    return path


def test_a_folder_is_seen_when_it_is_whole(folder):
    with making(folder / "python/made") as part:
        (part / "file").write_text("x")
        assert not (folder / "python/made").exists()

    assert "x" == (folder / "python/made/file").read_text()


def test_of_a_folder_that_could_not_be_made_nothing_stays(folder):
    with pytest.raises(KeyError), making(folder / "made"):
        raise KeyError

    assert [] == list(folder.iterdir())


def test_who_was_faster_made_the_same(folder):
    with making(folder / "made") as part:
        (part / "file").write_text("x")
        filled(folder / "made")

    assert ["made"] == [path.name for path in folder.iterdir()]


def test_what_is_used_or_in_the_making_is_not_removed(folder):
    used = filled(folder / "used")
    with using([used]), using([used]):
        assert not removed(used)
    with making(folder / "made") as part:
        assert not removed(part)

    assert (used / "file").exists()
    assert removed(used)
    assert ["made"] == [path.name for path in folder.iterdir()]


def test_what_is_gone_cannot_be_used(folder):
    with pytest.raises(HostError, match="none is being removed"), using([folder / "none"]):
        pass
    assert removed(folder / "none")


def test_what_went_between_the_look_and_the_lock_cannot_be_used(folder, monkeypatch):
    one = filled(folder / "one")
    flock = fcntl.flock

    def slow(descriptor, how):
        shutil.rmtree(one)
        filled(one)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    with pytest.raises(HostError, match="one is being removed"), using([one]):
        pass


def test_a_removal_that_breaks_off_leaves_nothing_that_looks_whole(folder, monkeypatch):
    def break_off(path):
        raise OSError(28, "broken off", str(path))

    one = filled(folder / "steps/alpha-root/0ff1ce")
    filled(one / "usr/bin").joinpath("python3.11").write_text("x")
    cache.write(cache.Record("alpha", keys={"root": "0ff1ce"}))
    assert "alpha" == cache.find("alpha").name
    with monkeypatch.context() as broken:
        broken.setattr(shutil, "rmtree", break_off)
        with pytest.raises(OSError, match="broken off"):
            removed(one)

    with pytest.raises(HostError, match="alpha is not built"):
        cache.find("alpha")

    cleaning = Cleaning()
    cleaning.litter("alpha")

    assert [] == list((folder / "steps/alpha-root").iterdir())


def everywhere(folder: Path, key: str) -> None:
    for path in (f"steps/alpha-root/{key}", f"python/alpha-{key}-1", f"work/alpha-root-{key}"):
        filled(folder / path)


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/alpha*/file")) + [
        str(path.relative_to(folder)) for path in folder.glob("steps/*/*/file")
    ]


def test_litter_is_what_no_host_is_made_of(folder):
    everywhere(folder, "0ld")
    everywhere(folder, "0ff1ce")
    cache.write(cache.Record("alpha", keys={"root": "0ff1ce"}))

    cleaning = Cleaning()
    cleaning.litter("alpha")

    assert ["python/alpha-0ff1ce-1/file", "steps/alpha-root/0ff1ce/file"] == left(folder)
    assert {
        "steps/alpha-root/0ld",
        "python/alpha-0ld-1",
        "work/alpha-root-0ld",
        "work/alpha-root-0ff1ce",
    } == cleaning.freed.keys()
    assert min(cleaning.freed.values()) > 0


def test_everything_is_removed_but_what_a_host_runs_from(folder):
    everywhere(folder, "0ld")
    everywhere(folder, "0ff1ce")
    filled(folder / "work/.removing-alpha-root-0ff1ce-x")
    cache.write(cache.Record("alpha", keys={"root": "0ff1ce"}))

    first, second = Cleaning(), Cleaning()
    with using([folder / "steps/alpha-root/0ff1ce"]):
        first.everything("alpha")

    assert ["steps/alpha-root/0ff1ce"] == first.in_use
    assert ["python/alpha-0ff1ce-1/file", "steps/alpha-root/0ff1ce/file"] == left(folder)

    second.everything("alpha")

    assert [] == second.in_use
    assert [] == [path for kind in folder.iterdir() for path in kind.iterdir()]


def test_what_cannot_be_removed_is_not_told_as_removed(folder, monkeypatch):
    filled(folder / "work/alpha-root-0ld")

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "rename", refuse)
    cleaning = Cleaning()
    with pytest.raises(PermissionError):
        cleaning.litter("alpha")

    assert {} == cleaning.freed
