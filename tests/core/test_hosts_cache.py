"""Where built hosts are kept, and when one counts as built."""

from pathlib import Path

import pytest

from deploy.hosts import cache
from deploy.hosts.host import Host, HostError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIRD_HOSTS", str(tmp_path / "hosts"))
    return tmp_path / "hosts"


def made(*parts: str) -> None:
    record = cache.Record("alpha", keys=dict.fromkeys(parts, "0ff1ce"))
    for part in parts:
        main = record.path(part) / cache.MAIN_FILES[part]
        main.parent.mkdir(parents=True)
        main.write_text(part)
    cache.write(record)


def test_this_machine_is_always_ready():
    assert Host("native", "native") == cache.find("native")


@pytest.mark.parametrize("name", ["alpha", "alpha-system"])
def test_a_host_that_is_not_built_is_told_with_what_builds_it(name):
    with pytest.raises(HostError, match=f"host {name} is not built: redlab hosts build alpha"):
        cache.find(name)


def test_user_mode_is_ready_before_the_system_is(folder):
    made(cache.ROOT)

    assert Host("alpha", "user", folder / "steps/alpha-root/0ff1ce") == cache.find("alpha")
    with pytest.raises(HostError, match="alpha-system is not built"):
        cache.find("alpha-system")


def test_a_system_has_its_kernel_and_its_first_files(folder):
    made(cache.ROOT, cache.KERNEL, cache.INITRAMFS)

    found = cache.find("alpha-system")

    assert folder / "steps/alpha-kernel/0ff1ce/kernel" == found.kernel
    assert folder / "steps/alpha-initramfs/0ff1ce/base.cpio" == found.initramfs
    assert ["alpha"] == sorted({arch for arch, _, ready in cache.ready() if ready})


@pytest.mark.parametrize("part", [cache.ROOT, cache.KERNEL, cache.INITRAMFS])
def test_a_host_without_one_of_its_main_files_is_not_ready(part):
    made(cache.ROOT, cache.KERNEL, cache.INITRAMFS)
    (cache.read("alpha").path(part) / cache.MAIN_FILES[part]).write_text("")

    assert ("alpha", "system", False) in cache.ready()
    with pytest.raises(HostError, match="alpha-system is not built"):
        cache.find("alpha-system")


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "\xff", '{"arch": "arm64"}', '{"unknown": 1}'),
        *('{"arch": "alpha", "keys": {"root": 5}}', '{"arch": "alpha", "versions": []}'),
        '{"arch": "alpha", "built_at": "yesterday"}',
    ],
)
def test_a_record_that_cannot_be_read_is_none(folder, text):
    (folder / "hosts").mkdir(parents=True)
    (folder / "hosts/alpha.json").write_text(text, "latin-1")

    assert cache.Record("alpha") == cache.read("alpha")


def test_the_folder_is_the_one_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("REDIRD_HOSTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert tmp_path / "redird/hosts" == cache.folder()


def test_without_a_home_folder_it_is_said_what_to_set(monkeypatch):
    def none() -> Path:
        raise RuntimeError

    for name in ("REDIRD_HOSTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", none)

    with pytest.raises(HostError, match="set REDIRD_HOSTS"):
        cache.folder()
