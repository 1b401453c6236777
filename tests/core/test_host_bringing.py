"""Files that a whole machine shall have too: where they are here, if it has room for them."""

import os
from pathlib import Path

import pytest

from deploy.hosts.bringing import brought
from deploy.hosts.host import HostError

ROOM = 1 << 20


def paths(entries) -> list[str]:
    return [f"/{entry.path}" for entry in entries]


def test_files_and_the_working_folder_are_where_they_are_here(tmp_path):
    here = tmp_path / "here"
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a file").write_text("a")
    files = {"../there/a file": tmp_path / "there/a file", "/x/y": tmp_path / "there"}
    found = paths(brought(files, here, ROOM))

    wanted = {str(here), f"{tmp_path}/there/a file", "/x", "/x/y", "/x/y/a file"}
    assert wanted <= set(found)
    assert len(set(found)) == len(found)
    assert all(found.index(os.path.dirname(one)) < found.index(one) for one in wanted - {"/x"})


def test_what_has_no_end_or_no_room_is_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("half", "folder/half"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(ROOM // 2 + 1)
    files = {name: tmp_path / name for name in ("half", "folder", "pipe", "nothing")}

    list(brought({"half": files["half"]}, tmp_path, ROOM))
    for chosen, why in (
        (
            {"folder": files["folder"], "half": files["half"]},
            "half.* more than 1 MB altogether",
        ),
        ({"pipe": files["pipe"]}, "pipe.* neither a file nor a folder"),
        ({"zeros": Path("/dev/zero")}, "/dev/zero.* neither a file nor a folder"),
        ({"nothing": files["nothing"]}, "nothing cannot be brought along: no such file"),
    ):
        with pytest.raises(HostError, match=why):
            list(brought(chosen, tmp_path, ROOM))
