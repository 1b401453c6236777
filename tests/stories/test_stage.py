"""The stage itself: what it asserts can fail, its faults are what they say, and it runs in real
time as well.
"""

import pytest
import trio

from clients.lab.staging.cable import Cable
from clients.lab.staging.stage import stage
from redird.wire.framing import encode_frame
from tests.playbook import enter, play, read, server, touch, visit


async def test_it_runs_in_real_time_too():
    policy = {"dormant_age_max_s": 0.05, "scavenger_tick_s": 0.0}
    async with play("sp5", policy=policy) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        assert "of u1" == await read(session, "a")
        await visit(s, "u2")


async def test_its_wall_clock_follows_its_time(autojump_clock):
    async with play() as s:
        before = s.wall_now()
        await trio.sleep(12.5)
        assert 12_500_000_000 == s.wall_now() - before


async def test_the_same_seed_gives_the_same_names(autojump_clock):
    names = []
    for seed in (1, 1, 2):
        async with play(seed=seed) as s:
            names.append((s.server.instance, s.redirector.state.instance))
    assert names[0] == names[1] != names[2]


async def test_without_a_redirector_there_is_a_server_still(autojump_clock):
    async with stage(server()) as s:
        session = await (await s.direct_client()).logon("u1")
        await touch(session, "a")
        assert "of u1" == await read(session, "a")


async def test_a_leftover_fails_the_story(autojump_clock):
    async def leak():
        async with play() as s:
            s.server.ledger.admit("docs", None, 0, 0, "nobody", 0)

    with pytest.raises(AssertionError, match=r"after all have logged off.*'server: uses': 1"):
        await leak()


async def test_a_table_at_odds_with_itself_fails_the_story(autojump_clock):
    async def corrupt():
        async with play() as s:
            await visit(s, "u1")
            s.server.ledger._admitted += 1

    with pytest.raises(AssertionError):
        await corrupt()


async def test_a_failing_story_fails_as_itself(autojump_clock, log):
    log.expect("slot_was_gone")

    async def fail():
        async with play() as s:
            await enter(s, "u1")
            raise ValueError("of the story")

    with pytest.raises(ValueError, match="of the story"):
        await fail()


# --- cables -----------------------------------------------------------------------------------


def frames(*names):
    return [b"".join(encode_frame([0, name], b"payload")) for name in names]


async def send(cable, *names):
    for frame in frames(*names):
        await cable.near.send_all(frame)


async def arrived(cable):
    """What arrives without waiting."""
    got = b""
    with trio.move_on_after(0.01):
        while data := await cable.far.receive_some():
            got += data
    return got


async def test_frames_come_through_whole_in_order(autojump_clock):
    cable, sent = Cable(), frames("A", "B", "A")
    for byte in b"".join(sent):
        await cable.near.send_all(bytes([byte]))

    assert sent == [await cable.far.receive_some() for _ in range(3)]
    assert {"A": 2, "B": 1} == cable.up.arrived


async def test_what_is_no_frame_comes_through_too(autojump_clock):
    cable = Cable()
    await cable.near.send_all(b"GET / HTTP/1.1")
    await cable.near.send_all(b"more")
    assert b"GET / HTTP/1.1more" == await arrived(cable)


async def test_half_a_frame_comes_with_the_end(autojump_clock):
    cable, [frame] = Cable(), frames("A")
    await cable.near.send_all(frame[:-1])
    assert b"" == await arrived(cable)

    await cable.near.aclose()
    assert [frame[:-1], b""] == [await cable.far.receive_some() for _ in range(2)]


async def test_held_messages_are_overtaken(autojump_clock):
    cable = Cable()
    cable.up.hold("A")
    await send(cable, "A", "B", "A", "C")
    assert b"".join(frames("B", "C")) == await arrived(cable)

    cable.release()
    assert b"".join(frames("A", "A")) == await arrived(cable)


async def test_a_held_lane_hides_even_the_end(autojump_clock):
    cable = Cable()
    cable.hold()
    await send(cable, "A")
    await cable.near.aclose()
    assert b"" == await arrived(cable)

    cable.release()
    assert frames("A") == [await cable.far.receive_some()]
    assert b"" == await cable.far.receive_some()


async def test_a_slow_lane_keeps_the_order(autojump_clock):
    cable, began = Cable(), trio.current_time()
    cable.delay(2.0)
    await send(cable, "A")
    await trio.sleep(1.0)
    await send(cable, "B")

    for due_s, frame in zip((2.0, 3.0), frames("A", "B"), strict=True):
        assert frame == await cable.far.receive_some()
        assert due_s == trio.current_time() - began


async def test_a_sender_waits_when_too_much_is_under_way(autojump_clock):
    cable = Cable(bytes_max=100)
    with trio.move_on_after(1) as waited:
        await send(cable, *"ABCDEFGH")
    assert waited.cancelled_caught

    await arrived(cable)
    await send(cable, "I")


async def test_a_cut_is_seen_at_both_ends(autojump_clock):
    cable = Cable()
    async with trio.open_nursery() as nursery:
        for end in (cable.near, cable.far):
            nursery.start_soon(broken, end.receive_some)
        await trio.sleep(1)
        cable.cut()
    for end in (cable.near, cable.far):
        await broken(end.send_all, b"x")


async def broken(act, *args):
    with pytest.raises(trio.BrokenResourceError):
        await act(*args)


async def test_an_end_that_is_closed_is_closed(autojump_clock):
    cable = Cable()
    await cable.near.aclose()
    for act in (cable.near.receive_some, lambda: cable.near.send_all(b"x")):
        with pytest.raises(trio.ClosedResourceError):
            await act()
    await broken(cable.far.send_all, b"x")
