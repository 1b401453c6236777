"""NT statuses: the real numbers, what a Windows program sees, and words for people."""

import pytest

from redird.wire.errors import Refused
from redird.wire.status import Status, advice

KNOWN = [
    # name, number, Win32 error: MS-ERREF 2.3 and RtlNtStatusToDosError
    ("STATUS_SUCCESS", 0x00000000, 0),
    ("STATUS_NO_MORE_FILES", 0x80000006, 18),  # ERROR_NO_MORE_FILES
    ("STATUS_INVALID_HANDLE", 0xC0000008, 6),  # ERROR_INVALID_HANDLE
    ("STATUS_INVALID_PARAMETER", 0xC000000D, 87),  # ERROR_INVALID_PARAMETER
    ("STATUS_NO_SUCH_FILE", 0xC000000F, 2),  # ERROR_FILE_NOT_FOUND
    ("STATUS_END_OF_FILE", 0xC0000011, 38),  # ERROR_HANDLE_EOF
    ("STATUS_ACCESS_DENIED", 0xC0000022, 5),  # ERROR_ACCESS_DENIED
    ("STATUS_OBJECT_NAME_INVALID", 0xC0000033, 123),  # ERROR_INVALID_NAME
    ("STATUS_OBJECT_NAME_NOT_FOUND", 0xC0000034, 2),  # ERROR_FILE_NOT_FOUND
    ("STATUS_OBJECT_NAME_COLLISION", 0xC0000035, 183),  # ERROR_ALREADY_EXISTS
    ("STATUS_OBJECT_PATH_NOT_FOUND", 0xC000003A, 3),  # ERROR_PATH_NOT_FOUND
    ("STATUS_OBJECT_PATH_SYNTAX_BAD", 0xC000003B, 161),  # ERROR_BAD_PATHNAME
    ("STATUS_SHARING_VIOLATION", 0xC0000043, 32),  # ERROR_SHARING_VIOLATION
    ("STATUS_LOGON_FAILURE", 0xC000006D, 1326),  # ERROR_LOGON_FAILURE
    ("STATUS_DISK_FULL", 0xC000007F, 112),  # ERROR_DISK_FULL
    ("STATUS_MEDIA_WRITE_PROTECTED", 0xC00000A2, 19),  # ERROR_WRITE_PROTECT
    ("STATUS_FILE_IS_A_DIRECTORY", 0xC00000BA, 5),  # ERROR_ACCESS_DENIED
    ("STATUS_NETWORK_NAME_DELETED", 0xC00000C9, 64),  # ERROR_NETNAME_DELETED
    ("STATUS_DIRECTORY_NOT_EMPTY", 0xC0000101, 145),  # ERROR_DIR_NOT_EMPTY
    ("STATUS_BUFFER_TOO_SMALL", 0xC0000023, 122),  # ERROR_INSUFFICIENT_BUFFER
    ("STATUS_NOT_SAME_DEVICE", 0xC00000D4, 17),  # ERROR_NOT_SAME_DEVICE
    ("STATUS_NOT_A_DIRECTORY", 0xC0000103, 267),  # ERROR_DIRECTORY
    ("STATUS_NAME_TOO_LONG", 0xC0000106, 206),  # ERROR_FILENAME_EXCED_RANGE
    ("STATUS_CANNOT_DELETE", 0xC0000121, 5),  # ERROR_ACCESS_DENIED
    ("STATUS_USER_SESSION_DELETED", 0xC0000203, 59),  # ERROR_UNEXP_NET_ERR
    # admission, in the order that a tree connect is checked, and the limits around it
    ("STATUS_BAD_NETWORK_NAME", 0xC00000CC, 67),  # ERROR_BAD_NET_NAME
    ("STATUS_SHARING_PAUSED", 0xC00000CF, 70),  # ERROR_SHARING_PAUSED
    ("STATUS_BAD_DEVICE_TYPE", 0xC00000CB, 66),  # ERROR_BAD_DEV_TYPE
    ("STATUS_REQUEST_NOT_ACCEPTED", 0xC00000D0, 71),  # ERROR_REQ_NOT_ACCEP
    ("STATUS_TOO_MANY_SESSIONS", 0xC00000CE, 69),  # ERROR_TOO_MANY_SESS
    ("STATUS_TOO_MANY_OPENED_FILES", 0xC000011F, 4),  # ERROR_TOO_MANY_OPEN_FILES
    ("STATUS_FILES_OPEN", 0xC0000107, 2401),  # NERR_OpenFiles
    ("STATUS_CONNECTION_IN_USE", 0xC0000108, 2404),  # NERR_DevInUse
    ("STATUS_INSUFFICIENT_RESOURCES", 0xC000009A, 1450),  # ERROR_NO_SYSTEM_RESOURCES
    ("STATUS_QUOTA_EXCEEDED", 0xC0000044, 1816),  # ERROR_NOT_ENOUGH_QUOTA
]


@pytest.mark.parametrize(("name", "number", "win32"), KNOWN)
def test_well_known_statuses_have_their_real_numbers(name, number, win32):
    status = Status[name]

    assert (name, number, win32) == (status.name, int(status), status.win32)
    assert [status] == [one for one in Status if one == number]


def test_no_two_statuses_share_a_number():
    assert len(Status.__members__) == len({int(status) for status in Status})


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence_for_people_and_a_severity(status):
    assert status.text == status.text.strip(". ")
    assert len(status.text) > 3
    assert status is Status.STATUS_SUCCESS or int(status) >> 30 in (2, 3)  # warning, error
    assert status.win32 < 2**16


def test_a_refusal_says_what_was_refused_why_and_by_which_status():
    no = Refused(Status.STATUS_REQUEST_NOT_ACCEPTED, "docs", {"receipt": 3})

    assert str(no) == (
        "docs: the share's connection limit is reached (STATUS_REQUEST_NOT_ACCEPTED)"
    )
    assert {"receipt": 3} == no.detail
    assert "receipt" in advice(no.status)


def test_not_every_status_has_advice():
    assert "" == advice(Status.STATUS_SUCCESS)
