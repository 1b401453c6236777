"""What a run of faults makes of its history, and of what it is asked for."""

import json

import pytest

from clients.faults.kinds import ALL
from clients.faults.playing import Counts, Played
from clients.lab.checking.history import read
from clients.lab.checking.recorder import Recorder
from clients.lab.faulting.journal import Journal
from clients.lab.faulting.memory import cgroup_root
from clients.lab.faulting.options import NoSuchKind, Options, named_kinds
from clients.lab.faulting.sampling import Samples
from clients.lab.faulting.seen import Span, seen_in


def history(*steps):
    """A history whose n-th step is at n seconds; each step writes with a recorder."""
    lines: list[str] = []
    now = [0]
    recorder = Recorder(lambda: now[0] * 10**9, lines.append)
    recorder.setting(1)
    for number, step in enumerate(steps, 1):
        now[0] = number
        step(recorder)
    return read(lines)


def test_faults_and_deaths_are_spans_and_operations_are_counted_by_outcome():
    seen = seen_in(
        history(
            lambda r: r.fault("reset", "host1-server", "fired", 1),
            lambda r: r.server("killed", 1),
            lambda r: r.fault("reset", "host1-server", "healed", 1),
            lambda r: r.ok(r.invoke("host1/a#1", "logon"), session=1),
            lambda r: r.server("started", 2),
            lambda r: r.fail(r.invoke("host1/a#1", "logon"), "STATUS_LOGON_FAILURE"),
            lambda r: r.fault("eio", "server", "fired", 2),
            lambda r: r.unknown(r.invoke("host1/a#1", "logon")),
        )
    )

    assert [Span("reset", "host1-server", 1, 3), Span("eio", "server", 7, 8)] == seen.faults
    assert [Span("server", "server", 2, 5)] == seen.deaths
    assert {"ok": 1, "fail": 1, "unknown": 1} == seen.outcomes["logon"]
    assert [0, 0, 0, 0, 0, 0, 0, 0, 1] == seen.bins("ok")[:9]
    assert ["reset", "eio"] == seen.kinds()


def test_kinds_are_named_or_all_and_a_wrong_name_is_told():
    assert ("reset", "eio") == named_kinds("reset, eio,")
    assert tuple(ALL) == named_kinds("all")
    assert () == named_kinds("")
    with pytest.raises(NoSuchKind) as no:
        named_kinds("reset,eoi")

    assert str(no.value).startswith("--kinds: 'eoi' is none of all, bandwidth, black_hole")


def test_a_run_is_calm_at_first_and_all_that_is_asked_for_comes_in_time():
    options = Options(seed=3, duration_s=60, kinds=tuple(ALL))
    schedule = options.schedule(ALL)

    assert set(ALL) == {one.kind for one in schedule}
    assert schedule == options.schedule(ALL)
    assert 7.2 <= schedule[0].at_s
    assert max(one.end_s for one in schedule) <= 51.001


def test_what_had_nothing_to_bite_on_comes_again_unless_it_cannot():
    options = Options(kinds=("eio", "reset", "drop"))
    played = Played({"eio": Counts(), "reset": Counts(fired=1, healed=1)})
    again = options.again(played, {"drop": "no"}, 0)

    assert ["eio"] == [one.kind for one in again]
    assert again == options.again(played, {"drop": "no"}, 0)
    assert again != options.again(played, {"drop": "no"}, 1)


def test_a_journal_takes_so_many_entries_and_says_so(tmp_path):
    with Journal(tmp_path / "journal", 2) as journal:
        for number in range(5):
            journal.note({"frame": number})
    journal.note({"frame": 6})
    lines = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]

    assert [{"frame": 0}, {"frame": 1}, {"full": True}] == lines


def test_a_cgroup_is_used_only_where_it_can_limit_memory(tmp_path):
    for name, controllers in (("without", "cpu pids\n"), ("with", "cpu memory\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.subtree_control").write_text(controllers)
    roots = tuple(tmp_path / name for name in ("none", "without", "with"))

    assert (None, tmp_path / "with") == (cgroup_root(roots[:2]), cgroup_root(roots))


def test_samples_over_the_limit_are_told_once():
    samples = Samples(3, 0, [(0.5, 3), (1.25, 4), (2.0, 5)])

    assert 5 == samples.most
    assert ["at 1.2 s the server counted 4 uses of a share that has 3"] == samples.over
    assert [] == Samples(None, 0, [(1.0, 99)]).over
