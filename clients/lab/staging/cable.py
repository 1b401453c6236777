"""A cable between two programs in one process: a bounded stream whose frames can be seen.

What is sent arrives frame by frame, so that a lane can be held back as a whole (its end too:
the peer sees nothing, as behind a dead router), or just the messages of some names; it can be
slow; it can be cut. Time is trio's, real or virtual. As with a socket, what there is room for
is sent at once, without a task.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import trio

from redird.wire.errors import RemoteProtocolError
from redird.wire.framing import PREFIX_BYTES, frame_end, peek_name

SIGNS = ("Echo", "Echoed")
LANE_BYTES_MAX = 256 * 1024  # a sender waits as long as more than that is under way


@dataclass(slots=True, eq=False)
class _Frame:
    name: str  # of its message; empty for what is no frame, and for the rest of one
    data: bytes
    due_at: float


class Lane:
    """One direction of a cable. `arrived` counts the messages that came through, by name.

    `on_arrival` hears the name of each, before the receiver has it. `toxic` gets each frame as
    it is sent, and puts on whatever is to arrive of it; `missing` counts those it has kept back
    or lost.
    """

    def __init__(self, bytes_max: int = LANE_BYTES_MAX) -> None:
        self.arrived: Counter[str] = Counter()
        self.on_arrival: Callable[[str], None] = lambda name: None
        self.toxic: Callable[[str, bytes], None] | None = None
        self.missing = 0
        self.delay_s = 0.0
        self.close_delay_s = 0.0  # the end of it is told so much later
        self._bytes_max = bytes_max
        self._bytes = 0
        self._frames: deque[_Frame] = deque()
        self._framed = True
        self._rest = b""  # of a frame that has begun
        self._held_names: set[str] = set()
        self._all_held = self._ended = self._unread = self._cut = False
        self._stopped = self._into_nothing = False
        self._end_at = 0.0
        self._readable = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()

    # --- faults ---

    def hold(self, *names: str) -> None:
        """Let nothing arrive any more, or no message of these names; others overtake them."""
        self._held_names |= set(names)
        self._all_held |= not names

    def release(self) -> None:
        """Let everything arrive."""
        self._held_names.clear()
        self._all_held = False
        self._wake()

    def set_held(self, stopped: bool) -> None:
        """Let nothing arrive, or all that is not held by other means."""
        if stopped is not self._stopped:
            self._stopped = stopped
            self._wake()

    def cut(self) -> None:
        """Lose what is under way; both ends see the stream broken."""
        self._cut = True
        self._frames.clear()
        self._wake()

    def lose_receiver(self) -> None:
        """Whoever receives is gone, and whoever sends is not told."""
        self._into_nothing = self._ended = True
        self._frames.clear()
        self._wake()

    @property
    def over(self) -> bool:
        """Whether it is cut, or both its ends are closed."""
        return self._cut or (self._ended and self._unread)

    @property
    def under_way(self) -> int:
        """How many bytes were sent and have not arrived."""
        return self._bytes + len(self._rest)

    @property
    def idle(self) -> bool:
        """Whether all that was sent has arrived, but for signs of life."""
        signs = sum(len(one.data) for one in self._frames if one.name in SIGNS)
        return self.under_way == signs and not self.missing

    @property
    def _is_silent(self) -> bool:
        return self._all_held or self._stopped

    def _wake(self) -> None:
        self._readable.unpark_all()
        self._room.unpark_all()

    # --- the sender's end ---

    async def send(self, data: bytes) -> None:
        """Wait until there is room, then send all of `data`."""
        await trio.lowlevel.checkpoint()
        while not self.send_now(data):
            await self._room.park()

    def send_now(self, data: bytes) -> bool:
        """Send all of `data`, or return False as there is no room."""
        if self._into_nothing and not self._cut:
            return True
        if self._ended:
            raise trio.ClosedResourceError("this end is closed")
        if self._cut or (self._unread and not self._is_silent):
            raise trio.BrokenResourceError("nobody is at the other end")
        if self._bytes >= self._bytes_max:
            return False
        self._bytes += len(data)
        self._split(self._rest + data if self._rest else data)
        if self._readable:
            self._readable.unpark_all()
        return True

    def end(self) -> None:
        """Nothing more will be sent."""
        self._ended = True
        self._end_at = trio.current_time() + self.close_delay_s
        self._append("", self._rest)
        self._rest = b""
        self._wake()

    def _split(self, data: bytes) -> None:
        """Take whole frames off what was sent; a sender of other things gets it through too."""
        at = 0
        try:
            while self._framed and 0 < (end := frame_end(data, at)) <= len(data):
                self._append(peek_name(data, at + PREFIX_BYTES), data[at:end])
                at = end
        except RemoteProtocolError:
            self._framed = False
        self._rest = data[at:] if at else data
        if not self._framed:
            self._append("", self._rest)
            self._rest = b""

    def _append(self, name: str, data: bytes) -> None:
        if not data:
            return
        if self.toxic is None:
            self._frames.append(_Frame(name, data, trio.current_time() + self.delay_s))
            return
        self._bytes -= len(data)
        self.toxic(name, data)

    def put(self, name: str, data: bytes, late_s: float) -> None:
        """Let a frame arrive, by so much later than without."""
        if self._cut or self._unread or self._into_nothing:
            return
        self._bytes += len(data)
        due_at = trio.current_time() + self.delay_s + late_s
        self._frames.append(_Frame(name, data, due_at))
        if self._readable:
            self._readable.unpark_all()

    # --- the receiver's end ---

    async def receive(self, bytes_max: int) -> bytes:
        """Wait for the next frame, or b"" at the end."""
        if self._frames:
            await trio.lowlevel.checkpoint()
        while True:
            self._require_whole()
            frame = None if self._is_silent else self._next()
            if frame is not None and frame.due_at <= trio.current_time():
                return self._take(frame, bytes_max)
            until = inf if frame is None else frame.due_at
            if self._ended and not self._frames and not self._is_silent:
                if self._end_at <= trio.current_time():
                    return b""
                until = self._end_at
            if until == inf:
                await self._readable.park()
                continue
            with trio.move_on_at(until):
                await self._readable.park()

    def leave_unread(self) -> None:
        """Nothing more will be received."""
        self._unread = True
        self._frames.clear()
        self._wake()

    def _require_whole(self) -> None:
        if self._unread:
            raise trio.ClosedResourceError("this end is closed")
        if self._cut:
            raise trio.BrokenResourceError("the cable was cut")

    def _next(self) -> _Frame | None:
        if not self._held_names:
            return self._frames[0] if self._frames else None
        return next((one for one in self._frames if one.name not in self._held_names), None)

    def _take(self, frame: _Frame, bytes_max: int) -> bytes:
        self._frames.remove(frame)
        data, rest = frame.data[:bytes_max], frame.data[bytes_max:]
        if rest:
            self._frames.appendleft(_Frame("", rest, frame.due_at))
        if frame.name:
            self.arrived[frame.name] += 1
            self.on_arrival(frame.name)
        self._bytes -= len(data)
        if self._room:
            self._room.unpark_all()
        return data


class End(trio.abc.Stream):
    """One end of a cable, as a stream."""

    def __init__(self, outgoing: Lane, incoming: Lane) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`."""
        await self._outgoing.send(bytes(data))

    def write_now(self, buffers: list[bytes]) -> list[bytes]:
        """Send what there is room for, all or nothing; returns the rest."""
        data = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        return [] if self._outgoing.send_now(data) else buffers

    async def wait_send_all_might_not_block(self) -> None:
        """Return; `send_all` waits."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what arrived next, b"" at the end."""
        return await self._incoming.receive(max_bytes or LANE_BYTES_MAX)

    async def aclose(self) -> None:
        """Close this end; the other one still gets what is under way to it."""
        self._outgoing.end()
        self._incoming.leave_unread()
        await trio.lowlevel.checkpoint()


class Cable:
    """Two lanes: `up` from whoever dialled (`near`) to whoever listens (`far`), and `down`."""

    def __init__(self, bytes_max: int = LANE_BYTES_MAX) -> None:
        self.up, self.down = Lane(bytes_max), Lane(bytes_max)
        self.near, self.far = End(self.up, self.down), End(self.down, self.up)

    def hold(self) -> None:
        """Let nothing through in either direction: neither end can tell it from silence."""
        self.up.hold()
        self.down.hold()

    def release(self) -> None:
        """Let everything through."""
        self.up.release()
        self.down.release()

    def delay(self, seconds: float) -> None:
        """Make whatever is sent from now on take so long, each way."""
        self.up.delay_s = self.down.delay_s = seconds

    @property
    def ended(self) -> bool:
        """Whether nothing can pass any more."""
        return self.up.over and self.down.over

    @property
    def idle(self) -> bool:
        """Whether all that was sent has arrived, but for signs of life."""
        return self.up.idle and self.down.idle

    def cut(self) -> None:
        """Break it: both ends see that at once."""
        self.up.cut()
        self.down.cut()
