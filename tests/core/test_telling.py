"""A story of a history: a line an event, in columns, what comes after a time left out."""

from clients.lab.checking.history import first_line, line
from clients.lab.simulating.telling import LINES_MAX, story

LINES = [
    first_line(1, {}),
    line({"type": "server", "event": "started", "epoch": 1, "at_ns": 0}),
    line(
        {"type": "invoke", "op": 1, "process": "host1/u#1", "f": "connect", "at_ns": 5 * 10**8}
        | {"session": 1, "share": "docs"}
    ),
    line({"type": "message", "wire": "host1-server", "name": "Close", "dir": "up", "at_ns": 1}),
    line(
        {"type": "fact", "from": "server", "kind": "use_admitted", "at_ns": 6 * 10**8}
        | {"tree": 1, "user": "u", "uses": 1}
    ),
    line(
        {"type": "ok", "op": 1, "process": "host1/u#1", "f": "connect", "at_ns": 7 * 10**8}
        | {"connection": 3}
    ),
]


def test_what_matters_is_told_in_columns():
    assert [
        "    0.0000  server     started",
        "    0.5000  host1/u#1  connect docs",
        "    0.6000  server     use_admitted   tree 1, user u, uses 1",
        "    0.7000  host1/u#1    connect: ok  connection 3",
    ] == list(story(LINES, 10**9))


def test_what_comes_after_the_failure_is_left_out():
    assert 2 == len(list(story(LINES, 55 * 10**7)))


def test_a_long_story_is_told_from_where_it_matters():
    long = [LINES[0], *LINES[1:2] * 2 * LINES_MAX]

    told = list(story(long, 1))

    assert f"          ... {LINES_MAX} lines before" == told[0]
    assert LINES_MAX + 1 == len(told)
