"""A simulated field: toxics of a cable, one by one, and what they do to what passes."""

import pytest
import trio

from clients.faults.toxics import DOWNSTREAM, UPSTREAM, make
from clients.lab.simulating.wires import CableWire
from clients.lab.staging.cable import Cable
from tests.core.wires import frame

ONE, TWO, THREE = (frame([0, f"Message{number}", number]) for number in (1, 2, 3))


@pytest.fixture
async def wire(nursery):
    return CableWire("host1-server", 1, nursery.start_soon)


@pytest.fixture
def cable(wire):
    made = Cable()
    wire.attach(made)
    return made


async def received(cable, count):
    return [await cable.far.receive_some() for _ in range(count)]


async def send(cable, *sent):
    for one in sent:
        await cable.near.send_all(one)


async def test_a_latency_lets_everything_come_later_and_in_order(wire, cable, autojump_clock):
    wire.add(make("latency", UPSTREAM, latency=100))
    await send(cable, ONE, TWO)

    assert [ONE, TWO] == await received(cable, 2)
    assert pytest.approx(0.1) == trio.current_time()


@pytest.mark.parametrize(
    ("type", "attributes", "arrives"),
    [
        ("drop", {"nth": 2}, [ONE, THREE]),
        ("drop", {"message": "Message3", "nth": 1}, [ONE, TWO]),
        ("duplicate", {"nth": 1}, [ONE, ONE, TWO, THREE]),
        ("reorder", {"nth": 1}, [TWO, ONE, THREE]),
        ("delay", {"nth": 1, "delay": 50}, [TWO, THREE, ONE]),
    ],
)
async def test_a_toxic_of_frames_touches_the_one_that_is_meant(
    wire, cable, autojump_clock, type, attributes, arrives
):
    toxic = make(type, UPSTREAM, **attributes)
    wire.add(toxic)
    await send(cable, ONE, TWO, THREE)

    assert arrives == await received(cable, len(arrives))
    assert 1 == wire.changed(toxic)
    assert cable.idle is (type != "drop")


async def test_a_frame_that_was_held_goes_on_without_its_toxic(wire, cable, autojump_clock):
    toxic = make("hold", UPSTREAM, nth=1)
    wire.add(toxic)
    await send(cable, ONE, TWO)
    assert [TWO] == await received(cable, 1)
    assert not cable.idle

    wire.remove(toxic)

    assert [ONE] == await received(cable, 1)
    assert cable.idle


async def test_a_corrupt_frame_differs_in_one_bit(wire, cable, autojump_clock):
    wire.add(make("corrupt", UPSTREAM, nth=1))
    await send(cable, ONE)

    (came,) = await received(cable, 1)

    differing = [bin(one ^ two).count("1") for one, two in zip(came, ONE, strict=True)]
    assert 1 == sum(differing)


async def test_a_slicer_sends_all_of_a_frame_in_pieces(wire, cable, autojump_clock):
    wire.add(make("slicer", UPSTREAM, average_size=4, delay=1000))
    await send(cable, ONE)

    came = await received(cable, -(-len(ONE) // 4))

    assert ONE == b"".join(came)


async def test_a_stream_that_is_cut_off_goes_on_when_its_toxic_is_gone(
    wire, cable, autojump_clock
):
    toxic = make("timeout", UPSTREAM)
    wire.add(toxic)
    await send(cable, ONE)

    with trio.move_on_after(5) as bound:
        await cable.far.receive_some()
    wire.remove(toxic)

    assert bound.cancelled_caught
    assert [ONE] == await received(cable, 1)
    assert 1 == wire.changed(toxic)


async def test_a_reset_breaks_both_ends(wire, cable, autojump_clock):
    wire.add(make("reset_peer", UPSTREAM))

    with pytest.raises(trio.BrokenResourceError):
        await cable.far.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await cable.near.receive_some()


async def test_a_half_open_stream_is_known_to_be_dead_at_one_end_only(
    wire, cable, autojump_clock
):
    wire.add(make("half_open", UPSTREAM))

    assert b"" == await cable.far.receive_some()
    await cable.far.aclose()
    await send(cable, ONE)
    with trio.move_on_after(60) as bound:
        await cable.near.receive_some()
    assert bound.cancelled_caught


async def test_what_has_no_toxic_in_its_direction_is_not_touched(wire, cable, autojump_clock):
    toxic = make("latency", DOWNSTREAM, latency=100)
    wire.add(toxic)
    await send(cable, ONE)

    assert [ONE] == await received(cable, 1)
    assert 0.0 == trio.current_time()
    assert 0 == wire.changed(toxic)


async def test_a_held_wire_holds_cables_that_come_later_too(wire, autojump_clock):
    wire.hold(True)
    late = Cable()
    wire.attach(late)
    await send(late, ONE)

    with trio.move_on_after(5) as bound:
        await late.far.receive_some()
    wire.hold(False)

    assert bound.cancelled_caught
    assert [ONE] == await received(late, 1)
