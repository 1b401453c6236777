"""The grammar of load files, on lines made up here."""

import pytest

from clients.lab.replaying import loadfile as lf
from clients.lab.replaying.player import Outcome, is_sound, pattern
from clients.lab.replaying.tally import MISMATCHES_MAX, Tally, total
from redird.wire.status import Status

OK, MISSING = Status.STATUS_SUCCESS, Status.STATUS_OBJECT_NAME_NOT_FOUND
ALL = r"""
# made up
NTCreateX "\top\new folder" 0x1 0x2 7 NT_STATUS_OK
Close 7 NT_STATUS_OK
ReadX 7 0x10 20 20 NT_STATUS_OK
WriteX 7 0 5 5 NT_STATUS_DISK_FULL
Flush 7 NT_STATUS_OK
LockX 7 100 1 NT_STATUS_OK
UnlockX 7 100 1 NT_STATUS_RANGE_NOT_LOCKED
QUERY_PATH_INFORMATION "\top\x" 1004 NT_STATUS_OBJECT_NAME_NOT_FOUND
QUERY_FILE_INFORMATION 7 258 NT_STATUS_OK
QUERY_FS_INFORMATION 1 NT_STATUS_OK
SET_FILE_INFORMATION 7 1004 NT_STATUS_OK
FIND_FIRST "\top\*.x" 260 10 0 NT_STATUS_NO_SUCH_FILE
Rename "\top\a" "\top\b" NT_STATUS_OK
Unlink "\top\a" 0x6 NT_STATUS_OK
Deltree "\top" NT_STATUS_OK
Mkdir "\" NT_STATUS_OK
"""


def test_every_operation_is_read():
    lines = lf.parse(ALL.splitlines())
    assert set(lf.NAMES) == {type(line.operation) for line in lines}
    assert lf.Line(3, lf.NTCreateX("top/new folder", 1, 2, 7), OK) == lines[0]
    assert lf.ReadX(7, 16, 20, 20) == lines[2].operation
    assert Status.STATUS_DISK_FULL is lines[3].expected
    assert lf.FindFirst("top/*.x", 260, 10, 0) == lines[11].operation
    assert lf.Mkdir("") == lines[-1].operation


def test_only_the_first_lines_are_read():
    good, bad = "Close 1 NT_STATUS_OK", "Nonsense"
    assert 2 == len(lf.parse([good, good, bad], lines_max=2))


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("Close", "a status are needed"),
        ("Shut 7 NT_STATUS_OK", "no operation Shut"),
        ("Close NT_STATUS_OK", "Close takes handle and a status"),
        ("Close 7 8 NT_STATUS_OK", "Close takes handle and a status"),
        ("Close seven NT_STATUS_OK", "handle must be a number, not seven"),
        ("Close -7 NT_STATUS_OK", "must not be negative"),
        ("Close 7 STATUS_SUCCESS", "no status STATUS_SUCCESS"),
        ("Close 7 NT_STATUS_NONSENSE", "no status NT_STATUS_NONSENSE"),
        (r"Mkdir \top NT_STATUS_OK", "a path in quotes"),
        (r'Mkdir "top" NT_STATUS_OK', "a path in quotes"),
        ("ReadX 1 0 1048577 0 NT_STATUS_OK", "length must be at most 1048576"),
        ("SET_FILE_INFORMATION 7 258 NT_STATUS_OK", "only levels 257 and 1004"),
    ],
)
def test_a_bad_line_is_named_by_number_and_fault(bad, complaint):
    with pytest.raises(lf.LoadfileError, match=f"line 2: .*{complaint}"):
        lf.parse(["Close 1 NT_STATUS_OK", bad])


def test_statuses_have_the_names_of_load_files():
    assert "NT_STATUS_OK" == lf.status_name(OK)
    assert "NT_STATUS_OBJECT_NAME_NOT_FOUND" == lf.status_name(MISSING)


# --- what came of them ------------------------------------------------------------------------


def read_line(count=5):
    return lf.Line(9, lf.ReadX(7, 0, 5, count), OK)


@pytest.mark.parametrize(
    ("outcome", "matches"),
    [
        (Outcome(OK, 5), True),
        (Outcome(OK, 4), False),
        (Outcome(OK, 5, sound=False), False),
        (Outcome(MISSING), False),
    ],
)
def test_a_read_matches_by_status_and_bytes(outcome, matches):
    tally = Tally()
    tally.note(read_line(), outcome, 1, 0.5)
    assert (1, matches, not matches) == (tally.lines, tally.matched, len(tally.mismatched))


def test_a_mismatch_names_its_line():
    tally = Tally()
    line = lf.Line(12, lf.QueryPath("top/x", 1004), MISSING)
    tally.note(line, Outcome(OK), 3, 0.0)
    [told] = tally.mismatched
    assert told == {
        "line": 12,
        "client": 3,
        "operation": "QUERY_PATH_INFORMATION",
        "about": "top/x",
        "expected": "NT_STATUS_OBJECT_NAME_NOT_FOUND",
        "got": "NT_STATUS_OK",
    }


def test_tallies_add_up_and_travel():
    one, other = Tally(), Tally()
    one.note(read_line(), Outcome(OK, 5), 1, 0.2)
    other.note(read_line(), Outcome(OK, 5), 2, 0.4)
    other.note(read_line(), Outcome(MISSING), 2, 0.0)
    whole = total([one, Tally.from_object(other.as_object())])
    assert (3, 2, 10) == (whole.lines, whole.matched, whole.bytes)
    [row] = whole.rows()
    assert {"operation": "ReadX", "count": 3, "mean_ms": 200.0, "worst_ms": 400.0} == row


def test_mismatches_are_bounded_and_survive_a_restart():
    tally = Tally()
    for _ in range(MISMATCHES_MAX + 5):
        tally.note(read_line(), Outcome(MISSING), 1, 0.0)
    tally.restart()
    assert (0, MISMATCHES_MAX) == (tally.lines, len(tally.mismatched))


def test_data_tells_its_offset():
    assert is_sound(1000, pattern(1000, 600))
    assert is_sound(1000, bytes(10) + pattern(1010, 20))
    assert not is_sound(1000, pattern(1001, 600))
    assert not is_sound(0, b"\xff")
