"""One direction of one link, with the toxics of its wire at work: bytes in, bytes out later.

Frames of ours are seen as such and held, cut up or turned over whole; what is not ours passes
as bytes. Time is an argument. Nobody here sends: a shell puts what it read, asks when the next
thing is due, and takes it. Order is kept, but for what a toxic sets apart.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from clients.faults.applied import Applied, Toxics
from clients.faults.toxics import Place, affects, corrupted, latency_s, slices
from redird.wire.errors import RemoteProtocolError
from redird.wire.framing import PREFIX_BYTES, frame_end, peek_name

LANE_BYTES_MAX = 256 * 1024  # nobody reads more into a lane that holds as much
PACE = ("latency", "bandwidth", "slicer")


@dataclass(slots=True, eq=False)
class _Piece:
    """A frame, or a slice of one: `whole` when a frame ends with it."""

    data: bytes
    due_at: float
    whole: bool = True
    waits: Applied | None = None  # for the end of this toxic


class Lane:
    """What is under way in one direction of link number `link`."""

    def __init__(self, toxics: Toxics, link: int, direction: str) -> None:
        self._toxics = toxics
        self._place = Place(toxics.wire, link, direction)
        self._line: deque[_Piece] = deque()
        self._apart: list[_Piece] = []  # others overtake these
        self._overtaken: list[_Piece] = []  # by the next frame
        self._rest = b""  # of a frame that has begun
        self._framed, self._inside, self._swallows = True, False, False
        self._bytes = self._frames = 0
        self._last_due = self._free_at = 0.0
        self._ends_at = inf
        self._passed: dict[Applied, int] = {}  # bytes, under a limit of data
        self._counted: set[Applied] = set()
        self.broken = False  # its end is no orderly one
        self.limited = False  # a limit of data is reached: after it the link is to be closed

    @property
    def full(self) -> bool:
        """Whether so much is under way that its sender must wait."""
        return self._bytes >= LANE_BYTES_MAX

    # --- in ---

    def put(self, data: bytes, now: float) -> None:
        """Take what the sender sent."""
        if self._swallows or self.limited:
            return
        data = self._rest + data if self._rest else data
        at = 0
        try:
            while self._framed and 0 < (end := self._frame_end(data, at)) <= len(data):
                self._frame(peek_name(data, at + PREFIX_BYTES), data[at:end], now)
                at = end
        except RemoteProtocolError:
            self._framed = False
        self._rest = data[at:]
        if not self._framed:
            self._flush_rest(now)

    @staticmethod
    def _frame_end(data: bytes, at: int) -> int:
        if data[at : at + 1] > b"\0":  # no frame is as long as 16 MiB: another protocol
            raise RemoteProtocolError("no frame begins like that")
        return frame_end(data, at)

    def end(self, now: float, broken: bool = False) -> None:
        """The sender will send nothing more: it has closed, or (`broken`) is gone."""
        if self._ends_at < inf:
            return
        self.broken = broken
        self._flush_rest(now)
        self._ends_at = now
        for one in self._working("slow_close"):
            self._ends_at = max(self._ends_at, now + one.toxic.number("delay") / 1000)
            self._touch_link(one, now)

    def swallow(self) -> None:
        """Let nothing through any more, and hold nobody up."""
        self._swallows = True
        self._line.clear()
        self._apart.clear()
        self._overtaken.clear()
        self._rest, self._bytes = b"", 0

    def _flush_rest(self, now: float) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            self._in_line(rest, now)

    def _frame(self, name: str, data: bytes, now: float) -> None:
        """One frame, and what toxics of frames make of it."""
        place = Place(self._place.wire, self._place.link, self._place.direction, self._frames)
        self._frames += 1
        copies, apart = 1, None
        for one in self._toxics.touching(place, name):
            self._toxics.touch(one, place, now, name)
            kind = one.toxic.type
            if kind == "corrupt":
                data = corrupted(self._toxics.seed, place, one.toxic, data, PREFIX_BYTES)
            elif kind in ("drop", "duplicate"):
                copies = 0 if kind == "drop" else copies * 2
            else:
                apart = one
        for _ in range(copies):
            if apart is None:
                self._in_line(data, now, place.number)
            else:
                self._set_apart(data, apart, now)

    def _set_apart(self, data: bytes, by: Applied, now: float) -> None:
        self._bytes += len(data)
        if by.toxic.type == "reorder":
            self._overtaken.append(_Piece(data, now, waits=by))
        else:
            delay_s = inf if by.toxic.type == "hold" else by.toxic.number("delay") / 1000
            self._apart.append(_Piece(data, now + delay_s, waits=by))

    def _in_line(self, data: bytes, now: float, number: int = 0) -> None:
        data = self._within_limit(data, now)
        due_at = max(self._last_due, now + self._latency_s(number, now))
        for size in self._sizes(len(data), number, now):
            due_at = self._after_bandwidth(due_at + self._slice_delay_s(), size, now)
            piece, data = data[:size], data[size:]
            self._line.append(_Piece(piece, due_at, whole=not data))
            self._bytes += size
        self._last_due = due_at
        for one in self._overtaken:
            one.due_at = due_at
        self._line += self._overtaken
        self._overtaken.clear()

    # --- what toxics of streams do to it ---

    def _working(self, *types: str) -> list[Applied]:
        if not len(self._toxics):
            return []
        seed = self._toxics.seed
        found = self._toxics.of_type(*types)
        return [one for one in found if affects(seed, self._place, one.toxic)]

    def _touch_link(self, one: Applied, now: float) -> None:
        """Count a link once, however much of it is touched."""
        if one not in self._counted:
            self._counted.add(one)
            self._toxics.touch(one, self._place, now)

    def _at(self, number: int) -> Place:
        return Place(self._place.wire, self._place.link, self._place.direction, number)

    def _latency_s(self, number: int, now: float) -> float:
        took_s = 0.0
        for one in self._working("latency"):
            self._touch_link(one, now)
            took_s += latency_s(self._toxics.seed, self._at(number), one.toxic)
        return took_s

    def _sizes(self, length: int, number: int, now: float) -> list[int]:
        for one in self._working("slicer"):
            self._touch_link(one, now)
            return slices(self._toxics.seed, self._at(number), one.toxic, length)
        return [length] if length else []

    def _slice_delay_s(self) -> float:
        return sum(one.toxic.number("delay") / 1e6 for one in self._working("slicer"))

    def _after_bandwidth(self, due_at: float, size: int, now: float) -> float:
        rates = [one for one in self._working("bandwidth") if one.toxic.number("rate")]
        for one in rates:
            self._touch_link(one, now)
            self._free_at = max(self._free_at, due_at) + size / (
                1000 * one.toxic.number("rate")
            )
            due_at = self._free_at
        return due_at

    def _within_limit(self, data: bytes, now: float) -> bytes:
        for one in self._working("limit_data"):
            passed = self._passed.get(one, 0)
            left = one.toxic.number("bytes") - passed
            self._passed[one] = passed + len(data)
            if len(data) >= left:
                self._touch_link(one, now)
                data, self.limited = data[: max(0, left)], True
        return data

    # --- out ---

    def changed(self, now: float) -> None:
        """Toxics came or went: what those that went held up is due."""
        for one in [*self._apart, *self._overtaken]:
            if one.waits is not None and not self._toxics.works(one.waits.toxic):
                one.due_at = now
        ready = [one for one in self._overtaken if one.due_at <= now]
        self._overtaken = [one for one in self._overtaken if one not in ready]
        self._apart += ready
        if not self._working(*PACE):
            self._last_due = self._free_at = now
            for one in self._line:
                one.due_at = min(one.due_at, now)
        if self._ends_at < inf and not self._working("slow_close"):
            self._ends_at = min(self._ends_at, now)

    def next_at(self) -> float:
        """When `take` will give something, as far as is known now."""
        if self._swallows or self._working("timeout"):
            return inf
        pieces = list(self._line)[:1] if self._inside else [*list(self._line)[:1], *self._apart]
        return min((one.due_at for one in pieces), default=self._end_at())

    def _end_at(self) -> float:
        """When the end may be taken: after all else, and what nothing overtook is no more."""
        if self._line or self._apart:
            return inf
        return 0.0 if self.limited else self._ends_at

    def take(self, now: float, most: int) -> bytes | None:
        """The next bytes that are due, b"" at the end, None when nothing is."""
        if self._swallows:
            return None
        blocked = self._working("timeout")
        if blocked:
            for one in blocked if self._line or self._ends_at < inf else ():
                self._touch_link(one, now)
            return None
        if self._end_at() <= now and self._overtaken:
            self._line += self._overtaken
            self._overtaken.clear()
        return self._take_piece(now, most)

    def _take_piece(self, now: float, most: int) -> bytes | None:
        late = () if self._inside else (one for one in self._apart if one.due_at <= now)
        piece = next(iter(late), None)
        if piece is not None:
            self._apart.remove(piece)
            self._line.appendleft(piece)
        elif not self._line:
            return b"" if self._end_at() <= now else None
        piece = self._line[0]
        if piece.due_at > now:
            return None
        data, piece.data = piece.data[:most], piece.data[most:]
        self._bytes -= len(data)
        self._inside = bool(piece.data) or not piece.whole
        if not piece.data:
            self._line.popleft()
        return data
