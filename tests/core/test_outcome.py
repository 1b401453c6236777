"""What shards found, put together: verdicts over all of them, and never more than is known."""

import pytest

from clients.lab.swarming.outcome import by_host, outcome
from clients.swarm.measures import Measures


def shard(*stays, began=0.0, complete=True, machine="here", to_wall_s=0.0):
    measures = Measures()
    for stay in stays:
        measures.counts.logons += 1
        measures.counts.refused += stay[0] == "refused"
        measures.counts.admitted += stay[0] == "admitted"
        measures.logon.record(stay[2] - stay[1])
    return {
        "measures": measures.plain(),
        "reasons": {},
        "stays": [list(stay) for stay in stays],
        "complete": complete,
        "began": began,
        "late_s": 0.0,
        "machine": machine,
        "to_wall_s": to_wall_s,
    }


def stay(*times):
    return ("admitted", *times)


def refusal(sent, answered):
    return ("refused", sent, answered, None, None)


EARLY = stay(1.0, 1.1, 5.0, 5.1)


def verdicts(results, limit=2, lost=()):
    return [verdict for _, verdict in outcome(results, lost, limit, False).refusals]


def test_holders_of_every_shard_count_for_a_verdict():
    refused = shard(refusal(3.0, 3.1))

    assert ["spurious"] == verdicts([shard(EARLY), refused])
    assert ["genuine"] == verdicts([shard(EARLY), shard(EARLY), refused])


@pytest.mark.parametrize(
    ("results", "lost"),
    [
        ([shard(EARLY), shard(refusal(3.0, 3.1))], ["shard 2: worker process 7 died"]),
        ([shard(EARLY, complete=False), shard(refusal(3.0, 3.1))], []),
    ],
)
def test_no_refusal_is_spurious_while_a_holder_may_be_unknown(results, lost):
    assert ["undecided"] == verdicts(results, lost=lost)
    assert ["genuine"] == verdicts([*results, shard(EARLY)], lost=lost)


def test_without_a_limit_nothing_is_judged():
    found = outcome([shard(refusal(3.0, 3.1))], [], None, False).as_json()

    assert (1, None) == (found["refused"], found["spurious"])


def test_times_of_several_machines_are_put_on_one_clock_with_room_for_its_error():
    here = shard(EARLY, stay(1.0, 1.1, 3.105, 3.2), began=1.0)
    there = shard(refusal(103.0, 103.1), began=101.0, machine="there", to_wall_s=-100.0)
    found = outcome([here, there], [], 2, False)

    assert [(2.0, "undecided")] == [
        (round(at_s, 6), verdict) for at_s, verdict in found.refusals
    ]
    assert ["genuine"] == verdicts([here, shard(refusal(3.0, 3.1))])


def test_the_peak_is_of_all_shards_at_one_instant():
    apart = [shard(stay(1.0, 1.1, 2.0, 2.1)), shard(stay(3.0, 3.1, 4.0, 4.1))]

    assert 1 == outcome(apart, [], None, False).peak
    assert 2 == outcome([*apart, shard(EARLY)], [], None, False).peak


def test_who_has_asked_to_leave_is_not_counted_beside_who_comes_then():
    assert 1 == outcome([shard(EARLY, stay(5.0, 5.05, 6.0, 6.1))], [], None, False).peak


def test_logons_per_second_count_answers_until_the_last_one():
    found = outcome([shard(EARLY, refusal(4.9, 5.0), began=1.0)], [], None, False)

    assert 0.5 == found.as_json()["logons_per_s"]


def test_what_is_missing_makes_the_outcome_partial():
    lost, ended = outcome([], ["died"], 1, False), outcome([], [], 1, True)
    whole = outcome([shard(EARLY)], [], 1, False)

    assert [True, True, False] == [one.as_json()["partial"] for one in (lost, ended, whole)]
    assert 0 == lost.as_json()["logons"]


def test_each_host_has_the_figures_of_its_own_shards():
    results = [
        {**shard(EARLY, refusal(3.0, 3.5)), "shard": 0},
        {**shard(EARLY, stay(1.0, 2.0, 6.0, 6.1)), "shard": 2},
    ]
    found = by_host(results, ["alpha", "native", "native"])

    alpha, native = (one.as_json() for one in found.values())

    assert ["alpha", "native"] == list(found)
    assert ([0], 0, 1, 1, 1) == tuple(
        alpha[name]
        for name in ("shards", "shards_lost", "admitted", "refused", "sessions_peak")
    )
    assert ([1, 2], 1, 2, 0) == tuple(
        native[name] for name in ("shards", "shards_lost", "admitted", "refused")
    )
    assert native["latency_ms"]["p99"] > alpha["latency_ms"]["p99"] > 400
    assert {} == by_host(results, ["", "", ""])
