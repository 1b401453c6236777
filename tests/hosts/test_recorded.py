"""The recorded workload gives the same on every host as on this one."""

import difflib
import json

import pytest

from deploy.hosts.host import Host
from redird.service import FUNCTIONS
from tests.hosts.played import played

NATIVE = Host("native", "native")
OF_ADMINISTRATORS = {"Negotiate", "Enumerate", "Mount", "Unmount", "LogoffUser"}
# Of a session's calls; other statuses are a link's, a disk's, an administrator's.
REFUSALS = {
    *("STATUS_ACCESS_DENIED", "STATUS_BAD_NETWORK_NAME", "STATUS_BAD_NETWORK_PATH"),
    *("STATUS_DELETE_PENDING", "STATUS_DIRECTORY_NOT_EMPTY", "STATUS_EA_TOO_LARGE"),
    *("STATUS_END_OF_FILE", "STATUS_FILE_IS_A_DIRECTORY", "STATUS_FILE_LOCK_CONFLICT"),
    *("STATUS_FILES_OPEN", "STATUS_INVALID_HANDLE", "STATUS_INVALID_PARAMETER"),
    *("STATUS_LOCK_NOT_GRANTED", "STATUS_LOGON_FAILURE", "STATUS_MEDIA_WRITE_PROTECTED"),
    *("STATUS_NAME_TOO_LONG", "STATUS_NETWORK_NAME_DELETED", "STATUS_NONEXISTENT_EA_ENTRY"),
    *("STATUS_NOT_A_DIRECTORY", "STATUS_NOT_A_REPARSE_POINT", "STATUS_NOT_SAME_DEVICE"),
    *("STATUS_NOT_SUPPORTED", "STATUS_OBJECT_NAME_COLLISION", "STATUS_OBJECT_NAME_INVALID"),
    *("STATUS_OBJECT_NAME_NOT_FOUND", "STATUS_OBJECT_PATH_NOT_FOUND"),
    *("STATUS_OBJECT_PATH_SYNTAX_BAD", "STATUS_RANGE_NOT_LOCKED", "STATUS_SHARING_PAUSED"),
    *("STATUS_REQUEST_NOT_ACCEPTED", "STATUS_SHARING_VIOLATION"),
    *("STATUS_TOO_MANY_OPENED_FILES", "STATUS_USER_SESSION_DELETED"),
}


def differences(here: list[str], there: list[str]) -> list[str]:
    """What differs, as a person reads it."""
    return list(difflib.unified_diff(here, there, "native", "there", n=0, lineterm=""))


@pytest.mark.parametrize("part", ["lines", "tree", "slots"])
def test_a_host_gives_the_same(host, part):
    assert [] == differences(getattr(played(NATIVE), part), getattr(played(host), part))


def test_the_workload_has_every_kind_of_call_and_refusal():
    *lines, last = map(json.loads, played(NATIVE).lines)
    calls = {request.__name__ for request in FUNCTIONS} | {"Compound"}

    assert calls - OF_ADMINISTRATORS == set(last["asked"])
    assert set() == REFUSALS - {line.get("no") for line in lines}


def test_sp5_leaves_ghosts_where_sp6_leaves_none():
    lines = [json.loads(line) for line in played(NATIVE).lines]
    told = {line.get("does"): line for line in lines}
    receipts = [line["gives"] for line in lines if line.get("does") == "receipt"]

    assert "STATUS_REQUEST_NOT_ACCEPTED" == told["sp5: user 2"]["no"]
    assert "a slot" == told["sp6: user 2"]["gives"]
    assert ["genuine", "spurious"] == [one["verdict"] for one in receipts[:2]]


def test_a_difference_is_seen():
    lines = played(NATIVE).lines
    other = [
        line.replace("STATUS_DIRECTORY_NOT_EMPTY", "STATUS_ACCESS_DENIED") for line in lines
    ]

    assert ["-", "+"] == [line[0] for line in differences(lines, other) if "rmdir" in line]
