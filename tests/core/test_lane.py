"""What toxics make of the frames in one direction of a link, with time as an argument."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.faults.applied import Toxics
from clients.faults.lane import LANE_BYTES_MAX, Lane
from clients.faults.link import CarriedLink
from clients.faults.toxics import UPSTREAM, make
from redird.wire.framing import PREFIX_BYTES, encode_frame, frame_end, peek_name

WIRE = "host1-server"
PACES = {
    "latency": {"latency": 10, "jitter": 10},
    "slicer": {"average_size": 5},
    "bandwidth": {"rate": 1},
}


def frame(name: str, payload: bytes = b"") -> bytes:
    return b"".join(encode_frame([1, name, []], payload))


def names(data: bytes) -> list[str]:
    """The messages in a stream of whole frames."""
    found, at = [], 0
    while at < len(data):
        found.append(peek_name(data, at + PREFIX_BYTES))
        at = frame_end(data, at)
    return found


def lane_with(*toxics):
    wire = Toxics(WIRE, 3)
    for toxic in toxics:
        wire.add(toxic, 0.0)
    return wire, Lane(wire, 0, UPSTREAM)


def drained(lane, now, most=LANE_BYTES_MAX):
    found = b""
    while data := lane.take(now, most):
        found += data
    return found


def test_a_lane_without_toxics_passes_what_comes():
    _, lane = lane_with()
    sent = frame("Create") + frame("Write", b"x" * 1000) + frame("Close")
    for at in range(0, len(sent), 7):
        lane.put(sent[at : at + 7], 1.0)
    lane.end(1.0)

    assert sent == drained(lane, 1.0, 100)
    assert b"" == lane.take(1.0, 100)


@pytest.mark.parametrize(
    "data", [b"G", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\0\0\0\1\0\0\0\0\xff"]
)
def test_what_is_no_frame_of_ours_passes_as_bytes_at_once(data):
    _, lane = lane_with(make("drop", UPSTREAM, nth=0))
    lane.put(data, 1.0)

    assert data == drained(lane, 1.0)


@pytest.mark.parametrize(
    ("kind", "passed"),
    [
        ("drop", ["Echo", "CloseBatch", "Logoff"]),
        ("duplicate", ["Echo", "CloseBatch", "CloseBatch", "CloseBatch", "Logoff"]),
        ("reorder", ["Echo", "CloseBatch", "Logoff", "CloseBatch"]),
        ("hold", ["Echo", "CloseBatch", "Logoff"]),
        ("delay", ["Echo", "CloseBatch", "Logoff"]),
        ("corrupt", ["Echo", "CloseBatch", "CloseBatch", "Logoff"]),
    ],
)
def test_the_second_message_of_a_name_is_touched(kind, passed):
    wire, lane = lane_with(toxic := make(kind, UPSTREAM, message="CloseBatch", nth=2))
    sent = [frame(name) for name in ("Echo", "CloseBatch", "CloseBatch", "Logoff")]
    for one in sent:
        lane.put(one, 1.0)
    found = drained(lane, 1.0)
    if kind == "corrupt":
        assert len(b"".join(sent)) == len(found) != 0
        assert b"".join(sent) != found
        assert b"".join(sent)[:PREFIX_BYTES] == found[:PREFIX_BYTES]
    else:
        assert passed == names(found)
    assert 1 == wire.changed(toxic)


def test_what_is_held_comes_when_the_toxic_goes_and_what_is_delayed_in_time():
    wire, lane = lane_with(
        hold := make("hold", UPSTREAM, message="Logoff"),
        make("delay", UPSTREAM, message="Close", delay=2000),
    )
    for name in ("Logoff", "Close", "Echo"):
        lane.put(frame(name), 1.0)
    assert ["Echo"] == names(drained(lane, 1.0))
    assert 3.0 == lane.next_at()
    assert ["Close"] == names(drained(lane, 3.0))
    assert inf == lane.next_at()
    wire.remove(hold)
    lane.changed(4.0)

    assert ["Logoff"] == names(drained(lane, 4.0))


def test_a_message_that_nothing_overtakes_comes_at_the_end():
    _, lane = lane_with(make("reorder", UPSTREAM, message="Logoff"))
    lane.put(frame("Logoff"), 1.0)
    assert b"" == drained(lane, 1.0)
    lane.end(2.0)

    assert ["Logoff"] == names(drained(lane, 2.0))
    assert b"" == lane.take(2.0, 10)


def test_a_latency_keeps_the_order_whatever_its_jitter():
    _, lane = lane_with(make("latency", UPSTREAM, latency=500, jitter=500))
    sent = [frame("Write", bytes([number])) for number in range(50)]
    for number, one in enumerate(sent):
        lane.put(one, number / 100)
    found, now = b"", 0.0
    while lane.next_at() < inf:
        now = max(now, lane.next_at())
        found += drained(lane, now)

    assert b"".join(sent) == found
    assert 0.5 < now < 1.5


def test_a_bandwidth_is_kept_and_forgotten_when_it_goes():
    wire, lane = lane_with(toxic := make("bandwidth", UPSTREAM, rate=10))
    for _ in range(10):
        lane.put(frame("Write", bytes(10_000)), 0.0)
    assert b"" == drained(lane, 0.9)
    assert 5 == len(names(drained(lane, 5.1)))
    wire.remove(toxic)
    lane.changed(5.2)

    assert 5 == len(names(drained(lane, 5.2)))
    assert 1 == wire.changed(toxic)


def test_a_slice_is_no_place_for_others():
    """What was set apart comes between frames, never inside one."""
    _, lane = lane_with(
        make("slicer", UPSTREAM, average_size=40, delay=1000),
        make("delay", UPSTREAM, message="Close", delay=5),
    )
    lane.put(frame("Close") + frame("Write", bytes(400)) + frame("Flush"), 0.0)
    found, now = b"", 0.0
    while lane.next_at() < inf:
        now = max(now, lane.next_at())
        found += lane.take(now, 16) or b""

    assert ["Write", "Close", "Flush"] == names(found)


def test_a_black_hole_lets_nothing_through_not_even_the_end():
    wire, lane = lane_with(toxic := make("timeout", UPSTREAM))
    lane.put(frame("Echo"), 0.0)
    lane.end(0.0, broken=True)
    assert (None, inf) == (lane.take(100.0, 100), lane.next_at())
    wire.remove(toxic)
    lane.changed(101.0)

    assert ["Echo"] == names(drained(lane, 101.0))
    assert (b"", True) == (lane.take(101.0, 1), lane.broken)
    assert 1 == wire.changed(toxic)


def test_a_slow_close_is_late():
    _, lane = lane_with(make("slow_close", UPSTREAM, delay=3000))
    lane.end(1.0)

    assert (None, 4.0, b"") == (lane.take(3.9, 1), lane.next_at(), lane.take(4.0, 1))


def test_a_limit_of_data_passes_so_much_and_then_the_end():
    wire, lane = lane_with(toxic := make("limit_data", UPSTREAM, bytes=100))
    lane.put(frame("Write", bytes(60)), 0.0)
    lane.put(frame("Write", bytes(60)), 0.0)
    lane.put(frame("Write", bytes(60)), 0.0)

    assert (100, b"", True) == (len(drained(lane, 0.0)), lane.take(0.0, 1), lane.limited)
    assert 1 == wire.changed(toxic)


def test_a_lane_says_when_it_is_full():
    _, lane = lane_with(make("timeout", UPSTREAM))
    while not lane.full:
        lane.put(frame("Write", bytes(64 * 1024)), 0.0)

    assert LANE_BYTES_MAX == 4 * 64 * 1024


@given(st.lists(st.sampled_from(["Echo", "Close", "Logoff"]), max_size=20),
       st.sampled_from(["delay", "reorder", "hold", "latency", "slicer", "bandwidth"]),
       st.integers(1, 200))  # fmt: skip
def test_nothing_is_lost_by_what_only_delays(sent, kind, most):
    attributes = PACES.get(kind, {"message": "Close", "nth": 0})
    wire, lane = lane_with(toxic := make(kind, UPSTREAM, **attributes))
    for name in sent:
        lane.put(frame(name), 0.0)
    found = drained(lane, 0.005, most)
    wire.remove(toxic)
    lane.changed(0.01)
    lane.end(0.01)
    found += drained(lane, 0.01, most)

    assert sorted(sent) == sorted(names(found))
    assert b"" == lane.take(0.01, most)


# --- whole links ------------------------------------------------------------------------------


def test_a_link_is_reset_in_time_and_closed_by_a_timeout():
    wire = Toxics(WIRE, 3)
    link = CarriedLink(wire, 0, 0.0)
    assert ("", inf) == (link.ending(1.0), link.next_at())
    wire.add(reset := make("reset_peer", timeout=2000), 1.0)
    assert ("", 3.0, "reset") == (link.ending(2.9), link.next_at(), link.ending(3.0))
    wire.remove(reset)
    wire.add(make("timeout", timeout=1000), 5.0)

    assert ("", "closed") == (link.ending(5.9), link.ending(6.0))


def test_down_resets_all_links_and_those_to_come():
    wire = Toxics(WIRE, 3)
    old = CarriedLink(wire, 0, 0.0)
    wire.add(make("down"), 1.0)

    assert ("reset", "reset") == (old.ending(1.0), CarriedLink(wire, 1, 2.0).ending(2.0))


def test_a_half_open_link_is_dead_until_it_heals_and_a_later_one_is_whole():
    wire = Toxics(WIRE, 3)
    old = CarriedLink(wire, 0, 0.0)
    old.up.put(frame("Echo"), 0.5)
    wire.add(toxic := make("half_open", UPSTREAM), 1.0)
    later = CarriedLink(wire, 1, 1.5)
    assert ("half_open", "", UPSTREAM) == (old.ending(1.0), old.ending(2.0), old.dead)
    old.up.put(frame("Echo"), 2.0)
    old.down.end(2.0, broken=True)
    assert (None, None) == (old.up.take(2.0, 9), old.down.take(2.0, 9))
    assert ("", "") == (later.ending(2.0), later.dead)
    wire.remove(toxic)

    assert ("reset", "", 1) == (old.ending(3.0), later.ending(3.0), wire.changed(toxic))


def test_a_cut_ends_one_link():
    link = CarriedLink(Toxics(WIRE, 3), 0, 0.0)
    link.cut()

    assert "reset" == link.ending(0.0)
