"""Limits seen through a mount: many files, a large one, a full disk, a dead server."""

import os
import subprocess
import time

import pytest

from tests.processes.foreground_mounts import house

pytestmark = pytest.mark.time_limit(120)
GIB = 2**30


def test_a_folder_of_100_000_files_is_listed_whole(tmp_path):
    with house(tmp_path) as there:
        names = {f"{number:06}" for number in range(100_000)}
        (there.docs / "many").mkdir()
        for name in names:
            (there.docs / "many" / name).touch()
        many = there.mount().at / "many"

        assert names == set(os.listdir(many))
        (many / "one more").touch()
        (many / "000000").unlink()
        assert names - {"000000"} | {"one more"} == set(os.listdir(many))


def test_a_file_over_4_gib_is_written_and_read_in_place(tmp_path):
    with house(tmp_path) as there:
        path = there.mount().at / "sparse"
        with path.open("wb") as file:
            file.truncate(5 * GIB)
            os.pwrite(file.fileno(), b"far out", 4 * GIB + GIB // 2)
        assert 5 * GIB == path.stat().st_size
        with path.open("rb") as file:
            assert b"far out\0" == os.pread(file.fileno(), 8, 4 * GIB + GIB // 2)
            assert bytes(8) == os.pread(file.fileno(), 8, 5 * GIB - 8)
            assert b"" == os.pread(file.fileno(), 8, 5 * GIB)
        with (there.docs / "sparse").open("rb") as file:
            assert b"far out" == os.pread(file.fileno(), 7, 4 * GIB + GIB // 2)


def test_a_full_disk_is_told_and_what_fits_stays(tmp_path, requires):
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs takes root")
    docs = tmp_path / "docs"
    docs.mkdir()
    subprocess.run(
        [requires("mount"), "-t", "tmpfs", "-o", "size=1m", "small", docs], check=True
    )
    try:
        with house(tmp_path) as there:
            at = there.mount().at
            (at / "fits").write_bytes(bytes(500_000))
            with pytest.raises(OSError, match="No space left"):
                (at / "too large").write_bytes(bytes(2_000_000))
            assert bytes(500_000) == (at / "fits").read_bytes() == (docs / "fits").read_bytes()
    finally:
        subprocess.run(["umount", "-l", docs], check=True)


def test_a_server_that_dies_is_an_error_and_no_hanging(tmp_path):
    with house(tmp_path) as there:
        at = there.mount().at
        (at / "a").write_text("there")
        there.server.kill()
        there.server.wait()
        began = time.monotonic()
        with pytest.raises(OSError, match=r"Input/output|No route"):
            (at / "b").write_text("nowhere")
        assert time.monotonic() - began < 40  # reconnect_max_s, and a little
        subprocess.run(["umount", at], check=True)
