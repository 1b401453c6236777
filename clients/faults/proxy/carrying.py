"""Two streams and the link between them: reads, waits until things are due, writes.

Nothing is read into a lane that is full, so that a sender is held up as by a slow network. An
end that breaks is told to the other one by a reset, when the lane there lets it through.
"""

import socket
import struct
from contextlib import suppress

import trio

from clients.faults.lane import Lane
from clients.faults.link import CarriedLink
from clients.faults.toxics import UPSTREAM

READ_MAX = 64 * 1024
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class Carrier:
    """Carries one link between `near`, who dialled, and `far`, where it leads."""

    def __init__(
        self, link: CarriedLink, near: trio.abc.HalfCloseableStream,
        far: trio.abc.HalfCloseableStream,
    ) -> None:  # fmt: skip
        self.link = link
        self._near, self._far = near, far
        self._lot = trio.lowlevel.ParkingLot()
        self._open = 2  # lanes that have not come to their end

    def wake(self) -> None:
        """Look again: something was put, taken or changed."""
        self._lot.unpark_all()

    def changed(self) -> None:
        """Toxics came or went, or the link was cut."""
        self.link.changed(trio.current_time())
        self.wake()

    async def run(self) -> None:
        """Carry until both directions have ended, or something ends the link."""
        async with trio.open_nursery() as nursery:
            for lane, source, sink in (
                (self.link.up, self._near, self._far),
                (self.link.down, self._far, self._near),
            ):
                nursery.start_soon(self._read, source, lane)
                nursery.start_soon(self._write, lane, sink)
            await self._judge()
            nursery.cancel_scope.cancel()

    async def _judge(self) -> None:
        while self._open:
            ending = self.link.ending(trio.current_time())
            if ending == "reset":
                reset(self._near)
                reset(self._far)
            if ending in ("reset", "closed"):
                return
            if ending == "half_open":
                reset(self._far if self.link.dead == UPSTREAM else self._near)
            with trio.move_on_at(self.link.next_at()):
                await self._lot.park()

    async def _read(self, stream: trio.abc.ReceiveStream, lane: Lane) -> None:
        broken = False
        while True:
            while lane.full:
                await self._lot.park()
            try:
                data = await stream.receive_some(READ_MAX)
            except _GONE:
                data, broken = b"", True
            if not data:
                lane.end(trio.current_time(), broken)
                self.wake()
                return
            lane.put(bytes(data), trio.current_time())
            self.wake()

    async def _write(self, lane: Lane, stream: trio.abc.HalfCloseableStream) -> None:
        with suppress(*_GONE):  # nobody takes it; the other lane learns by reading
            while True:
                data = lane.take(trio.current_time(), READ_MAX)
                if data is None:
                    with trio.move_on_at(lane.next_at()):
                        await self._lot.park()
                    continue
                self.wake()
                if not data:
                    await self._pass_end(lane, stream)
                    return
                await stream.send_all(data)
        lane.swallow()
        self._lane_ended()

    async def _pass_end(self, lane: Lane, stream: trio.abc.HalfCloseableStream) -> None:
        if lane.broken:
            self.link.cut()
        elif lane.limited:
            self.link.close()
        else:
            with suppress(OSError):  # not connected any more
                await stream.send_eof()
        self._lane_ended()

    def _lane_ended(self) -> None:
        self._open -= 1
        self.wake()


def reset(stream: trio.abc.AsyncResource) -> None:
    """Close a socket so that its peer sees it broken, not ended."""
    if isinstance(stream, trio.SocketStream):
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        stream.socket.close()
        return
    for part in (getattr(stream, "send_stream", None), getattr(stream, "receive_stream", None)):
        close = getattr(part, "close", None)
        if close is not None:  # the parts of a stream in memory
            close()
