"""What a swarm leaves behind: a page and pictures, also when nothing came of it."""

import io
import json
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from clients.lab.swarming.leader import Load
from clients.lab.swarming.options import Options
from clients.lab.swarming.outcome import by_host, outcome
from clients.lab.swarming.progress import Progress
from clients.lab.swarming.results import results_tables, write_page, write_results
from clients.lab.swarming.watch import Watch
from clients.swarm.line import Lead
from clients.swarm.measures import Measures
from clients.swarm.workload import Workload

SECOND_NS = 10**9


def result(refusals=0, reasons=None):
    measures = Measures()
    measures.counts.logons = measures.counts.refused = refusals
    for _ in range(refusals):
        measures.logon.record(0.25)
    return {
        "measures": measures.plain(),
        "reasons": reasons or {},
        "stays": [["refused", 10.0 + at, 10.25 + at, None, None] for at in range(refusals)],
        "complete": True,
        "began": 10.0,
        "late_s": 0.0,
        "machine": "here",
        "to_wall_s": 0.0,
    }


def load(results, *facts):
    watch = Watch("unix:/nowhere", "docs", {})
    watch._take([{**fact, "number": number} for number, fact in enumerate(facts, 1)])
    return Load(outcome(results, [], 2, False), watch, begins_at=1.0)


def fact(connection, state, at_s, share="docs"):
    return {
        "kind": "connection_state",
        "connection": connection,
        "state": state,
        "at_ns": round(at_s * SECOND_NS),
        "share": share,
    }


OPTIONS = Options(Workload(), limit=2)


def written(folder, made):
    figures = write_results(folder, OPTIONS, made)
    write_page(folder, OPTIONS, made, "Just now.")
    assert figures.items() <= json.loads((folder / "results.json").read_text()).items()
    return figures, (folder / "report.html").read_text(encoding="utf-8")


def test_a_swarm_to_which_nobody_came_has_a_page_too(tmp_path):
    figures, page = written(tmp_path, load([result()]))

    assert (0, 0, 0.0) == (figures["logons"], figures["spurious"], figures["logons_per_s"])
    assert "0 logons, 0 admitted, 0 refused; 0 failed" in page
    assert 1 == page.count("<img")


def test_the_object_has_what_is_documented(tmp_path):
    figures, _ = written(tmp_path, load([result(3)]))

    documented = {"logons", "refused", "spurious", "sessions_peak", "logons_per_s"}
    assert documented | {"latency_ms", "not_started", "partial", "failed"} <= figures.keys()
    assert {"p50", "p99", "p999"} == figures["latency_ms"].keys()
    assert (3, 3) == (figures["refused"], figures["spurious"])
    assert 250 == pytest.approx(figures["latency_ms"]["p50"], rel=0.01)


def test_every_picture_is_in_the_page(tmp_path):
    held = [fact(1, "live", 1.5), fact(1, "orphan", 2.0), fact(1, "released", 3.0)]
    _, page = written(tmp_path, load([result(3)], *held))

    assert 3 == page.count("<img")
    assert {"latency.png", "slots.png", "refusals.png"} == {
        path.name for path in tmp_path.glob("*.png")
    }


def test_hosts_are_beside_each_other_in_table_page_and_object(tmp_path):
    results = [{**result(count), "shard": number} for number, count in enumerate((3, 5, 2))]
    hosts = by_host(results[:2], ["alpha-system", "native", "native"])
    made = replace(load(results[:2]), hosts=hosts)
    figures, page = written(tmp_path, made)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(results_tables(figures))
    text = console.export_text()

    assert [3, 5] == [one["refused"] for one in figures["hosts"].values()]
    assert (tmp_path / "hosts.png").read_bytes().startswith(b"\x89PNG")
    assert "<td>alpha-system</td>" in page
    assert ["1", "of", "2", "5", "5", "0", "0"] == text.split("native")[1].split()[:7]
    assert "…" not in text


def test_what_daemons_said_is_escaped(tmp_path):
    _, page = written(tmp_path, load([result(1, {"<script>x</script>": 3})]))

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_without_the_package_that_draws_the_page_has_no_pictures_and_says_so(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    figures, page = written(tmp_path, load([result(3)]))

    assert 3 == figures["refused"]
    assert "<img" not in page
    assert "is an extra, redird[lab]" in page


def test_slots_of_other_shares_and_of_before_are_left_out():
    facts = [fact(1, "released", 0.5), fact(2, "live", 0.5, "other"), fact(3, "live", 2.0)]
    timeline = load([], *facts).watch.timeline(1.0)

    assert timeline is not None
    assert [(0.0, 0), (1.0, 1)] == [(step.at_s, step.held) for step in timeline.steps]


def test_facts_that_were_missed_are_not_drawn_over():
    watch = Watch("unix:/nowhere", "docs", {})
    watch._take([fact(1, "live", 1.0) | {"number": 1}])
    watch._take([fact(1, "released", 2.0) | {"number": 5}])

    assert watch.timeline(0.0) is None
    assert "more happened" in watch.reason


def test_facts_of_two_redirectors_one_after_the_other_are_not_drawn_as_one():
    twice = [fact(1, state, at) for at, state in enumerate(["live", "released", "released"])]
    watch = load([], *twice).watch

    assert watch.timeline(0.0) is None
    assert "connection 1 is released after its release" == watch.reason


def test_progress_adds_up_the_workers_and_says_what_the_redirector_says():
    lead, watch = Lead("", ""), Watch("", "", {})
    for shard in range(2):
        lead.snapshots[shard] = Measures.of(result(1200)["measures"]).plain()
    watch.status = {"connections": 7, "dormant": 1234}
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(Progress(OPTIONS, console).table(lead, watch, 3.0))
    [_, row, *_] = console.export_text().splitlines()

    assert ["3/10", "s", "2,400", "0", "2,400", "0", "7/2", "1,234"] == row.split()[:8]


def test_the_terminal_shows_every_figure():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(results_tables(load([result(3)]).outcome.as_json()))

    lines = [line.split() for line in console.export_text().splitlines()]
    [shown] = [line[1:] for line in lines if line[:1] == ["logon"]]
    assert ["spurious", "3"] in lines
    assert [250, 250, 250] == pytest.approx([float(one) for one in shown], rel=0.011)
