"""The proxy between a caller and an echo, over streams without a buffer in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import lockstep_stream_pair

from clients.faults.lane import LANE_BYTES_MAX
from clients.faults.proxy.proxy import Proxy
from clients.faults.toxics import DOWNSTREAM, UPSTREAM, make
from redird.wire.errors import LinkLost
from redird.wire.framing import encode_frame

ENDERS = {
    "reset_peer": make("reset_peer", timeout=500),
    "timeout": make("timeout", timeout=500),
    "down": make("down"),
}


def frame(name: str, payload: bytes = b"") -> bytes:
    return b"".join(encode_frame([1, name, []], payload))


class House:
    """A proxy, what it led to, and whoever dials it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.journal: list[dict] = []
        self.ends: list[trio.StapledStream[Any, Any]] = []
        self.refuses = False
        self.proxy = Proxy("host1-server", self._dial, 1, self.journal.append)

    async def _dial(self):
        if self.refuses:
            raise LinkLost("nobody listens")
        there, far = lockstep_stream_pair()
        self.ends.append(there)
        return far

    async def call(self) -> trio.StapledStream[Any, Any]:
        """Dial through the proxy; what leads on is in `ends`."""
        near, ours = lockstep_stream_pair()
        self._nursery.start_soon(self.proxy.serve, near)
        await trio.testing.wait_all_tasks_blocked()
        return ours


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    async with trio.open_nursery() as nursery:
        yield House(nursery)
        nursery.cancel_scope.cancel()


async def read(stream, count: int) -> bytes:
    found = b""
    while len(found) < count and (data := await stream.receive_some()):
        found += data
    return found


async def test_what_is_said_comes_through_both_ways_and_so_does_the_end(autojump_clock):
    async with house() as h:
        near = await h.call()
        await near.send_all(frame("Echo") + b"\0")
        assert frame("Echo") == await read(h.ends[0], len(frame("Echo")))
        await h.ends[0].send_all(b"hello")
        assert b"hello" == await read(near, 5)
        await near.send_eof()
        assert b"\0" == await read(h.ends[0], 2)
        await h.ends[0].send_all(b" again")
        await h.ends[0].send_eof()
        assert b" again" == await read(near, 100)
        await trio.sleep(1)

        assert (0, []) == (h.proxy.links, h.journal)


async def test_a_latency_takes_its_time_and_is_written_down_once_a_link(autojump_clock):
    async with house() as h:
        toxic = make("latency", DOWNSTREAM, latency=700)
        h.proxy.add(toxic)
        near = await h.call()
        for _ in range(2):
            began = trio.current_time()
            await h.ends[0].send_all(b"hello")
            assert b"hello" == await read(near, 5)
            assert 0.7 == pytest.approx(trio.current_time() - began)

        assert (1, ["latency"]) == (h.proxy.changed(toxic), [one["type"] for one in h.journal])


async def test_a_frame_is_touched_and_written_down_with_its_place(autojump_clock):
    async with house() as h:
        first, near = await h.call(), await h.call()
        await first.send_all(frame("Logoff"))
        toxic = make("drop", UPSTREAM, message="CloseBatch", nth=2)
        h.proxy.add(toxic)
        for name in ("CloseBatch", "Logoff", "CloseBatch", "Echo"):
            await near.send_all(frame(name))
        expected = frame("CloseBatch") + frame("Logoff") + frame("Echo")
        assert expected == await read(h.ends[1], len(expected))

        assert 1 == h.proxy.changed(toxic)
        assert [
            {"at_s": h.journal[0]["at_s"], "wire": "host1-server", "link": 1,
             "stream": "upstream", "frame": 2, "message": "CloseBatch",
             "toxic": "drop_upstream", "type": "drop"}
        ] == h.journal  # fmt: skip


async def test_a_black_hole_holds_the_sender_up_and_heals(autojump_clock):
    async with house() as h:
        near = await h.call()
        h.proxy.add(toxic := make("timeout", UPSTREAM))
        sent = 0
        with trio.move_on_after(10):
            while True:
                await near.send_all(frame("Write", bytes(60_000)))
                sent += 1
        assert LANE_BYTES_MAX / 60_000 < sent < 3 * LANE_BYTES_MAX / 60_000
        h.proxy.remove(toxic)

        whole = sent * len(frame("Write", bytes(60_000)))
        assert whole == len(await read(h.ends[0], whole))


@pytest.mark.parametrize("kind", ENDERS)
async def test_a_link_is_ended_by_a_toxic(kind, autojump_clock):
    async with house() as h:
        near = await h.call()
        h.proxy.add(toxic := ENDERS[kind])
        began = trio.current_time()
        assert b"" == await read(near, 1)
        assert b"" == await read(h.ends[0], 1)

        await trio.testing.wait_all_tasks_blocked()
        assert (0.0 if kind == "down" else 0.5) == pytest.approx(trio.current_time() - began)
        assert (0, 1) == (h.proxy.links, h.proxy.changed(toxic))


async def test_a_cut_ends_every_link_and_nobody_after(autojump_clock):
    async with house() as h:
        callers = [await h.call() for _ in range(3)]
        assert (3, 3) == (h.proxy.links, h.proxy.cut())
        for near in callers:
            assert b"" == await read(near, 1)
        near = await h.call()
        await near.send_all(b"hello")

        assert b"hello" == await read(h.ends[3], 5)


async def test_half_open_one_end_dies_and_the_other_is_not_told_until_it_heals(autojump_clock):
    async with house() as h:
        near = await h.call()
        h.proxy.add(toxic := make("half_open", UPSTREAM))
        assert b"" == await read(h.ends[0], 1)
        with trio.move_on_after(60) as unheard:
            while True:
                await near.send_all(frame("Echo"))
                await trio.sleep(1)
        assert unheard.cancelled_caught
        h.proxy.remove(toxic)

        assert b"" == await read(near, 1)


async def test_who_cannot_be_led_on_is_reset(autojump_clock):
    async with house() as h:
        h.refuses = True
        near = await h.call()

        assert b"" == await read(near, 1)


async def test_one_link_that_is_not_read_costs_no_other(autojump_clock):
    async with house() as h:
        slow, near = await h.call(), await h.call()
        with trio.move_on_after(1) as full:
            while True:
                await slow.send_all(bytes(100_000))
        assert full.cancelled_caught
        await near.send_all(b"hello")

        assert b"hello" == await read(h.ends[1], 5)
