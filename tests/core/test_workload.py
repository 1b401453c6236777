"""Workloads: what is refused, and that a plan depends on its seed and nothing else."""

import re
import statistics
import tomllib
from dataclasses import fields
from heapq import merge
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.swarm.chance import Chance
from clients.swarm.trace import Trace, TraceError, read, shard_of, write
from clients.swarm.workload import Workload, WorkloadError, generate, parse

EXAMPLE = Path(__file__).parents[2] / "deploy" / "config" / "swarm.toml"

workloads = st.builds(
    Workload,
    arrivals=st.sampled_from(["poisson", "constant"]),
    rate_per_s=st.floats(0.1, 20),
    users=st.sampled_from([0, 0, 1, 7]),
    think_s=st.floats(0.5, 5),
    duration_s=st.floats(0.1, 8),
    sessions_max=st.integers(1, 100),
    length=st.sampled_from(["exponential", "constant", "lognormal"]),
    length_s=st.floats(0, 1e6),
    visits=st.floats(0, 6),
    files=st.integers(1, 5),
    locality=st.floats(0, 1),
    write_share=st.floats(0, 1),
)
seeds = st.integers(0, 2**64)


def planned(workload, seed):
    return Trace(workload.closed, tuple(generate(workload, seed)))


def order(closed):
    return (lambda one: one.user) if closed else (lambda one: (one.at_s, one.user))


@given(workloads, seeds)
def test_the_same_seed_plans_the_same_sessions(workload, seed):
    assert planned(workload, seed) == planned(workload, seed)


@given(workloads, seeds, st.integers(1, 5))
def test_shards_together_are_exactly_the_whole(workload, seed, shards):
    whole = planned(workload, seed)
    parts = [list(generate(workload, seed, shard, shards)) for shard in range(shards)]

    assert list(whole.sessions) == list(merge(*parts, key=order(workload.closed)))
    assert parts == [list(shard_of(whole, shard, shards)) for shard in range(shards)]


@given(workloads, seeds)
def test_a_plan_is_a_trace_that_reads_back_the_same(workload, seed):
    trace = planned(workload, seed)

    assert trace == read(write(trace))


@given(workloads, seeds)
def test_a_plan_keeps_the_workloads_bounds(workload, seed):
    sessions = planned(workload, seed).sessions

    assert workload.sessions_max >= len(sessions)
    assert all(visit.file < workload.files for one in sessions for visit in one.visits)
    if not workload.closed:
        assert list(range(len(sessions))) == [one.user for one in sessions]
        assert all(one.at_s <= workload.duration_s for one in sessions)


def test_another_seed_plans_something_else():
    workload = Workload()

    assert 20 == len({planned(workload, seed) for seed in range(20)})


def test_a_plan_has_the_means_that_were_asked_for():
    workload = Workload(
        rate_per_s=100, duration_s=100, length="lognormal", length_s=60, length_cv=2, visits=2.5
    )
    sessions = planned(workload, 5).sessions
    visits = [visit for one in sessions for visit in one.visits]

    assert 10_000 == pytest.approx(len(sessions), rel=0.03)
    assert 60 == pytest.approx(statistics.fmean(one.length_s for one in sessions), rel=0.06)
    assert 2.5 == pytest.approx(len(visits) / len(sessions), rel=0.02)
    assert 0.2 == pytest.approx(statistics.fmean(one.write for one in visits), rel=0.05)


def test_poisson_arrivals_are_as_irregular_as_they_must_be():
    instants = [one.at_s for one in generate(Workload(rate_per_s=100, duration_s=100), 1)]
    gaps = [later - one for one, later in pairwise(instants)]

    assert 1 == pytest.approx(statistics.stdev(gaps) / statistics.fmean(gaps), rel=0.05)


def test_the_last_visit_is_at_the_sessions_end():
    sessions = list(generate(Workload(visits=3), 1))

    assert {3} == {len(one.visits) for one in sessions}
    assert all(one.length_s - one.visits[-1].at_s < 2e-6 for one in sessions)


def test_a_local_session_comes_back_to_its_files():
    local, roaming = (
        {len({visit.file for visit in one.visits}) for one in generate(workload, 1)}
        for workload in (
            Workload(visits=4, files=10**9, locality=1),
            Workload(visits=4, files=10**9, locality=0),
        )
    )

    assert ({1}, {4}) == (local, roaming)


def test_users_of_a_closed_workload_come_again_after_thinking():
    workload = Workload(users=200, think_s=10, duration_s=100, sessions_max=10**6)
    sessions = list(generate(workload, 1))

    assert list(range(200)) == sorted({one.user for one in sessions})
    assert 200 * 10 == pytest.approx(len(sessions), rel=0.1)
    assert 10 == pytest.approx(statistics.fmean(one.at_s for one in sessions), rel=0.1)


def test_sessions_are_shared_out_among_the_users():
    counts = Workload(users=4, think_s=0.001, duration_s=100, sessions_max=10)
    by_user = [one.user for one in generate(counts, 1)]

    assert [3, 3, 2, 2] == [by_user.count(user) for user in range(4)]


def test_plans_are_made_one_at_a_time():
    endless = Workload(rate_per_s=1e6, duration_s=1e12, sessions_max=10**15)

    assert [0, 1, 2] == [one.user for one in islice(generate(endless, 1), 3)]


def test_chance_is_the_same_on_every_host():
    chance = Chance(1, 2)

    assert [0.4975139, 0.7452662] == [pytest.approx(chance.uniform()) for _ in range(2)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rate_s": 3}, "unknown key 'rate_s'; did you mean 'rate_per_s'?"),
        ({"rate_per_s": -1}, "rate_per_s: must not be negative"),
        ({"rate_per_s": 0}, "rate_per_s: must be above 0"),
        ({"rate_per_s": float("nan")}, "rate_per_s: must not be negative, nor NaN"),
        ({"rate_per_s": "many"}, "rate_per_s: must be a number, not 'many'"),
        ({"users": 2.5}, "users: must be a whole number, not 2.5"),
        ({"arrivals": "uniform"}, "arrivals: must be one of poisson, constant, trace"),
        ({"arrivals": "trace"}, "trace: must be the file of the arrivals"),
        ({"length": "pareto"}, "length: must be one of exponential, constant, lognormal"),
        ({"locality": 1.5}, "locality: must be between 0 and 1"),
        ({"write_share": 2}, "write_share: must be between 0 and 1"),
        ({"files": 0}, "files: must be above 0"),
        ({"retries": "pause"}, 'retries: must be "none" or "pause:SECONDS"'),
        ({"retries": "pause:-1"}, 'retries: must be "none" or "pause:SECONDS"'),
        ({"duration_s": 0}, "duration_s: must be above 0"),
    ],
)
def test_a_workload_that_cannot_be_says_where_and_why(table, said):
    with pytest.raises(WorkloadError) as caught:
        parse(table, "load.toml")

    assert str(caught.value).startswith(f"load.toml: {said}")


def test_a_workload_is_what_its_table_says():
    workload = parse({"users": 12, "retries": "pause:2.5", "think_s": 30}, "load.toml")

    assert (True, 2.5, 30.0) == (workload.closed, workload.retry_pause_s, workload.think_s)


def test_the_example_says_every_key_and_its_default():
    text = EXAMPLE.read_text()

    assert Workload() == parse(tomllib.loads(text), str(EXAMPLE))
    said = re.findall(r"^(?:# )?(\w+) =", text, re.MULTILINE)
    assert sorted(field.name for field in fields(Workload)) == sorted(said)


HEADER = '{"format": "redird-trace", "version": 1, "closed": false}'
SESSION = '{"user": 1, "at_s": 2.0, "length_s": 5.0, "visits": [[1.0, 3, true]]}'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: empty"),
        (["GET / HTTP/1.0"], "line 1: not a JSON object"),
        (['{"format": "pcap"}'], "line 1: format: must be 'redird-trace'"),
        ([HEADER.replace("1", "9")], "line 1: version: must be 1"),
        ([HEADER.replace("false", "0")], "line 1: closed: must be true or false"),
        ([HEADER, "{"], "line 2: not a JSON object"),
        ([HEADER, "[" * 100_000], "line 2: not a JSON object"),
        ([HEADER, SESSION.replace("user", "who")], "line 2: user: is missing"),
        ([HEADER, SESSION.replace("}", ', "x": 1}')], "line 2: x: is no field of a session"),
        ([HEADER, SESSION.replace("2.0", "-2")], "line 2: at_s: must be seconds from 0 on"),
        ([HEADER, SESSION.replace("2.0", "NaN")], "line 2: at_s: must be seconds from 0 on"),
        ([HEADER, SESSION.replace("5.0", "true")], "line 2: length_s: must be seconds"),
        ([HEADER, SESSION.replace("5.0", "1.0")], "line 2: visits: must be before"),
        ([HEADER, SESSION.replace(" 3,", " -3,")], "line 2: visits: each must be"),
        ([HEADER, SESSION.replace("1.0, 3,", "1.0,")], "line 2: visits: each must be"),
        ([HEADER, SESSION, SESSION.replace("2.0", "1.0")], "line 3: at_s: before the line"),
        (["", HEADER, "", SESSION.replace(" 1,", " 1.5,")], "line 4: user: must be a whole"),
    ],
)
def test_a_bad_line_of_a_trace_is_named(lines, said):
    with pytest.raises(TraceError) as caught:
        read(lines)

    assert str(caught.value).startswith(said)
