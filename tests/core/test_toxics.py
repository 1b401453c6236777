"""What a toxic touches is a function of where, and of nothing else that happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.faults.applied import TOXICS_MAX, TooMany, Toxics
from clients.faults.toxics import (
    DOWNSTREAM,
    OF_FRAMES,
    OF_STREAMS,
    TYPES,
    UPSTREAM,
    Place,
    ToxicError,
    affects,
    chance,
    corrupted,
    latency_s,
    make,
    parse,
    slices,
)

places = st.builds(
    Place,
    st.sampled_from(["host1-server", "clients-host1"]),
    st.integers(0, 50),
    st.sampled_from([UPSTREAM, DOWNSTREAM]),
    st.integers(0, 1000),
)
of_frames = st.builds(
    lambda kind, name, nth, toxicity, stream: make(kind, stream, name, toxicity, nth=nth),
    st.sampled_from(sorted(OF_FRAMES)),
    st.sampled_from("abcd"),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.sampled_from([UPSTREAM, DOWNSTREAM]),
)


def touched(toxics, passing):
    """Which frames each toxic touched, by its name."""
    wire = Toxics("w", 7)
    for toxic in toxics:
        wire.add(toxic, 0.0)
    found: dict[str, list[Place]] = {toxic.name: [] for toxic in toxics}
    for place in passing:
        for one in wire.touching(place, "CloseBatch"):
            found[one.toxic.name].append(place)
    return found


@given(st.lists(of_frames, max_size=3, unique_by=lambda one: one.name),
       st.lists(places, max_size=30), st.sampled_from(sorted(OF_FRAMES)))  # fmt: skip
def test_one_more_toxic_shifts_no_other(toxics, passing, kind):
    alone = touched(toxics, passing)
    beside = touched([make(kind, UPSTREAM, "one more", 0.5, nth=0), *toxics], passing)

    assert alone == {name: beside[name] for name in alone}


@given(places, places)
def test_one_more_link_shifts_no_other(place, other):
    toxic = make("drop", place.direction, toxicity=0.5, nth=0)
    before = affects(3, place, toxic)
    affects(3, other, toxic)

    assert before == affects(3, place, toxic)


def test_a_toxicity_is_the_part_that_is_touched():
    toxic = make("drop", toxicity=0.3, nth=0)
    count = sum(affects(1, Place("w", 0, DOWNSTREAM, n), toxic) for n in range(10_000))

    assert 2_800 < count < 3_200


def test_a_toxicity_of_nothing_touches_nothing():
    toxic = make("latency", toxicity=0, latency=100)

    assert not any(affects(1, Place("w", n, DOWNSTREAM), toxic) for n in range(1000))


def test_a_toxic_of_streams_touches_a_link_as_a_whole():
    toxic = make("latency", toxicity=0.5, latency=100)
    by_link = {
        link: {affects(5, Place("w", link, DOWNSTREAM, frame), toxic) for frame in range(20)}
        for link in range(40)
    }

    assert {1} == {len(answers) for answers in by_link.values()}
    assert {(True,), (False,)} == {tuple(answers) for answers in by_link.values()}


def test_seeds_wires_links_directions_frames_and_names_all_decide():
    toxic, place = make("drop", name="a"), Place("w", 1, DOWNSTREAM, 1)
    others = [
        chance(2, place, toxic),
        chance(1, Place("v", 1, DOWNSTREAM, 1), toxic),
        chance(1, Place("w", 2, DOWNSTREAM, 1), toxic),
        chance(1, Place("w", 1, UPSTREAM, 1), toxic),
        chance(1, Place("w", 1, DOWNSTREAM, 2), toxic),
        chance(1, place, make("drop", name="b")),
        chance(1, place, toxic),
    ]

    assert 7 == len(set(others))
    assert chance(1, place, make("drop", name="a")) == others[-1]


def test_the_nth_counts_what_passes_after_the_toxic_came():
    wire = Toxics("w", 1)
    passing = [Place("w", 0, UPSTREAM, number) for number in range(6)]
    assert [] == wire.touching(passing[0], "Logoff")
    wire.add(make("drop", UPSTREAM, message="Logoff", nth=2), 0.0)
    names = ["Logoff", "Echo", "Logoff", "Logoff", "Logoff"]
    found = [len(wire.touching(*one)) for one in zip(passing[1:], names, strict=True)]

    assert [0, 0, 1, 0, 0] == found


@given(places, st.integers(0, 5000), st.integers(0, 500), st.integers(0, 600))
def test_a_slicer_loses_nothing(place, length, average, variation):
    toxic = make("slicer", average_size=average, size_variation=variation)
    pieces = slices(1, place, toxic, length)

    assert length == sum(pieces)
    assert all(0 < piece <= max(1, average) + variation for piece in pieces)


@given(places, st.integers(0, 1000), st.integers(0, 2000))
def test_a_latency_stays_within_its_jitter(place, latency, jitter):
    took_s = latency_s(1, place, make("latency", latency=latency, jitter=jitter))

    assert max(0, latency - jitter) / 1000 <= took_s <= (latency + jitter) / 1000


@given(places, st.binary(min_size=1, max_size=50), st.integers(0, 60))
def test_a_corrupt_frame_differs_by_one_bit(place, data, keep):
    made = corrupted(1, place, make("corrupt"), data, keep)
    bits = int.from_bytes(data, "big") ^ int.from_bytes(made, "big")

    assert (len(data), 1) == (len(made), bits.bit_count())
    assert data[: min(keep, len(data) - 1)] == made[: min(keep, len(data) - 1)]


def test_what_toxiproxy_writes_is_read():
    given = {"name": "slow", "type": "latency", "stream": "upstream", "toxicity": 0.5,
             "attributes": {"latency": 1000.0, "jitter": 10}}  # fmt: skip
    toxic = parse(given)

    assert ("slow", "upstream", 0.5) == (toxic.name, toxic.stream, toxic.toxicity)
    assert (1000, 10) == (toxic.number("latency"), toxic.number("jitter"))
    assert "latency_downstream" == parse({"type": "latency"}).name


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_whole_attributes_by_itself(kind):
    assert dict(TYPES[kind]) == dict(make(kind).attributes)
    assert (kind in OF_FRAMES) != (kind in OF_STREAMS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "a toxic is an object"),
        ({}, "type: None is none of latency"),
        ({"type": "packet_loss"}, "type: 'packet_loss' is none of"),
        ({"type": ["drop"]}, "is none of"),
        ({"type": "drop", "stream": "sideways"}, "neither upstream nor downstream"),
        ({"type": "drop", "name": 5}, "name: 5 is not a text"),
        ({"type": "drop", "toxicity": 2}, "toxicity: 2 is not a number from 0 to 1"),
        ({"type": "drop", "toxicity": True}, "toxicity: True"),
        ({"type": "drop", "attributes": 3}, "attributes: an object is wanted"),
        ({"type": "latency", "attributes": {"late": 3}}, "latency has no such one; it has"),
        ({"type": "down", "attributes": {"late": 3}}, "it has none"),
        ({"type": "latency", "attributes": {"latency": -1}}, "-1 is not from 0"),
        ({"type": "latency", "attributes": {"latency": float("nan")}}, "nan is not a number"),
        ({"type": "latency", "attributes": {"latency": "1"}}, "'1' is not a number"),
        ({"type": "drop", "attributes": {"message": 1}}, "message: 1 is not a text"),
    ],
)
def test_what_is_no_toxic_is_told_in_words(wrong, said):
    with pytest.raises(ToxicError) as no:
        parse(wrong)

    assert said in str(no.value)


def test_what_was_touched_is_counted_beyond_the_end():
    noted: list[dict] = []
    wire, toxic = Toxics("w", 1, noted.append), make("drop", nth=0)
    place = Place("w", 4, DOWNSTREAM, 9)
    for again in range(2):
        wire.add(toxic, float(again))
        (applied,) = wire.touching(place, "Echo")
        wire.touch(applied, place, 1.5, "Echo")
        wire.remove(toxic)

    assert (2, 0, False) == (wire.changed(toxic), len(wire), wire.works(toxic))
    assert 2 * [
        {"at_s": 1.5, "wire": "w", "link": 4, "stream": "downstream", "frame": 9,
         "message": "Echo", "toxic": "drop_downstream", "type": "drop"}
    ] == noted  # fmt: skip


def test_a_wire_keeps_so_many_toxics():
    wire = Toxics("w", 1)
    for number in range(TOXICS_MAX):
        wire.add(make("latency", name=str(number)), 0.0)
    wire.add(make("latency", name="0", latency=5), 0.0)
    with pytest.raises(TooMany):
        wire.add(make("latency", name="one more"), 0.0)

    assert TOXICS_MAX == len(wire)
