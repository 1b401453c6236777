"""A host gives what this one gives: every table, and the recorded workload, of one run each.

What tables are held to is known of the architecture's headers, not what its Python says.
"""

import difflib
import errno
import json

import pytest

from deploy.hosts.host import Host
from redird.fuse.errnos import ERRNOS
from redird.service import FUNCTIONS
from shareserver.store.errnos import STATUSES
from tests.hosts.abi import ABI, BITS, MACHINES
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


# --- tables ---


@pytest.fixture
def known(host):
    """What is known of the host's architecture."""
    return ABI[MACHINES[host.arch]]


@pytest.fixture
def told(host):
    """What the host says of itself."""
    return played(host).tables


def test_it_is_that_machine_and_has_no_compiled_msgpack(host, told):
    machine = MACHINES[host.arch]

    assert machine == told["machine"]
    assert BITS.get(machine, 64) == told["bits"]
    assert "msgpack.fallback" == told["msgpack"]


def test_a_status_is_the_errno_of_the_same_name_for_its_programs(known, told):
    expected = {
        status.name: known["errnos"][errno.errorcode[number]]
        for status, number in ERRNOS.items()
    }

    assert expected == told["fuse"]["errnos"]
    assert -known["errnos"]["ENOTEMPTY"] == told["fuse"]["refused"]


def test_an_errno_is_the_status_of_the_same_name_on_the_wire(told):
    expected = {errno.errorcode[number]: status.name for number, status in STATUSES.items()}

    assert expected == told["server"]


def test_what_its_kernel_refuses_has_the_status_it_has_here(told):
    assert played(NATIVE).tables["kernel"] == told["kernel"]
    assert "STATUS_DIRECTORY_NOT_EMPTY" == told["kernel"]["rmdir full"]
    assert "STATUS_OBJECT_NAME_NOT_FOUND" == told["kernel"]["open missing"]


def test_flags_locks_signals_and_options_are_its_own(known, told):
    assert known["flags"] == told["flags"]
    assert known["locks"] == told["locks"]
    assert known["signals"] == told["signals"]
    assert list(known["socket"].values()) == told["socket"]


def test_a_mount_understands_its_kernel(known, told):
    here, there = played(NATIVE).tables["fuse"], told["fuse"]

    assert here["access"] == there["access"]
    assert [known["locks"]["F_WRLCK"], "posix", 5, 5] == there["lock"]
    assert known["locks"]["F_UNLCK"] == there["unlocked"]
    assert 1 << known["signals"]["SIGKILL"] - 1 == there["kill"]
    assert 2**20 == there["pages"]


def test_a_disk_there_keeps_sizes_over_4_gib_and_times_of_its_century(told):
    ends = told["bits"] == 32  # in 2038
    store = dict(told["store"])
    kept = ["kept", "kept", "kept", *2 * ["STATUS_INVALID_PARAMETER" if ends else "kept"]]

    assert kept == store.pop("times")
    # The memory that a whole machine has for a disk reserves nothing.
    assert store.pop("room") in ("STATUS_SUCCESS", "STATUS_NOT_SUPPORTED")
    assert {
        "outside": "STATUS_ACCESS_DENIED",
        "missing": "STATUS_OBJECT_NAME_NOT_FOUND",
        "full": "STATUS_DIRECTORY_NOT_EMPTY",
        "big": [5 * 2**30 + 6, "beyond"],
        "data": 1,
    } == store


def test_a_listing_tells_years_that_its_calendar_has_not(told):
    assert ["1938", "1969", "1970", "2038", "2106", "2262"] == told["years"]


def test_a_process_there_is_stopped_goes_on_and_ends(told):
    assert ["stopped", "runs", "SIGTERM"] == told["process"]
    assert told["peer"]


# --- the recorded workload ---


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
