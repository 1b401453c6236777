"""A history says what was asked and answered; a wrong line is named."""

import json
from itertools import count

import pytest

from clients.lab.checking.history import HistoryError, first_line, in_order, line, read
from clients.lab.checking.recorder import Recorder

FIRST = first_line(7, {"preset": "sp6"})


def test_what_is_recorded_is_read_again():
    lines: list[str] = []
    ticks = count()
    recorder = Recorder(lambda: next(ticks), lines.append)
    recorder.setting(7, preset="sp6", uses_max=2)
    op = recorder.invoke("host1/ann#1", "connect", session=3, share="docs")
    recorder.fail(op, "STATUS_REQUEST_NOT_ACCEPTED", 4)
    recorder.fact("server", {"number": 9, "at_ns": 5, "kind": "use_admitted", "tree": 1})
    recorder.quiet("server", {"slots": 0}, {"slots": 0})
    recorder.disk("a", [1, 0])

    first, invoke, fail, fact, quiet, disk = read(lines)

    assert ("setting", {"preset": "sp6", "uses_max": 2}) == (first.type, first["setting"])
    assert ("invoke", "connect", 3) == (invoke.type, invoke.what, invoke["session"])
    assert ("host1/ann#1", op, 4) == (fail["process"], fail["op"], fail["receipt"])
    assert ("use_admitted", "server", 1, 2) == (
        fact.what,
        fact["from"],
        fact["tree"],
        fact.at_ns,
    )
    assert "number" not in fact.fields
    assert {"slots": 0} == quiet["baseline"]
    assert [1, 0] == disk["blocks"]
    assert [1, 2, 3, 4, 5, 6] == [one.line for one in (first, invoke, fail, fact, quiet, disk)]


def test_lines_of_several_hands_are_sorted_by_time_and_the_first_stays():
    late, soon = (line({"type": "link", "at_ns": at_ns}) for at_ns in (9, 3))

    assert [FIRST, soon, late] == in_order([FIRST, late, soon])


READ = {
    "type": "invoke", "at_ns": 5, "op": 1, "process": "host1/ann#1", "f": "read",
    "share": "docs", "path": "a", "handle": 3, "offset": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "it is empty: a history begins with a line that names its format"),
        (["{"], "line 1: not JSON"),
        (["[" * 100_000], "line 1: not JSON"),
        (["[1]"], "line 1: a JSON object is needed, not list"),
        (["{}"], 'line 1: `format` must be "redird-history"'),
        ([FIRST.replace('"version":1', '"version":2')], "line 1: `version` 2 cannot be read"),
        ([line({"format": "redird-history", "version": 1})], "needs the field `setting`"),
        ([FIRST, b"\xff\xfe"], "line 2: not JSON"),
        ([FIRST, line({"type": "fact"})], "line 2: `at_ns` must be whole nanoseconds"),
        ([FIRST, line({**READ, "at_ns": -1})], "line 2: `at_ns` must be whole nanoseconds"),
        ([FIRST, line({**READ, "type": "told"})], "line 2: `type` 'told' is not one of"),
        ([FIRST, line({**READ, "type": [1]})], "line 2: `type` [1] is not one of"),
        ([FIRST, line({**READ, "f": "fly"})], "line 2: `f` 'fly' is no operation"),
        ([FIRST, line({**READ, "op": True})], "line 2: `op` of invoke read must be int"),
        ([FIRST, line({**READ, "offset": "0"})], "line 2: `offset` of invoke read must be"),
        (
            [FIRST, line({key: READ[key] for key in READ if key != "path"})],
            "line 2: invoke read needs the field `path`",
        ),
        ([FIRST, line(READ), line({**READ, "at_ns": 4})], "line 3: `at_ns` 4 is before 5"),
        (
            [FIRST, line({"type": "server", "at_ns": 1, "event": "left", "epoch": 1})],
            "line 2: `event` of a server is started or killed, not 'left'",
        ),
    ],
)
def test_a_wrong_line_is_named_with_its_field(lines, says):
    with pytest.raises(HistoryError) as error:
        list(read(lines))

    assert says in str(error.value)


def test_a_line_is_compact_with_its_keys_in_order():
    assert '{"at_ns":1,"b":[1,2]}' == line({"b": [1, 2], "at_ns": 1})
    assert json.loads(FIRST)["seed"] == 7
